/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `semradio-align fit`: files in, file and store out, JSON, and what it says when it can't. */
#include "adapter/adapter.h"
#include "alignment/adapters.h"
#include "alignment/fits.h"
#include "file.h"
#include "fit/align_fit.h"
#include "fit/pilots.h"
#include "program.h"
#include "safetensors.h"
#include "store/store.h"

#include <jansson.h>
#include <stdint.h>

static char folder[64], path[4][160];

static void begin(void)
{
    snprintf(folder, sizeof folder, "/tmp/semradio_fit_XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    static const char *const names[4] = {"pilots.safetensors", "out.safetensors", "store", "text"};
    for (int i = 0; i < 4; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
    }
}

static void save_pilots(uint64_t base, int rate)
{
    rng_t rng;
    err_t err = ERR_INIT;
    rng_seed(&rng, 120, 0);
    fits_map_t truth = fits_map(&rng, 2, 1);
    fit_pilots_t pilots = fits_pilots(&rng, &truth, 6, 5, 0.01f);
    CHECK_INT(pilots_save(path[0], &pilots, base, base ^ 5, rate, &err), 0);
    fits_map_free(&truth);
    fits_free(&pilots);
}

static align_fit_options_t some(void)
{
    align_fit_options_t options = {.pilots = path[0],
                                   .out = path[1],
                                   .store = path[2],
                                   .fit = FIT_OPTIONS_INIT,
                                   .info = ADAPTER_INFO_INIT,
                                   .json = true};
    strcpy(options.info.name, "a-to-b");
    return options;
}

static void test_command(void)
{
    begin();
    save_pilots(0xfeedULL, 2);
    err_t err = ERR_INIT;
    align_fit_options_t options = some();
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (align_fit_command(&options, out, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        CU_FAIL("align_fit_command");
    }
    fclose(out);
    json_t *json = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json, "method")), "widely_linear");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json, "kind")), "linear");
    CHECK_INT(json_integer_value(json_object_get(json, "pairs")), 6);
    CHECK_INT(json_integer_value(json_object_get(json, "places")), 150);
    CHECK_AT_MOST(json_real_value(json_object_get(json, "nmse_db")), -15.0);
    CU_ASSERT_PTR_NULL(json_object_get(json, "steps"));
    adapter_t *adapter = adapter_load(path[1], &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
    CHECK_INT(adapter_info(adapter)->base, 0xfeed);
    CHECK_INT(adapter_info(adapter)->rate, 2);
    CU_ASSERT_STRING_EQUAL(adapter_note(adapter, "fit.pilots"), "6");
    digest_t id = adapter_id(adapter), named;
    char hex[DIGEST_TEXT];
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(json, "id")), digest_text(&id, hex));
    store_t *store = store_open(path[2], &err);
    CHECK_INT(store_find_name(store, "a-to-b", &named, &err), 0);
    CU_ASSERT(digest_equal(&named, &id));
    adapter_t *stored = store_load_adapter(store, &id, &err);
    CU_ASSERT_PTR_NOT_NULL(stored);
    adapter_destroy(stored);
    store_close(store);
    adapter_destroy(adapter);
    json_decref(json);
    free(text);
    text = NULL;
    options.json = false; /* for people */
    out = open_memstream(&text, &size);
    CHECK_INT(align_fit_command(&options, out, &err), 0);
    fclose(out);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "6 pilots of 25 places"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, hex));
    free(text);
    adapters_remove_folder(folder);
}

static void refuse(align_fit_options_t options, const char *names)
{
    err_t err = ERR_INIT;
    CHECK_INT(align_fit_command(&options, stdout, &err), -1);
    CHECK_ERROR_NAMES(&err, names);
}

