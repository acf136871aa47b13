/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Training of DeKAP's agents: base, expert, distilled levels and the methods they are compared
   with, on tiny networks for a few steps. */
#include "check.h"
#include "semantic/photos.h"
#include "codec/codec.h"
#include "codec/codec_variant.h"
#include "images/image.h"
#include "nn/params.h"
#include "rng.h"
#include "safetensors.h"
#include "train/agent_jobs.h"
#include "train/agent_trainer.h"
#include "train/train_options.h"

#include <stdlib.h>
#include <unistd.h>

enum { SIDE = 64, PHOTOS = 2, TEXT = 4096, CROP = 32 };

static char folder[] = "/tmp/semradio-agent-train-XXXXXX";

static int train(const char *name, double epochs, const char *more, err_t *err)
{
    static const option_t *const tables[] = {train_options, agent_options, NULL};
    char text[TEXT];
    snprintf(
        text, sizeof(text),
        "[data]\ntrain = photos:%s/photos\ntest = photos:%s/photos\n[train]\nepochs = %g\nbatch = "
        "2\n"
        "peak_lr = 0.003\nworkers = 1\nout = %s/%s.safetensors\nlog = %s/%s.log\n"
        "checkpoint = %s/%s.checkpoint\nresume = true\n[agent]\nwidth = 8\nencoder_blocks = 1\n"
        "decoder_blocks = 1\ncode_size = 4\ncrop = %d\nepoch = 10\ntable = %s/%s.table\n%s",
        folder, folder, epochs, folder, name, folder, name, folder, name, CROP, folder, name, more);
    options_t *options = options_create("test", "test", tables, err);
    if (options == NULL || options_load_text(options, "recipe", text, strlen(text), err) < 0) {
        options_destroy(options);
        return -1;
    }
    int status = agent_trainer_command(options, err);
    options_destroy(options);
    return status;
}

static void expect(const char *name, double epochs, const char *format, const char *expert)
{
    err_t err = ERR_INIT;
    char more[512];
    snprintf(more, sizeof(more), format, folder, folder, expert);
    int status = train(name, epochs, more, &err);
    if (status != 0) {
        fprintf(stderr, "%s: %s\n", name, err.text);
    }
    CHECK_INT(status, 0);
}

#define ALIGN "init = %s/base.safetensors\nexpert = %s/%s.safetensors\ntask = denoise\n"

static const char *path_of(const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s.safetensors", folder, name);
    return path;
}

/* Tensors whose bits differ between two files, of those whose names start with `prefix`. */
static int different(const char *one, const char *two, const char *prefix)
{
    char path[256];
    err_t err = ERR_INIT;
    params_t *a = params_open(path_of(one, path, sizeof(path)), &err);
    params_t *b = params_open(path_of(two, path, sizeof(path)), &err);
    CU_ASSERT_FATAL(a != NULL && b != NULL);
    int count = 0;
    for (int i = 0; i < params_count(a); i++) {
        const param_t *x = params_at(a, i), *y = params_find(b, x->name);
        count += strncmp(x->name, prefix, strlen(prefix)) == 0 &&
                 (y == NULL || memcmp(x->value, y->value, x->count * sizeof(float)) != 0);
    }
    params_destroy(a);
    params_destroy(b);
    return count;
}

/* The last value of name= in a table, and how many lines there are. */
static double last_of(const char *table, const char *name, int *lines)
{
    char path[256], line[1024], key[64];
    double value = NAN;
    snprintf(path, sizeof(path), "%s/%s.table", folder, table);
    snprintf(key, sizeof(key), " %s=", name);
    FILE *file = fopen(path, "r");
    *lines = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        const char *at = strstr(line, key);
        value = at != NULL ? atof(at + strlen(key)) : value;
        (*lines)++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return value;
}

static void test_base(void)
{
    char path[256];
    err_t err = ERR_INIT;
    int lines;
    expect("base", 4, "feature_weight = 0\n", "");
    codec_t *codec = codec_open(path_of("base", path, sizeof(path)), &err);
    CU_ASSERT_PTR_NOT_NULL(codec);
    codec_close(codec);
    CHECK_AT_MOST(last_of("base", "mse", &lines), 0.02);
    CHECK_INT(lines, PHOTOS);
}

static void test_expert(void)
{
    expect("expert", 2, "feature_weight = 0\ninit = %s/base.safetensors\ntask = denoise\n", "");
    expect("expert2", 2, "feature_weight = 0\ninit = %s/base.safetensors\ntask = denoise\n", "");
    CHECK_INT(different("expert", "expert2", ""), 0);
    CHECK_INT(different("base", "expert", "codes."), 0);
    CHECK_AT_LEAST(different("base", "expert", "encoder."), 4);
    CHECK_AT_LEAST(different("base", "expert", "decoder."), 4);
}

