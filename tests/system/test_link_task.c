/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The committed task codec through the whole link: accuracy that must not be lost again. */
#include "check.h"
#include "trial.h"

#include <unistd.h>

#define CIFAR SEMRADIO_SOURCE_DIR "/../shared/data/cifar10/"

enum { IMAGES = 320, PER_FRAME = 4 };

static dataset_t *cifar;

static trial_config_t trial_of(air_model_t model, double snr_db, bool genie)
{
    trial_config_t trial = {.scheme = {.codec = "task", .design_snr_db = snr_db},
                            .judge = "none",
                            .images = IMAGES,
                            .frame_images = PER_FRAME,
                            .link = link_config_default()};
    trial.link.air.model = model;
    trial.link.air.snr_db = snr_db;
    trial.link.air.seed = 11;
    trial.link.genie = genie;
    return trial;
}

static result_t run(trial_config_t trial)
{
    result_t result;
    err_t err = ERR_INIT;
    result_clear(&result);
    CHECK_INT(trial_run(&trial, cifar, &result, &err), 0);
    if (err.code != ERR_NONE) {
        fprintf(stderr, "%s\n", err.text);
    }
    return result;
}

static bool have_cifar(void)
{
    if (cifar == NULL) {
        printf("(skipped: no CIFAR-10 in ../shared/data) ");
    }
    return cifar != NULL;
}

typedef struct {
    air_model_t model;
    double snr_db, accuracy;
} threshold_t;

/* Measured with the committed weights, less .05 on AWGN and .07 in fading. */
static const threshold_t thresholds[] = {
    {AIR_AWGN, -8, 0.74}, {AIR_AWGN, -5, 0.78}, {AIR_AWGN, 10, 0.79}, {AIR_RAYLEIGH, 0, 0.74}};

static void test_thresholds(void)
{
    for (size_t i = 0; have_cifar() && i < sizeof thresholds / sizeof thresholds[0]; i++) {
        const threshold_t *t = &thresholds[i];
        result_t result = run(trial_of(t->model, t->snr_db, false));
        fprintf(stderr, "%s %3.0f dB: %d of %d images, accuracy %.3f\n", air_model_name(t->model),
                t->snr_db, (int)result.images_received, IMAGES, result.accuracy);
        CHECK_AT_LEAST(result.accuracy, t->accuracy);
        CHECK_NEAR(10 * log10(result.symbol_power), 0, 0.1);
    }
}

/* Synchronisation and estimation cost a point or two at most where the header holds. */
static void test_genie(void)
{
    if (!have_cifar()) {
        return;
    }
    result_t real = run(trial_of(AIR_AWGN, -5, false)), genie = run(trial_of(AIR_AWGN, -5, true));
    fprintf(stderr, "AWGN -5 dB: %.3f, genie %.3f\n", real.accuracy, genie.accuracy);
    CHECK_INT(real.images_received, IMAGES);
    CHECK_AT_LEAST(real.accuracy, genie.accuracy - 0.03);
}

static const check_test_t tests[] = {
    {"classes come through the link as often as they did", test_thresholds},
    {"the receiver costs little accuracy against known timing and channel", test_genie},
};

int main(void)
{
    err_t err = ERR_INIT;
    if (access(CIFAR "test_dev.bin.xz", R_OK) == 0) {
        cifar =
            dataset_open("cifar10:" CIFAR "test_dev.bin.xz,skip=" CIFAR "inexact_rows.txt", &err);
    }
    int failed = check_run("link task", tests, CHECK_COUNT(tests));
    dataset_close(cifar);
    return failed;
}
