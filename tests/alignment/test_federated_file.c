/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command: files in and out, exit codes, hostile input. */
#include "alignment/federated_problem.h"
#include "check.h"
#include "federated/align_federated.h"
#include "file.h"
#include "program.h"
#include "safetensors.h"

#include <unistd.h>

static char in_path[64], out_path[64];

enum { TENSORS = 16 };

/* The problem's tensors and scalars; *count of them. */
static void list(const problem_t *p, safetensors_tensor_t *t, int *count)
{
    static const double scalar[] = {2.0, 0.05, 1.0, 2.0, 6.0};
    static const char *const scalar_name[] = {"K", "sigma2", "rho", "P", "rounds"};
    static const char *const y[] = {"Y0", "Y1", "Y2"}, *const h[] = {"H0", "H1", "H2"};
    *count = 0;
    t[(*count)++] = (safetensors_tensor_t){"X", SAFETENSORS_F64, 2, {p->input.x.rows, p->input.x.samples}, 0,
                                           p->input.x.v};
    for (int k = 0; k < PROBLEM_USERS; k++) {
        t[(*count)++] =
            (safetensors_tensor_t){y[k], SAFETENSORS_F64, 2, {p->y[k].rows, p->y[k].samples}, 0, p->y[k].v};
        t[(*count)++] =
            (safetensors_tensor_t){h[k], SAFETENSORS_F64, 3, {p->h[k].rows, p->h[k].samples, 2}, 0, p->h[k].v};
    }
    for (int i = 0; i < 5; i++) {
        t[(*count)++] = (safetensors_tensor_t){scalar_name[i], SAFETENSORS_F64, 1, {1}, 0, &scalar[i]};
    }
}

static void save(safetensors_tensor_t *t, int count)
{
    err_t err = ERR_INIT;
    for (int i = 0; i < count; i++) {
        t[i].count = 1;
        for (int j = 0; j < t[i].rank; j++) {
            t[i].count *= (size_t)t[i].shape[j];
        }
    }
    CHECK_INT(safetensors_write(in_path, t, count, NULL, NULL, 0, &err), 0);
}

/* With three words after the two files. */
static int command(const char *a, const char *b, const char *c)
{
    char *argv[] = {"federated", in_path, out_path, "--complexify", "--whiten", (char *)a, (char *)b, (char *)c};
    unlink(out_path);
    return align_federated_main(8, argv);
}

static double value(const safetensors_t *file, const char *name, size_t i)
{
    double v = (double)NAN;
    const safetensors_tensor_t *t = safetensors_find(file, name);
    CU_ASSERT_FATAL(t != NULL && t->dtype == SAFETENSORS_F64 && i < t->count);
    memcpy(&v, (const char *)t->data + 8 * i, sizeof v);
    return v;
}