static void test_distil(void)
{
    char path[256], base[256];
    const char *adapters[1] = {path};
    err_t err = ERR_INIT;
    int lines;
    expect("levels", 2, ALIGN "method = distil\nratio = 0.05\nmarks = 10\n", "expert");
    double loss = last_of("levels", "loss", &lines), before = last_of("levels", "before", &lines);
    CHECK_INT(lines, (1 + 5) * PHOTOS);
    CHECK_AT_MOST(loss, 0.9 * before);
    safetensors_t *file = safetensors_open(path_of("levels", path, sizeof(path)), &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_STRING_EQUAL(safetensors_note(file, "adapter.level"), "5");
    for (int i = 0; i < safetensors_count(file); i++) {
        CHECK_INT(safetensors_at(file, i)->dtype, SAFETENSORS_F16);
    }
    safetensors_close(file);
    codec_t *codec = codec_open(path_of("base", base, sizeof(base)), &err);
    codec_variant_t *variant = codec == NULL ? NULL : codec_variant_open(codec, adapters, 1, &err);
    CU_ASSERT_PTR_NOT_NULL(variant);
    codec_variant_release(variant);
    codec_close(codec);
    codec = codec_open(path_of("expert", base, sizeof(base)), &err);
    CU_ASSERT_PTR_NULL(codec_variant_open(codec, adapters, 1, &err)); /* another base */
    codec_close(codec);
}

/* Traffic is what was allowed, nearly; only what is sent is trained. */
static void test_others(void)
{
    int lines;
    expect("sparse", 1, ALIGN "feature_weight = 0\nmethod = sparse\nratio = 0.05\nunits = 3\n",
           "expert");
    CHECK_NEAR(last_of("sparse", "units", &lines), 3.0, 0.02);
    expect("latent", 1, ALIGN "feature_weight = 0\nmethod = latent\nratio = 0.05\nunits = 3\n",
           "expert");
    double units = last_of("latent", "units", &lines);
    CHECK_AT_MOST(units, 3.0);
    CHECK_AT_LEAST(units, 2.0);
    CHECK_INT(different("base", "latent", ""), 0);
    expect("data", 1, ALIGN "feature_weight = 0\nmethod = data\nratio = 0.05\nunits = 20\n",
           "expert");
    CHECK_AT_MOST(last_of("data", "units", &lines), 20.0);
    CHECK_INT(different("base", "sparse", "codes."), 0);
    CHECK_AT_LEAST(different("base", "sparse", ""), 2);
}

/* Weights that sparse did not choose have the base's bits. */
static void test_sparse_rest(void)
{
    char path[256];
    err_t err = ERR_INIT;
    params_t *a = params_open(path_of("base", path, sizeof(path)), &err);
    params_t *b = params_open(path_of("sparse", path, sizeof(path)), &err);
    size_t moved = 0, all = 0;
    for (int i = 0; i < params_count(a); i++) {
        const param_t *x = params_at(a, i), *y = params_find(b, x->name);
        for (size_t k = 0; k < x->count; k++, all++) {
            moved += memcmp(&x->value[k], &y->value[k], sizeof(float)) != 0;
        }
    }
    CHECK_AT_LEAST(moved, 10);
    CHECK_AT_MOST(moved, 0.15 * (double)all);
    params_destroy(a);
    params_destroy(b);
}

static void test_jobs(void)
{
    static float clean[CROP * CROP * 3], shown[sizeof(clean) / sizeof(clean[0])],
        again[sizeof(clean) / sizeof(clean[0])];
    rng_t rng;
    for (int i = 0; i < CROP * CROP * 3; i++) {
        clean[i] = 0.5f + 0.3f * sinf(0.01f * (float)i);
    }
    for (int job = AGENT_RECONSTRUCT; job <= AGENT_ANOMALY; job++) {
        int outside = 0, moved = 0;
        rng_seed(&rng, 1, 5);
        agent_job_apply((agent_job_t)job, CROP, clean, shown, &rng);
        rng_seed(&rng, 1, 5);
        memcpy(again, clean, sizeof(clean));
        agent_job_apply((agent_job_t)job, CROP, again, again, &rng);
        CHECK_INT(memcmp(shown, again, sizeof(shown)), 0);
        for (int i = 0; i < CROP * CROP * 3; i++) {
            outside += !(shown[i] >= 0.0f && shown[i] <= 1.0f);
            moved += shown[i] != clean[i];
        }
        CHECK_INT(outside, 0);
        CHECK_INT(moved > 20, job != AGENT_RECONSTRUCT);
    }
}

static void test_refuses(void)
{
    err_t err = ERR_INIT;
    CHECK_INT(train("bad", 1, "method = distil\n", &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "agent.expert"));
    CHECK_INT(train("bad", 1, "crop = 36\n", &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "no multiple of 8"));
    char more[512];
    snprintf(more, sizeof(more), ALIGN "method = data\nunits = 0.1\n", folder, folder, "expert");
    CHECK_INT(train("bad", 1, more, &err), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "less than one picture"));
}

int main(void)
{
    static const check_test_t tests[] = {
        {"a base becomes a codec", test_base},
        {"an expert leaves the codebook, and repeats bit by bit", test_expert},
        {"levels come nearer to the expert and fit their base, no other", test_distil},
        {"the other methods keep to their traffic", test_others},
        {"what is not sent keeps its bits", test_sparse_rest},
        {"tasks stay within 0 .. 1 and repeat, in place or not", test_jobs},
        {"what is missing or makes no sense is refused by name", test_refuses},
    };
    char photos[256];
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(photos, sizeof(photos), "mkdir %s/photos", folder);
    if (system(photos) != 0 || photos_make(folder, PHOTOS, SIDE) < 0) {
        return 1;
    }
    int status = check_run("agent_train", tests, CHECK_COUNT(tests));
    snprintf(photos, sizeof(photos), "rm -rf %s", folder);
    return system(photos) != 0 ? 1 : status;
}
