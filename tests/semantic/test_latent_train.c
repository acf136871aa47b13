/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Training a latent codec: photos, crops, a short run, and a stopped run that goes on. */
#include "check.h"
#include "images/dataset.h"
#include "latent/latent.h"
#include "nn/params.h"
#include "rng.h"
#include "train/crops.h"
#include "train/latent_figures.h"
#include "train/latent_trainer.h"
#include "train/train_options.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PHOTOS = 3, WIDTH = 72, HEIGHT = 56, SIDE = 24, TRAIN_SIDE = 56, CROP = SIDE * SIDE * 3 };

static char folder[] = "/tmp/semradio-latent-train-XXXXXX";

/* Photo k: smooth, R = 4x, G = 4y, B = 80k. */
static void write_photos(void)
{
    err_t err = ERR_INIT;
    image_t photo = IMAGE_EMPTY;
    char path[256];
    for (int k = 0; k < PHOTOS; k++) {
        CU_ASSERT_EQUAL_FATAL(image_resize(&photo, WIDTH, HEIGHT, &err), 0);
        for (int i = 0; i < WIDTH * HEIGHT; i++) {
            photo.rgb[3 * i] = (uint8_t)(i % WIDTH * 3);
            photo.rgb[3 * i + 1] = (uint8_t)(i / WIDTH * 4);
            photo.rgb[3 * i + 2] = (uint8_t)(80 * k);
        }
        snprintf(path, sizeof(path), "%s/%s%d.png", folder, k == 2 ? "more/" : "", k);
        CU_ASSERT_EQUAL_FATAL(image_save_png(path, &photo, &err), 0);
    }
    image_free(&photo);
}

