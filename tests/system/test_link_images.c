/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures through the committed weights and the whole link: dB that must not be lost again. */
#include "check.h"
#include "trial.h"

#include <stdlib.h>

static dataset_t *fashion;

static trial_config_t trial_of(air_model_t model, double snr_db, int denominator)
{
    trial_config_t trial = {.scheme = {.codec = "image32",
                                       .rate_numerator = 1,
                                       .rate_denominator = denominator,
                                       .design_snr_db = snr_db},
                            .judge = "auto",
                            .images = 128,
                            .frame_images = 1,
                            .link = link_config_default()};
    trial.link.air.model = model;
    trial.link.air.snr_db = snr_db;
    trial.link.air.seed = 11;
    return trial;
}

static result_t run(trial_config_t trial)
{
    result_t result;
    err_t err = ERR_INIT;
    result_clear(&result);
    CHECK_INT(trial_run(&trial, fashion, &result, &err), 0);
    if (err.code != ERR_NONE) {
        fprintf(stderr, "%s\n", err.text);
    }
    return result;
}

/* ---- thresholds ---- */

typedef struct {
    air_model_t model;
    double snr_db;
    int denominator; /* of the rate 1/… */
    double psnr_db;  /* of the mean MSE, at least */
} threshold_t;

/* Measured with the committed weights, less 0.4 dB in noise and 0.8 dB in fading. */
static const threshold_t thresholds[] = {
    {AIR_AWGN, 0, 6, 23.3},      {AIR_AWGN, 10, 6, 29.4},     {AIR_AWGN, 20, 6, 31.8},
    {AIR_AWGN, 10, 12, 25.8},    {AIR_AWGN, 10, 3, 31.7},     {AIR_RAYLEIGH, 10, 6, 26.4},
    {AIR_RAYLEIGH, 20, 6, 30.1},
};

static void test_thresholds(void)
{
    for (size_t i = 0; i < sizeof thresholds / sizeof thresholds[0]; i++) {
        const threshold_t *t = &thresholds[i];
        result_t result = run(trial_of(t->model, t->snr_db, t->denominator));
        fprintf(stderr, "%s %2.0f dB, rate 1/%-2d: PSNR %.2f dB, SSIM %.3f, accuracy %.3f\n",
                air_model_name(t->model), t->snr_db, t->denominator, result.psnr_mse_db,
                result.ssim, result.accuracy);
        CHECK_AT_LEAST(result.psnr_mse_db, t->psnr_db);
        CHECK_INT(result.frames_false, 0);
        CHECK_INT(result.images, 128);
        CHECK_NEAR(result.compression, 1.0 / t->denominator, 1e-9);
        if (t->model == AIR_AWGN) {
            CHECK_INT(result.frames_lost, 0);
            CHECK_NEAR(result.snr_measured_db, t->snr_db, 0.2);
        }
    }
}

/* The mean power of the sent symbols is that for which Es/N0 was set. */
static void test_power(void)
{
    result_t result = run(trial_of(AIR_AWGN, 20, 6));
    CHECK_NEAR(10 * log10(result.symbol_power), 0, 0.5);
}

/* From -2 to 20 dB each 2 dB change the PSNR (lost pictures counted as grey) a little, in one
   direction: a digital link would fall off a cliff somewhere. */
static void test_no_cliff(void)
{
    double before = NAN;
    for (double snr_db = -2; snr_db <= 20; snr_db += 2) {
        trial_config_t trial = trial_of(AIR_AWGN, snr_db, 6);
        trial.judge = "none";
        trial.images = 64;
        result_t result = run(trial);
        CHECK_AT_LEAST(result.psnr_all_db, snr_db > -2 ? before - 0.1 : 0);
        CHECK_AT_MOST(result.psnr_all_db, snr_db > -2 ? before + 2.5 : 100);
        before = result.psnr_all_db;
    }
}

/* Synchronisation and estimation cost little; the genie sees the same air. */
static void test_genie(void)
{
    trial_config_t trial = trial_of(AIR_AWGN, 10, 6);
    trial.judge = "none";
    result_t real = run(trial);
    trial.link.genie = true;
    result_t genie = run(trial);
    CHECK_INT(genie.frames_lost, 0);
    CHECK_AT_LEAST(genie.psnr_mse_db, real.psnr_mse_db - 0.05);
    CHECK_AT_MOST(genie.psnr_mse_db, real.psnr_mse_db + 0.8);
}