static void test_command(void)
{
    safetensors_tensor_t t[TENSORS];
    problem_t p;
    int count;
    err_t err = ERR_INIT;
    problem_create(&p, 4, 24, 80, 2);
    list(&p, t, &count);
    save(t, count);
    CHECK_INT(command("--method=joint", "--sigma2=0.5", "--K=3"), PROGRAM_OK);
    safetensors_t *out = safetensors_open(out_path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    static const char *const names[] = {"F", "Z", "G0", "G1", "G2", "Gdep0", "Gdep2", "obj_round", "obj_dep"};
    for (int i = 0; i < CHECK_COUNT(names); i++) {
        CU_ASSERT_PTR_NOT_NULL(safetensors_find(out, names[i]));
    }
    const safetensors_tensor_t *z = safetensors_find(out, "Z"), *g = safetensors_find(out, "G1");
    CHECK_INT(z->rank, 3);
    CHECK_INT(z->shape[0], 6); /* the option's K, not the file's */
    CHECK_INT(z->shape[1], 12);
    CHECK_INT(g->shape[0], 6);
    CHECK_INT(safetensors_find(out, "obj_dep")->count, 6);
    CHECK_NEAR(value(out, "sigma2", 0), 0.5, 0.0);
    CHECK_NEAR(value(out, "rho", 0), 1.0, 0.0);
    CU_ASSERT_STRING_EQUAL(safetensors_note(out, "method"), "joint");
    safetensors_close(out);
    CHECK_INT(command("--method=multi", "--json", "--widely_linear"), PROGRAM_OK);
    CHECK_INT(command("--method=top-k", "--json", "--domain=raw"), PROGRAM_OK);
    CHECK_INT(command("--method=nothing", "--json", "--json"), PROGRAM_USAGE);
    CHECK_INT(command("--snr_db=3", "--sigma2=1", "--json"), PROGRAM_USAGE);
    problem_destroy(&p);
}

static void test_left_out(void)
{
    safetensors_tensor_t t[TENSORS];
    problem_t p;
    int count;
    err_t err = ERR_INIT;
    problem_create(&p, 4, 24, 80, 2);
    ((double *)p.y[1].v)[17] = (double)NAN;
    list(&p, t, &count);
    save(t, count);
    CHECK_INT(command("--json", "--json", "--json"), ALIGN_FEDERATED_LEFT_OUT);
    safetensors_t *out = safetensors_open(out_path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CU_ASSERT(safetensors_find(out, "Gdep1") == NULL && safetensors_find(out, "Gdep2") != NULL);
    CU_ASSERT(strstr(safetensors_note(out, "left_out.1"), "not finite") != NULL);
    CU_ASSERT(isnan(value(out, "nmse", 1)) && value(out, "nmse", 2) < 1.0);
    safetensors_close(out);
    CHECK_INT(command("--strict", "--json", "--json"), PROGRAM_FAILED);
    CU_ASSERT(access(out_path, F_OK) != 0);
    t[3].rank = 1; /* Y1 */
    t[3].shape[0] *= t[3].shape[1];
    save(t, count);
    CHECK_INT(command("--json", "--json", "--json"), ALIGN_FEDERATED_LEFT_OUT);
    problem_destroy(&p);
}

static void refused(safetensors_tensor_t *t, int count, const char *part)
{
    err_t err = ERR_INIT;
    save(t, count);
    CU_ASSERT_PTR_NULL(federated_file_load(in_path, &err));
    CHECK_ERROR_NAMES(&err, part);
    CHECK_ERROR_NAMES(&err, in_path);
}

static void test_refused(void)
{
    safetensors_tensor_t t[TENSORS], was;
    problem_t p;
    int count;
    static const double bad[2] = {1.0, 2.0};
    problem_create(&p, 4, 24, 80, 2);
    list(&p, t, &count);
    refused(t + 1, count - 1, "no tensor X");
    refused(t, 1, "no tensor Y0");
    was = t[0];
    t[0].rank = 1;
    refused(t, count, "tensor X is not a matrix");
    t[0] = was;
    t[7] = (safetensors_tensor_t){"K", SAFETENSORS_F64, 1, {2}, 0, bad};
    refused(t, count, "tensor K");
    t[7].shape[0] = 1;
    t[7].name = "other"; /* K is nowhere then */
    save(t, count);
    CHECK_INT(command("--json", "--json", "--json"), PROGRAM_USAGE);
    problem_destroy(&p);
}

/* Whatever is cut off or changed: an error or a result, never more. */
static void test_hostile(void)
{
    safetensors_tensor_t t[TENSORS];
    problem_t p;
    uint8_t *bytes = NULL;
    size_t size = 0;
    int count;
    err_t err = ERR_INIT;
    rng_t rng;
    problem_create(&p, 4, 8, 20, 1);
    list(&p, t, &count);
    save(t, count);
    CHECK_INT(file_read_all(in_path, 1 << 20, &bytes, &size, &err), 0);
    rng_seed(&rng, 1, 0);
    for (int i = 0; i < 400; i++) {
        uint8_t *copy = malloc(size);
        memcpy(copy, bytes, size);
        size_t kept = i < 50 ? rng_below(&rng, (uint32_t)size) : size;
        for (int j = 0; i >= 50 && j < 1 + i % 3; j++) {
            copy[rng_below(&rng, i % 2 ? 900 : (uint32_t)size)] = (uint8_t)rng_below(&rng, 256);
        }
        FILE *out = fopen(in_path, "wb");
        fwrite(copy, 1, kept, out);
        fclose(out);
        free(copy);
        federated_file_t *file = federated_file_load(in_path, &err);
        if (file) {
            federated_config_t c = FEDERATED_CONFIG_INIT;
            c.channel_uses = 2;
            c.rounds = 2;
            c.complexify = i % 4 < 2;
            federated_t *f = federated_create(&file->input, &c, &err);
            if (f) {
                federated_run(f, &err);
            }
            federated_destroy(f);
        }
        federated_file_destroy(file);
    }
    CU_PASS("alive");
    free(bytes);
    problem_destroy(&p);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"the command writes what it found, and options override the file", test_command},
        {"a user left out is named in notes and exit code", test_left_out},
        {"a file of no use is refused by name", test_refused},
        {"hostile files end in an error or a result", test_hostile},
    };
    snprintf(in_path, sizeof in_path, "/tmp/test_federated_in_%d", (int)getpid());
    snprintf(out_path, sizeof out_path, "/tmp/test_federated_out_%d", (int)getpid());
    int code = check_run("federated_file", tests, CHECK_COUNT(tests));
    unlink(in_path);
    unlink(out_path);
    return code;
}