static void test_photos(void)
{
    err_t err = ERR_INIT;
    char spec[256];
    write_photos();
    snprintf(spec, sizeof(spec), "photos:%s,%s/more,%s/0.png", folder, folder, folder);
    dataset_t *set = dataset_open(spec, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(dataset_count(set), 4);
    CU_ASSERT_STRING_EQUAL(dataset_name(set), "photos");
    image_t photo = IMAGE_EMPTY;
    static const int blue[4] = {0, 80, 160, 0};
    for (size_t i = 0; i < 4; i++) {
        CHECK_INT(dataset_get(set, i, &photo, NULL, &err), 0);
        CHECK_INT(photo.width, WIDTH);
        CHECK_INT(photo.rgb[2], blue[i]);
    }
    image_free(&photo);
    dataset_close(set);
    CU_ASSERT_PTR_NULL(dataset_open("photos:", &err));
    CHECK_ERROR_NAMES(&err, "names no folder");
    snprintf(spec, sizeof(spec), "photos:%s,/nonexistent", folder);
    CU_ASSERT_PTR_NULL(dataset_open(spec, &err));
    CHECK_ERROR_NAMES(&err, "/nonexistent");
}

/* Every crop is a piece of a photo: a slope of 3 or 6 levels a pixel, mirrored or not. */
static void test_crops(void)
{
    enum { BATCH = 64 };
    static float whole[BATCH * CROP], part[BATCH * CROP];
    err_t err = ERR_INIT;
    crops_options_t options = {.spec = folder, .side = SIDE, .flip = true, .seed = 4};
    crops_t *crops = crops_create(&options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(crops);
    CHECK_INT(crops_photos(crops), 2);
    crops_fill(crops, 9, 0, BATCH, whole);
    crops_fill(crops, 9, 20, 5, part);
    CHECK_INT(memcmp(part, whole + 20 * CROP, 5 * CROP * sizeof(float)), 0);
    crops_fill(crops, 10, 0, BATCH, part);
    CU_ASSERT(memcmp(part, whole, sizeof(part)) != 0);
    int mirrored = 0, reduced = 0;
    for (int n = 0; n < BATCH; n++) {
        const float *crop = whole + n * CROP;
        double slope = (double)(crop[3] - crop[0]) * 255.0;
        double down = (double)(crop[SIDE * 3 + 1] - crop[1]) * 255.0;
        mirrored += slope < 0.0;
        reduced += down > 6.0;
        CHECK_NEAR(fabs(slope), down > 6.0 ? 6.0 : 3.0, 1e-3);
        CHECK_NEAR(down, down > 6.0 ? 8.0 : 4.0, 1e-3);
        for (int x = 1; x < SIDE; x++) {
            CHECK_NEAR((crop[3 * x] - crop[3 * x - 3]) * 255.0f, slope, 1e-3);
        }
    }
    CHECK_NEAR(mirrored, BATCH / 2, 16.0);
    CHECK_NEAR(reduced, BATCH / 5, 12.0);
    crops_destroy(crops);
    options.side = 64;
    CU_ASSERT_PTR_NULL(crops_create(&options, &err));
    CHECK_ERROR_NAMES(&err, "72 x 56, smaller than a crop of 64");
}

/* A camera's full resolution is reduced to a short side of at least CROPS_SHORT_SIDE. */
static void test_large_photos(void)
{
    static float crop[CROP];
    err_t err = ERR_INIT;
    image_t photo = IMAGE_EMPTY;
    char path[256];
    CU_ASSERT_EQUAL_FATAL(
        image_resize(&photo, 3 * CROPS_SHORT_SIDE, 2 * CROPS_SHORT_SIDE + 1, &err), 0);
    for (int i = 0; i < photo.width * photo.height; i++) { /* stripes that only a mean hides */
        memset(photo.rgb + 3 * i, i % photo.width % 2 ? 200 : 100, 3);
    }
    snprintf(path, sizeof(path), "%s/large.png", folder);
    CU_ASSERT_EQUAL_FATAL(image_save_png(path, &photo, &err), 0);
    crops_options_t options = {.spec = path, .side = SIDE, .seed = 4};
    crops_t *crops = crops_create(&options, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(crops);
    crops_fill(crops, 0, 0, 1, crop);
    for (int i = 0; i < CROP; i++) {
        CHECK_NEAR(crop[i] * 255.0f, 150.0, 1e-3);
    }
    crops_destroy(crops);
    image_free(&photo);
    unlink(path);
}

/* 300 steps of a small codec.  Returns what the command returned. */
static int train(const char *name, const char *resume, int crop, err_t *err)
{
    static const option_t *const tables[] = {train_options, latent_options, NULL};
    char text[2048];
    snprintf(text, sizeof(text),
             "[data]\ntrain = %s\ntest = %s\n[train]\nepochs = 300\nbatch = 8\nworkers = 2\n"
             "peak_lr = 0.01\nout = %s/%s.safetensors\nlog = %s/%s.log\n"
             "checkpoint = %s/%s.checkpoint\nresume = %s\n[latent]\nwidth = 8\n"
             "encoder_blocks = 1\ndecoder_blocks = 1\ncrop = %d\n",
             folder, folder, folder, name, folder, name, folder, name, resume, crop);
    options_t *options = options_create("test", "test", tables, err);
    if (options == NULL || options_load_text(options, "recipe", text, strlen(text), err) < 0) {
        return -1;
    }
    int status = latent_trainer_command(options, err);
    options_destroy(options);
    return status;
}

static bool has_progress(const char *name)
{
    char path[256], line[1024];
    bool found = false;
    snprintf(path, sizeof(path), "%s/%s.log", folder, name);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        found |= strncmp(line, "step ", 5) == 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

static void train_and_stop(const char *name)
{
    pid_t child = fork();
    if (child == 0) {
        err_t err = ERR_INIT;
        _exit(train(name, "false", TRAIN_SIDE, &err) == 1 ? 0 : 9);
    }
    const struct timespec nap = {0, 2000000};
    for (int i = 0; i < 30000 && !has_progress(name); i++) {
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
    train_and_stop("stopped");
    CHECK_INT(train("whole", "false", TRAIN_SIDE, &err), 0);
    CHECK_INT(train("stopped", "true", TRAIN_SIDE, &err), 0);
    snprintf(path[0], sizeof(path[0]), "%s/whole.safetensors", folder);
    snprintf(path[1], sizeof(path[1]), "%s/stopped.safetensors", folder);
    params_t *whole = params_open(path[0], &err), *resumed = params_open(path[1], &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(whole);
    CU_ASSERT_PTR_NOT_NULL_FATAL(resumed);
    for (int i = 0; i < params_count(whole); i++) {
        const param_t *a = params_at(whole, i), *b = params_find(resumed, a->name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(b);
        CHECK_INT(memcmp(a->value, b->value, a->count * sizeof(float)), 0);
    }
    params_destroy(whole);
    params_destroy(resumed);
}

/* What that run wrote: opens, knows the photos, and its latents are standardised. */
static void test_result(void)
{
    err_t err = ERR_INIT;
    latent_figures_t figures;
    char path[256], text[512];
    snprintf(path, sizeof(path), "%s/whole.safetensors", folder);
    latent_t *latent = latent_open(path, &err);
    dataset_t *set = dataset_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(latent);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(latent_figures(latent, set, 0.0, false, &figures, &err), 0);
    CHECK_INT(figures.quality.count, 2);
    CHECK_AT_LEAST(quality_sum_psnr_db(&figures.quality), 25.0);
    for (int c = 0; c < latent_channels(latent); c++) {
        double mean = figures.sum[c] / figures.count;
        CHECK_NEAR(mean, 0.0, 0.5);
        CHECK_NEAR(figures.sum2[c] / figures.count - mean * mean, 1.0, 0.5);
    }
    latent_figures_text(&figures, 4, text, sizeof(text));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "over 2; latent"));
    double clean_db = quality_sum_psnr_db(&figures.quality);
    CHECK_INT(latent_figures(latent, set, 0.5, false, &figures, &err), 0);
    CHECK_AT_MOST(quality_sum_psnr_db(&figures.quality), clean_db - 1.0);
    dataset_close(set);
    latent_close(latent);
}

static void test_recipe(void)
{
    static const option_t *const tables[] = {train_options, latent_options, NULL};
    err_t err = ERR_INIT;
    options_t *options = options_create("test", "test", tables, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(options);
    CHECK_INT(options_load_file(options, SEMRADIO_SOURCE_DIR "/semantic/recipes/latent.conf", &err),
              0);
    CHECK_INT(options_int(options, "latent.crop") % 8, 0);
    options_destroy(options);
    CHECK_INT(train("wrong", "false", 20, &err), -1);
    CHECK_ERROR_NAMES(&err, "latent.crop = 20 is no multiple of 8");
}

static const check_test_t tests[] = {
    {"photos: joins folders and files", test_photos},
    {"a crop is a piece of a photo, by seed, step and place alone", test_crops},
    {"large photos are reduced by the mean", test_large_photos},
    {"a stopped and resumed run ends with the same weights", test_resume},
    {"what was trained opens, decodes, and has standardised latents", test_result},
    {"the recipe in the repository is valid, an impossible one refused", test_recipe},
};

int main(void)
{
    char command[256];
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    snprintf(command, sizeof(command), "%s/more", folder);
    mkdir(command, 0777);
    int status = check_run("latent train", tests, CHECK_COUNT(tests));
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command) != 0 ? 1 : status;
}
