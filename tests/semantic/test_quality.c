/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PSNR and SSIM against values worked out otherwise. */
#include "check.h"
#include "quality/quality.h"
#include "rng.h"

#include <stdlib.h>

enum { SIDE = 32, BYTES = SIDE * SIDE * 3 };

static void noise(uint8_t *out, size_t count, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < count; i++) {
        out[i] = (uint8_t)rng_below(&rng, 256);
    }
}

static void test_psnr(void)
{
    uint8_t a[BYTES], b[BYTES];
    memset(a, 100, BYTES);
    memset(b, 105, BYTES);
    CHECK_NEAR(quality_mse(a, b, BYTES), 25.0, 0);
    CHECK_NEAR(quality_psnr_db(25.0), 34.1514, 1e-4); /* 20 log10(255 / 5) */
    CHECK_NEAR(quality_psnr_db(255.0 * 255.0), 0.0, 1e-12);
    CHECK_NEAR(quality_psnr_db(0.0), QUALITY_PSNR_MAX_DB, 0);
    memset(a, 0, BYTES);
    memset(b, 255, BYTES);
    CHECK_NEAR(quality_mse(a, b, BYTES), 65025.0, 0);
}

/* Constant pictures: variance and covariance vanish, the luminance term remains. */
static void test_ssim_constant(void)
{
    uint8_t a[BYTES], b[BYTES];
    memset(a, 100, BYTES);
    memset(b, 120, BYTES);
    double c1 = 6.5025, expected = (2.0 * 100 * 120 + c1) / (100.0 * 100 + 120.0 * 120 + c1);
    CHECK_NEAR(quality_ssim(a, b, SIDE, SIDE), expected, 1e-9);
    CHECK_NEAR(quality_ssim(a, b, 1, 1), expected, 1e-9);
    CHECK_NEAR(quality_ssim(a, b, 5, 17), expected, 1e-9);
    CHECK_NEAR(quality_ssim(a, a, SIDE, SIDE), 1.0, 1e-12);
}

/* The definition, window by window, without any sharing of sums. */
static double ssim_plainly(const uint8_t *a, const uint8_t *b, int width, int height)
{
    double total = 0.0;
    int windows = 0;
    for (int c = 0; c < 3; c++) {
        for (int y = 0; y + 11 <= height; y++) {
            for (int x = 0; x + 11 <= width; x++, windows++) {
                double w = 0, ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
                for (int j = -5; j <= 5; j++) {
                    for (int i = -5; i <= 5; i++) {
                        double g = exp(-(i * i + j * j) / (2 * 1.5 * 1.5));
                        int at = ((y + 5 + j) * width + x + 5 + i) * 3 + c;
                        w += g;
                        ma += g * a[at];
                        mb += g * b[at];
                        aa += g * a[at] * a[at];
                        bb += g * b[at] * b[at];
                        ab += g * a[at] * b[at];
                    }
                }
                ma /= w;
                mb /= w;
                double va = aa / w - ma * ma, vb = bb / w - mb * mb, cov = ab / w - ma * mb;
                total += (2 * ma * mb + 6.5025) * (2 * cov + 58.5225) /
                         ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
            }
        }
    }
    return total / windows;
}

static void test_ssim_definition(void)
{
    enum { WIDTH = 61, HEIGHT = 29 };
    static uint8_t a[WIDTH * HEIGHT * 3], b[WIDTH * HEIGHT * 3];
    noise(a, sizeof(a), 1);
    noise(b, sizeof(b), 2);
    for (size_t i = 0; i < sizeof(b); i++) {
        b[i] = (uint8_t)((3 * a[i] + b[i]) / 4);
    }
    double expected = ssim_plainly(a, b, WIDTH, HEIGHT);
    CHECK_NEAR(quality_ssim(a, b, WIDTH, HEIGHT), expected, 1e-9);
    CHECK_NEAR(quality_ssim(b, a, WIDTH, HEIGHT), expected, 1e-9);
    CHECK_AT_LEAST(0.99, expected);
}

static void test_sums(void)
{
    uint8_t a[BYTES], b[BYTES];
    quality_sum_t one = QUALITY_SUM_INIT, two = QUALITY_SUM_INIT;
    memset(a, 100, BYTES);
    memset(b, 101, BYTES);
    quality_sum_add(&one, a, b, SIDE, SIDE);
    memset(b, 110, BYTES);
    quality_sum_add(&two, a, b, SIDE, SIDE);
    quality_sum_judge(&one, 3, 3);
    quality_sum_judge(&two, 3, 4);
    quality_sum_judge(&two, -1, 4);
    quality_sum_merge(&one, &two);
    CHECK_NEAR(quality_sum_psnr_db(&one), quality_psnr_db(50.5), 1e-12);
    CHECK_NEAR(quality_sum_mean_psnr_db(&one), (quality_psnr_db(1) + quality_psnr_db(100)) / 2,
               1e-12);
    CHECK_NEAR(quality_sum_accuracy(&one), 0.5, 0);
    quality_sum_t empty = QUALITY_SUM_INIT;
    CU_ASSERT(isnan(quality_sum_psnr_db(&empty)));
    CU_ASSERT(isnan(quality_sum_mean_ssim(&empty)));
    CU_ASSERT(isnan(quality_sum_accuracy(&empty)));
}

static const check_test_t tests[] = {
    {"MSE and PSNR of known differences", test_psnr},
    {"SSIM of constant pictures is the luminance term, at any size", test_ssim_constant},
    {"SSIM equals its definition", test_ssim_definition},
    {"sums give both kinds of mean PSNR", test_sums},
};

int main(void)
{
    return check_run("quality", tests, CHECK_COUNT(tests));
}
