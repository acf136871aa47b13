/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Training: batches and fading are what they say, runs repeat, and a stopped run goes on. */
#include "check.h"
#include "nn/params.h"
#include "train/batches.h"
#include "train/codec_trainer.h"
#include "train/fading.h"
#include "train/train_options.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 16, PICTURE = BATCHES_SIDE * BATCHES_SIDE * 3 };

static char folder[] = "/tmp/semradio-train-XXXXXX";

static bool have_fashion(void)
{
    bool have = access("/usr/share/datasets/fashion-mnist", R_OK) == 0;
    if (!have) {
        printf("(skipped: no dataset-fashion-mnist) ");
    }
    return have;
}

static void test_batches(void)
{
    static float whole[BATCH * PICTURE], part[BATCH * PICTURE], labels[BATCH], some[BATCH];
    err_t err = ERR_INIT;
    if (!have_fashion()) {
        return;
    }
    batches_options_t options = {
        .main_spec = "fashion-mnist:test", .batch = BATCH, .flip = true, .crop_pad = 2, .seed = 5};
    batches_t *batches = batches_create(&options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(batches);
    CHECK_INT(batches_per_epoch(batches), 10000 / BATCH);
    batches_begin(batches, 700); /* in the second epoch */
    batches_fill(batches, 700, 0, BATCH, whole, labels);
    batches_begin(batches, 3);
    batches_begin(batches, 700);
    batches_fill(batches, 700, 10, 6, part, some);
    CHECK_INT(memcmp(part, whole + 10 * PICTURE, 6 * PICTURE * sizeof(float)), 0);
    CHECK_INT(memcmp(some, labels + 10, 6 * sizeof(float)), 0);
    batches_begin(batches, 701);
    batches_fill(batches, 701, 0, BATCH, part, NULL);
    CU_ASSERT(memcmp(part, whole, sizeof(part)) != 0);
    batches_destroy(batches);
}

/* batches_views says which picture each is, mirrored or not. */
static void test_views(void)
{
    static float pictures[BATCH * PICTURE], labels[BATCH];
    err_t err = ERR_INIT;
    if (!have_fashion()) {
        return;
    }
    batches_options_t options = {
        .main_spec = "fashion-mnist:test", .batch = BATCH, .flip = true, .seed = 5};
    batches_t *batches = batches_create(&options, &err);
    dataset_t *set = dataset_open("fashion-mnist:test", &err);
    CU_ASSERT_FATAL(batches != NULL && set != NULL);
    CHECK_INT(batches_count(batches), 10000);
    int64_t views[BATCH];
    int mirrored = 0, wrong = 0;
    image_t image = IMAGE_EMPTY;
    batches_begin(batches, 41);
    batches_fill(batches, 41, 0, BATCH, pictures, labels);
    batches_views(batches, 41, 0, BATCH, views);
    for (int n = 0; n < BATCH; n++) {
        int label;
        size_t index = (size_t)views[n] / 2;
        CHECK_INT(dataset_get(set, index, &image, &label, &err), 0);
        CHECK_INT(label, batches_label(batches, index));
        CHECK_INT(label, labels[n]);
        mirrored += (int)(views[n] % 2);
        for (int i = 0; i < PICTURE; i++) {
            int row = i / (3 * BATCHES_SIDE), x = i / 3 % BATCHES_SIDE;
            int from = views[n] % 2 == 1 ? BATCHES_SIDE - 1 - x : x;
            int want = image.rgb[(row * BATCHES_SIDE + from) * 3 + i % 3];
            wrong += want != (int)lroundf(255.0f * pictures[n * PICTURE + i]);
        }
    }
    CHECK_INT(wrong, 0);
    CU_ASSERT(mirrored > 0 && mirrored < BATCH);
    image_free(&image);
    dataset_close(set);
    batches_destroy(batches);
}

/* Correlation of h over the sub-carriers is that of an exponential profile of taps. */
static void test_fading(void)
{
    enum { DRAWS = 4000, APART = 20 };
    float complex h[FADING_CARRIERS];
    double power = 0.0, re = 0.0, im = 0.0, spread_s = 100e-9;
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (int i = 0; i < DRAWS; i++) {
        fading_draw(&rng, spread_s, h);
        power += (double)(crealf(h[0]) * crealf(h[0]) + cimagf(h[0]) * cimagf(h[0])) / DRAWS;
        float complex product = h[APART] * conjf(h[0]);
        re += (double)crealf(product) / DRAWS;
        im += (double)cimagf(product) / DRAWS;
    }
    CHECK_NEAR(power, 1.0, 0.06);
    /* Continuous profile: 1 / (1 + 2 pi i * 20 * 30 kHz * 100 ns) */
    double x = 2.0 * 3.14159265 * APART * 30e3 * spread_s;
    CHECK_NEAR(re, 1.0 / (1.0 + x * x), 0.06);
    CHECK_NEAR(im, -x / (1.0 + x * x), 0.06);
}

/* A codec of the smallest kind for 300 steps.  Returns what the command returned. */
static int train(const char *name, const char *resume, err_t *err)
{
    static const option_t *const tables[] = {train_options, network_options, evaluate_options,
                                             NULL};
    char text[2048];
    snprintf(
        text, sizeof(text),
        "[data]\ntrain = fashion-mnist:test\n[train]\nepochs = 0.48\nbatch = 16\n"
        "workers = 2\nout = %s/%s.safetensors\nlog = %s/%s.log\ncheckpoint = %s/%s.checkpoint\n"
        "resume = %s\nema = 0.9\n[codec]\nwidth = 8\nencoder_blocks = 1\ndecoder_blocks = 1\n",
        folder, name, folder, name, folder, name, resume);
    options_t *options = options_create("test", "test", tables, err);
    if (options == NULL || options_load_text(options, "recipe", text, strlen(text), err) < 0) {
        return -1;
    }
    int status = codec_trainer_command(options, err);
    options_destroy(options);
    return status;
}

/* Lines of a run's log that report progress. */
static int progress_lines(const char *name)
{
    char path[256], line[1024];
    int count = 0;
    snprintf(path, sizeof(path), "%s/%s.log", folder, name);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        count += strncmp(line, "step ", 5) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

/* Starts a run in another process and stops it with SIGTERM in the middle. */
static void train_and_stop(const char *name)
{
    pid_t child = fork();
    if (child == 0) {
        err_t err = ERR_INIT;
        _exit(train(name, "false", &err) == 1 ? 0 : 9);
    }
    const struct timespec nap = {0, 2000000};
    for (int i = 0; i < 30000 && progress_lines(name) == 0; i++) {
        nanosleep(&nap, NULL);
    }
    kill(child, SIGTERM);
    int status;
    waitpid(child, &status, 0);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_resume(void)
{
    err_t err = ERR_INIT;
    char path[2][256];
    if (!have_fashion()) {
        return;
    }
    train_and_stop("stopped");
    CHECK_INT(train("whole", "false", &err), 0);
    CHECK_INT(train("stopped", "true", &err), 0);
    snprintf(path[0], sizeof(path[0]), "%s/whole.safetensors", folder);
    snprintf(path[1], sizeof(path[1]), "%s/stopped.safetensors", folder);
    params_t *whole = params_open(path[0], &err), *resumed = params_open(path[1], &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resumed);
    CHECK_AT_LEAST(params_count(whole), 20);
    for (int i = 0; i < params_count(whole); i++) {
        const param_t *a = params_at(whole, i), *b = params_find(resumed, a->name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(b);
        if (memcmp(a->value, b->value, a->count * sizeof(float)) != 0) {
            fprintf(stderr, "%s differs\n", a->name);
            CU_FAIL("resumed weights differ");
        }
    }
    params_destroy(whole);
    params_destroy(resumed);
}

static void test_wrong_recipe(void)
{
    err_t err = ERR_INIT;
    batches_options_t options = {.main_spec = "fashion-mnist:test", .batch = 20000};
    if (!have_fashion()) {
        return;
    }
    CU_ASSERT_PTR_NULL(batches_create(&options, &err));
    CHECK_ERROR_NAMES(&err, "20000");
    options.main_spec = "/nonexistent";
    CU_ASSERT_PTR_NULL(batches_create(&options, &err));
    CHECK_ERROR_NAMES(&err, "/nonexistent");
}

static void test_recipes(void)
{
    static const option_t *const tables[] = {train_options, network_options, evaluate_options,
                                             NULL};
    static const char *const names[] = {"image32", "judge-cifar10", "judge-fashion-mnist"};
    for (int i = 0; i < 3; i++) {
        char path[512];
        err_t err = ERR_INIT;
        options_t *options = options_create("test", "test", tables, &err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(options);
        snprintf(path, sizeof(path), SEMRADIO_SOURCE_DIR "/semantic/recipes/%s.conf", names[i]);
        CHECK_INT(options_load_file(options, path, &err), 0);
        CHECK_INT(options_int(options, "train.batch") % options_int(options, "train.workers"), 0);
        options_destroy(options);
    }
}

static const check_test_t tests[] = {
    {"a stopped and resumed run ends with the same weights", test_resume},
    {"a step's batch depends on seed and step alone", test_batches},
    {"the views of a batch are the pictures that it holds", test_views},
    {"fading has unit power and the profile's correlation", test_fading},
    {"every recipe in the repository is valid", test_recipes},
    {"impossible recipes are refused by name", test_wrong_recipe},
};

int main(void)
{
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    int failed = check_run("train", tests, CHECK_COUNT(tests));
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 || failed;
}