static void test_shared_frames(void)
{
    trial_config_t trial = trial_of(AIR_AWGN, 15, 6);
    trial.judge = "none";
    trial.images = 50;
    result_t alone = run(trial);
    trial.frame_images = 8;
    result_t shared = run(trial);
    CHECK_INT(alone.frames_sent, 50);
    CHECK_INT(shared.frames_sent, 7); /* the last one is short */
    CHECK_INT(shared.images_received, 50);
    CHECK_NEAR(shared.psnr_mse_db, alone.psnr_mse_db, 0.3);
    CHECK_AT_MOST(shared.on_air, 0.6 * alone.on_air);
}

/* A smooth picture. */
static void save_picture(const char *folder, const char *name, int width, int height)
{
    char path[128];
    image_t picture = IMAGE_EMPTY;
    CHECK_INT(image_resize(&picture, width, height, NULL), 0);
    for (int i = 0; i < 3 * width * height; i++) {
        picture.rgb[i] = (uint8_t)(128 + 100 * sin(i / 3 % width * 0.2 + i % 3));
    }
    snprintf(path, sizeof path, "%s/%s.png", folder, name);
    CHECK_INT(image_save_png(path, &picture, NULL), 0);
    image_free(&picture);
}

/* Five pictures of three sizes, in frames of two, eleven times. */
static void test_small_folder(void)
{
    char folder[] = "/tmp/test_link_images.XXXXXX", command[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    save_picture(folder, "a", 40, 24);
    save_picture(folder, "b", 40, 24);
    save_picture(folder, "c", 40, 24);
    save_picture(folder, "d", 24, 40);
    save_picture(folder, "e", 17, 9);
    err_t err = ERR_INIT;
    dataset_t *set = dataset_open(folder, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    trial_config_t trial = trial_of(AIR_AWGN, 20, 6);
    trial.images = 11;
    trial.frame_images = 2;
    result_t result;
    CHECK_INT(trial_run(&trial, set, &result, &err), 0);
    CHECK_INT(result.images, 11);
    CHECK_INT(result.images_received, 11);
    CHECK_INT(result.frames_sent, 4 + 4 + 1); /* ab c d e, twice, and a */
    CU_ASSERT(isnan(result.accuracy));        /* no labels */
    CHECK_AT_LEAST(result.psnr_mse_db, 15);
    dataset_close(set);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    CHECK_INT(system(command), 0);
}

static void test_refusals(void)
{
    err_t err = ERR_INIT;
    result_t result;
    trial_config_t trial = trial_of(AIR_AWGN, 20, 7);
    CHECK_INT(trial_run(&trial, fashion, &result, &err), -1);
    CHECK_ERROR_NAMES(&err, "1/7");
    trial = trial_of(AIR_AWGN, 20, 6);
    trial.scheme.codec = "/no/such";
    CHECK_INT(trial_run(&trial, fashion, &result, &err), -1);
    CHECK_ERROR_NAMES(&err, "/no/such");
    trial = trial_of(AIR_AWGN, 20, 6);
    trial.judge = "nobody";
    CHECK_INT(trial_run(&trial, fashion, &result, &err), -1);
    CHECK_ERROR_NAMES(&err, "nobody");
}

static const check_test_t tests[] = {
    {"PSNR over the whole link does not fall below what was reached", test_thresholds},
    {"the sent power is the one that Es/N0 refers to", test_power},
    {"there is no cliff: PSNR follows the SNR in small steps", test_no_cliff},
    {"the real receiver is within 0.8 dB of the genie", test_genie},
    {"pictures may share a frame, and need less air then", test_shared_frames},
    {"a small folder of mixed sizes is sent over and over", test_small_folder},
    {"what a point cannot run with is told by name", test_refusals},
};

int main(void)
{
    err_t err = ERR_INIT;
    fashion = dataset_open("fashion-mnist:test", &err);
    if (fashion == NULL) {
        fprintf(stderr, "%s\n", err.text);
        return CHECK_SKIP;
    }
    int failed = check_run("link_images", tests, CHECK_COUNT(tests));
    dataset_close(fashion);
    return failed;
}
