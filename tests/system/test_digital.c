/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The digital baseline through the whole link: its cliff, what it counts, how it chooses. */
#include "check.h"
#include "mosaic.h"
#include "rng.h"
#include "trial.h"

#include <stdlib.h>

static dataset_t *fashion, *training;
static result_t below; /* the cliff */
static result_t webp;  /* one picture at a time, above it */

static trial_config_t trial_of(double snr_db, still_kind_t source)
{
    trial_config_t trial = {
        .scheme = {.codec = "digital",
                   .rate_numerator = 1,
                   .rate_denominator = 6,
                   .digital = {.mode = {source, MODULATION_QAM64, 2, 3},
                               .mosaic = 1,
                               .calibration_images = 6,
                               .calibration_frames = 30}},
        .calibration = training,
        .judge = "none",
        .images = 24,
        .frame_images = 1,
        .link = link_config_default(),
    };
    trial.link.air.model = AIR_AWGN;
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
    fprintf(stderr, "%4.1f dB: %s, PSNR %.2f dB, %.0f undecodable, %.0f over budget\n",
            trial.link.air.snr_db, result.mode, result.psnr_mse_db, result.images_undecodable,
            result.images_over_budget);
    return result;
}

/* Above the cliff all pictures arrive, below it none; both count k/n as the codec does. */
static void test_cliff(void)
{
    result_t above = run(trial_of(16, STILL_JPEG));
    below = run(trial_of(11, STILL_JPEG));
    CU_ASSERT_STRING_EQUAL(above.mode, "jpeg 64QAM 2/3");
    CHECK_NEAR(above.images_undecodable, 0, 0);
    CHECK_AT_LEAST(above.psnr_mse_db, 26.0);
    CHECK_NEAR(below.frames_lost, 0, 0);
    CHECK_NEAR(below.images_received, 24, 0);
    CHECK_NEAR(below.images_undecodable, 24, 0);
    CHECK_AT_MOST(below.psnr_mse_db, 15.0);
    CHECK_AT_LEAST(below.psnr_mse_db, 5.0); /* their mean colours */
    CHECK_NEAR(above.compression, 1.0 / 6, 1e-12);
    CHECK_NEAR(above.symbol_power, 1.0, 0.02);
}

/* The mean colours are those of the pictures themselves. */
static void test_mean_colours(void)
{
    image_t picture = IMAGE_EMPTY;
    double mse = 0.0;
    for (size_t i = 0; i < 24; i++) {
        uint8_t flat[3 * 32 * 32];
        CHECK_INT(dataset_get(fashion, i, &picture, NULL, NULL), 0);
        still_mean_colour(picture.rgb, 32 * 32, flat);
        for (size_t j = 0; j < sizeof flat; j++) {
            double e = (double)picture.rgb[j] - flat[j];
            mse += e * e / (double)sizeof flat / 24.0;
        }
    }
    image_free(&picture);
    CHECK_NEAR(below.psnr_mse_db, 10.0 * log10(255.0 * 255.0 / mse), 1e-6);
}

/* k/n = 1/48 leaves 28 bytes: JPEG can't. */
static void test_over_budget(void)
{
    trial_config_t trial = trial_of(25, STILL_JPEG);
    trial.scheme.rate_denominator = 48;
    result_t result = run(trial);
    CHECK_AT_LEAST(result.images_over_budget, 20);
    CHECK_NEAR(result.images_undecodable, 0, 0); /* counted apart */
    CHECK_NEAR(result.images_received, 24, 0);
}

static void test_formats(void)
{
    result_t avif = run(trial_of(16, STILL_AVIF));
    webp = run(trial_of(16, STILL_WEBP));
    CU_ASSERT_STRING_EQUAL(webp.mode, "webp 64QAM 2/3");
    CU_ASSERT_STRING_EQUAL(avif.mode, "avif 64QAM 2/3");
    CHECK_AT_LEAST(webp.psnr_mse_db, 27.0);
    CHECK_AT_LEAST(avif.psnr_mse_db, 28.5);
}

/* 24 pictures in frames of 16: the last frame has only 8. */
static void test_mosaic(void)
{
    trial_config_t trial = trial_of(16, STILL_WEBP);
    trial.frame_images = 16;
    trial.scheme.digital.mosaic = 16;
    result_t result = run(trial);
    CHECK_NEAR(result.images_received, 24, 0);
    CHECK_NEAR(result.images_undecodable, 0, 0);
    CHECK_AT_LEAST(result.psnr_mse_db, webp.psnr_mse_db + 0.2);
}

