/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Weight import: public PyTorch checkpoints give here the PSNR they give there. */
#include "check.h"
#include "codec/deepjscc.h"
#include "images/dataset.h"
#include "quality/quality.h"
#include "rng.h"

#include <stdlib.h>
#include <unistd.h>

#define DATA SEMRADIO_SOURCE_DIR "/../shared/data"
#define PEER DATA "/peer/deepjscc_"

enum { BATCH = 50, PICTURES = 1000, PICTURE = DEEPJSCC_SIDE * DEEPJSCC_SIDE * 3 };

static void send(deepjscc_t *codec, const uint8_t *sent, float n0, rng_t *rng, quality_sum_t *sum)
{
    static uint8_t received[BATCH * PICTURE];
    size_t count = deepjscc_symbols(codec) * BATCH;
    float complex *symbols = malloc(count * sizeof(*symbols));
    float complex *noise = malloc(count * sizeof(*noise));
    deepjscc_encode(codec, sent, symbols);
    rng_complex_normal(rng, n0, noise, count);
    for (size_t k = 0; k < count; k++) {
        symbols[k] += noise[k];
    }
    deepjscc_decode(codec, symbols, received);
    for (int n = 0; n < BATCH; n++) {
        quality_sum_add(sum, sent + n * PICTURE, received + n * PICTURE, DEEPJSCC_SIDE,
                        DEEPJSCC_SIDE);
    }
    free(symbols);
    free(noise);
}

/* PSNR of the mean MSE over the first pictures at a true Es/N0. */
static double measure(const char *path, double snr_db)
{
    static uint8_t sent[BATCH * PICTURE];
    err_t err = ERR_INIT;
    deepjscc_t *codec = deepjscc_open(path, BATCH, &err);
    dataset_t *set = dataset_open("cifar10:" DATA "/cifar10/test_dev.bin.xz", &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(codec);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    quality_sum_t sum = QUALITY_SUM_INIT;
    image_t picture = IMAGE_EMPTY;
    rng_t rng;
    rng_seed(&rng, 1, 0);
    for (size_t i = 0; i < PICTURES; i++) {
        CU_ASSERT_EQUAL(dataset_get(set, i, &picture, NULL, &err), 0);
        memcpy(sent + i % BATCH * PICTURE, picture.rgb, PICTURE);
        if (i % BATCH == BATCH - 1) {
            send(codec, sent, (float)pow(10.0, -snr_db / 10.0), &rng, &sum);
        }
    }
    image_free(&picture);
    dataset_close(set);
    deepjscc_close(codec);
    return quality_sum_psnr_db(&sum);
}

/* Figures: deepjscc_peer_psnr.csv beside the checkpoints, column psnr_of_mean_mse_true_snr. */
static void test_parity(void)
{
    CHECK_NEAR(measure(PEER "c4_awgn_nominal7dB.safetensors", 7.0), 24.99, 0.1);
    CHECK_NEAR(measure(PEER "c8_awgn_nominal7dB.safetensors", 7.0), 27.41, 0.1);
    CHECK_NEAR(measure(PEER "c8_awgn_nominal19dB.safetensors", 19.0), 33.24, 0.1);
}

static void test_convention(void)
{
    /* That code's "7 dB" is a true Es/N0 of 10.01 dB. */
    CHECK_NEAR(measure(PEER "c8_awgn_nominal7dB.safetensors", 10.01), 29.72, 0.1);
}

static void test_wrong_file(void)
{
    err_t err = ERR_INIT;
    CU_ASSERT_PTR_NULL(deepjscc_open(DATA "/classifier/resnet20-cifar10.safetensors", 1, &err));
    CHECK_ERROR_NAMES(&err, "resnet20-cifar10.safetensors");
    CHECK_ERROR_NAMES(&err, "encoder.conv5");
}

static const check_test_t tests[] = {
    {"public DeepJSCC checkpoints reach their published PSNR", test_parity},
    {"their nominal SNR is 3.01 dB below the true one", test_convention},
    {"another network's weights are refused by name", test_wrong_file},
};

int main(void)
{
    if (access(PEER "c4_awgn_nominal7dB.safetensors", R_OK) != 0) {
        puts("skipped: no public checkpoints in ../shared/data/peer");
        return CHECK_SKIP;
    }
    return check_run("deepjscc", tests, CHECK_COUNT(tests));
}