static void test_refusals(void)
{
    begin();
    refuse(some(), path[0]); /* no pilots */
    save_pilots(0, 0);
    refuse(some(), "--fit.base");
    align_fit_options_t options = some();
    options.info.base = 5;
    strcpy(options.info.name, "../up");
    refuse(options, "a name has");
    options = some();
    options.info.base = 5;
    options.out = "/nonexistent/out";
    refuse(options, "/nonexistent/out");
    options = some();
    options.info.base = 5;
    options.fit.kernel = 2;
    refuse(options, path[0]);
    options.fit.kernel = 5;
    const float values[16] = {0};
    safetensors_tensor_t x = {
        .name = "X", .rank = 5, .shape = {1, 2, 2, 2, 2}, .count = 16, .data = values};
    safetensors_tensor_t tensors[2] = {x, x};
    tensors[1].name = "Y";
    err_t err = ERR_INIT;
    CHECK_INT(safetensors_write(path[0], tensors, 1, NULL, NULL, 0, &err), 0);
    refuse(options, "tensor Y is missing");
    tensors[1].shape[0] = 2;
    tensors[1].shape[1] = 1;
    CHECK_INT(safetensors_write(path[0], tensors, 2, NULL, NULL, 0, &err), 0);
    refuse(options, "differ in shape");
    tensors[0].rank = 4;
    tensors[0].shape[3] = 4;
    CHECK_INT(safetensors_write(path[0], tensors, 2, NULL, NULL, 0, &err), 0);
    refuse(options, "tensor X is missing or not");
    tensors[0] = tensors[1] = x;
    tensors[1].name = "Y";
    const char *keys[] = {"pilots.base", "pilots.rate"}, *bad[] = {"12", "900"};
    for (int i = 0; i < 2; i++) {
        CHECK_INT(safetensors_write(path[0], tensors, 2, &keys[i], &bad[i], 1, &err), 0);
        refuse(options, keys[i]);
    }
    adapters_remove_folder(folder);
}

/* Runs the subcommand with its output in a file. */
static int run_main(int argc, char **argv)
{
    fflush(stdout);
    int keep = dup(1);
    CU_ASSERT_PTR_NOT_NULL(freopen(path[3], "w", stdout));
    int code = align_fit_main(argc, argv);
    fflush(stdout);
    dup2(keep, 1);
    close(keep);
    return code;
}

static void test_words(void)
{
    begin();
    save_pilots(0xfeedULL, 2);
    char out[200];
    snprintf(out, sizeof out, "--fit.out=%s", path[1]);
    char *good[] = {"fit",
                    "--fit.method=procrustes",
                    "--fit.snr_low_db=10",
                    "--fit.snr_high_db=15",
                    out,
                    "--json",
                    "--fit.base=00000000000000aa",
                    path[0],
                    NULL};
    CHECK_INT(run_main(8, good), PROGRAM_OK);
    err_t err = ERR_INIT;
    adapter_t *adapter = adapter_load(path[1], &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
    CHECK_INT(adapter_info(adapter)->kind, ADAPTER_PROCRUSTES);
    CHECK_INT(adapter_info(adapter)->base, 0xaa);
    CHECK_NEAR(adapter_info(adapter)->snr_low_db, 10.0, 0.0);
    CHECK_AT_LEAST(strlen(adapter_info(adapter)->created), 20);
    adapter_destroy(adapter);
    uint8_t *text = NULL;
    size_t size = 0;
    CHECK_INT(file_read_all(path[3], 10000, &text, &size, &err), 0);
    json_t *json = json_loadb((char *)text, size, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL(json);
    json_decref(json);
    free(text);
    char *without[] = {"fit", NULL}, *odd[] = {"fit", "--fit.base=xyz", path[0], NULL};
    char *absent[] = {"fit", "/nonexistent", NULL},
         *turned[] = {"fit", "--fit.snr_low_db=20", "--fit.snr_high_db=1", path[0], NULL};
    CHECK_INT(run_main(1, without), PROGRAM_USAGE);
    CHECK_INT(run_main(3, odd), PROGRAM_USAGE);
    CHECK_INT(run_main(4, turned), PROGRAM_USAGE);
    CHECK_INT(run_main(2, absent), PROGRAM_FAILED);
    adapters_remove_folder(folder);
}

static const check_test_t tests[] = {
    {"pilots become an adapter in a file and a named one in a store", test_command},
    {"missing, odd and contradicting input is named", test_refusals},
    {"the subcommand's words reach the fit, exit codes tell", test_words},
};

int main(void)
{
    return check_run("align fit", tests, CHECK_COUNT(tests));
}