static void test_mosaic_places(void)
{
    mosaic_t mosaic = mosaic_of(7, 5, 3);
    CHECK_INT(mosaic.columns, 3);
    CHECK_INT(mosaic_width(&mosaic), 15);
    CHECK_INT(mosaic_height(&mosaic), 9);
    uint8_t rgb[7 * 45], back[7 * 45], whole[3 * 15 * 9];
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (size_t i = 0; i < sizeof rgb; i++) {
        rgb[i] = (uint8_t)rng_bits(&rng);
    }
    mosaic_join(&mosaic, rgb, whole);
    CHECK_INT(memcmp(whole + 15, rgb + 45, 15), 0); /* the second picture's first line */
    CHECK_INT(whole[3 * (15 * 8 + 14)], 128);       /* nobody's place */
    mosaic_split(&mosaic, whole, back);
    CHECK_INT(memcmp(back, rgb, sizeof rgb), 0);
}

/* Everything open: robust below, rich above, and all pictures arrive. */
static void test_best(void)
{
    double last = 0.0;
    static const double snr_db[] = {2, 20};
    for (int i = 0; i < 2; i++) {
        trial_config_t trial = trial_of(snr_db[i], STILL_WEBP);
        trial.scheme.rate_denominator = 3;
        trial.scheme.digital.best_mcs = true;
        trial.scheme.digital.calibration_frames = 60;
        result_t result = run(trial);
        CHECK_AT_MOST(result.images_undecodable, 2);
        CHECK_AT_LEAST(result.psnr_mse_db, last + 5.0);
        CU_ASSERT_PTR_NOT_NULL(strstr(result.mode, i == 0 ? " QPSK " : "QAM "));
        last = result.psnr_mse_db;
    }
    trial_config_t trial = trial_of(16, STILL_JPEG);
    trial.images = 8;
    trial.scheme.digital.best_source = true;
    CU_ASSERT_STRING_EQUAL(run(trial).mode, "avif 64QAM 2/3");
}

/* What is sent has no part in the choice: other pictures, the same mode. */
static void test_blind_choice(void)
{
    err_t err = ERR_INIT;
    trial_config_t trial = trial_of(9, STILL_JPEG);
    trial.images = 8;
    trial.scheme.digital.best_mcs = true;
    result_t first, second, again;
    CHECK_INT(trial_run(&trial, fashion, &first, &err), 0);
    CHECK_INT(trial_run(&trial, fashion, &again, &err), 0);
    trial.images = 1;
    CHECK_INT(trial_run(&trial, training, &second, &err), 0);
    CU_ASSERT_STRING_EQUAL(first.mode, second.mode);
    CU_ASSERT_EQUAL(first.psnr_all_db, again.psnr_all_db);
    CU_ASSERT_STRING_EQUAL(first.mode, again.mode);
}

static void test_refusals(void)
{
    err_t err = ERR_INIT;
    result_t result;
    trial_config_t trial = trial_of(16, STILL_JPEG);
    trial.frame_images = 6;
    trial.scheme.digital.mosaic = 4;
    CHECK_INT(trial_run(&trial, fashion, &result, &err), -1);
    CHECK_ERROR_NAMES(&err, "digital.mosaic=4");
    trial = trial_of(16, STILL_JPEG);
    trial.scheme.digital.best_mcs = true;
    trial.calibration = NULL;
    CHECK_INT(trial_run(&trial, fashion, &result, &err), -1);
    CHECK_ERROR_NAMES(&err, "digital.calibration");
    trial = trial_of(16, STILL_JPEG);
    trial.scheme.rate_denominator = 1000; /* three symbols */
    CHECK_INT(trial_run(&trial, fashion, &result, &err), -1);
    CHECK_ERROR_NAMES(&err, "not one byte");
}

static const check_test_t tests[] = {
    {"there is a cliff, and what falls off it is counted", test_cliff},
    {"a picture that was not received counts as its mean colour", test_mean_colours},
    {"a picture that no quality makes small enough is counted apart", test_over_budget},
    {"WebP and AVIF go the same way", test_formats},
    {"pictures compressed as one mosaic look better", test_mosaic},
    {"a mosaic's pictures come back from their places", test_mosaic_places},
    {"the best mode is robust in noise and rich without", test_best},
    {"the choice does not see the pictures that are sent, and is repeatable", test_blind_choice},
    {"what cannot be sent is told by name", test_refusals},
};

int main(void)
{
    err_t err = ERR_INIT;
    fashion = dataset_open("fashion-mnist:test", &err);
    training = dataset_open("fashion-mnist:train", &err);
    if (fashion == NULL || training == NULL) {
        fprintf(stderr, "skipped: %s\n", err.text);
        return CHECK_SKIP;
    }
    int failed = check_run("digital", tests, CHECK_COUNT(tests));
    dataset_close(fashion);
    dataset_close(training);
    return failed;
}
