/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statistics of DeKA-g (9), corrected: E[h' conj(h)] = 1 / (1 + 2 pi i D w).
 * Two ways: the covariance the taps are built to have (exact, from the factor),
 * and the one that draws through the public interface show.
 */
#include "air/air.h"
#include "air/fading.h"
#include "check.h"

#include <complex.h>
#include <stdlib.h>

static const double RATE = 7.68e6;
static const double SPREADS_NS[] = {30, 100, 300, 1000};
static const double PI = 3.14159265358979323846;

static double complex wanted(double distance_hz, double spread_ns)
{
    return 1.0 / (1.0 + 2.0 * PI * I * distance_hz * spread_ns * 1e-9);
}

/* Row of F' seen at frequency f: v[j] = sum over k of F[k][j] exp(-2 pi i f k / rate). */
static void factor_response(const fading_t *fading, double f_hz, double complex *v)
{
    for (size_t j = 0; j < fading->rank; j++) {
        v[j] = 0.0;
        for (size_t k = 0; k < fading->taps; k++) {
            v[j] += (double)fading->factor[k][j] * cexp(-2.0 * PI * I * f_hz * (double)k / RATE);
        }
    }
}

static double worst_covariance_error(const fading_t *fading, double spread_ns)
{
    double worst = 0.0;
    for (double f = -2e6; f <= 2.001e6; f += 0.25e6) {
        for (double g = -2e6; g <= 2.001e6; g += 0.25e6) {
            double complex a[FADING_MAX_TAPS], b[FADING_MAX_TAPS], sum = 0.0;
            factor_response(fading, f, a);
            factor_response(fading, g, b);
            for (size_t j = 0; j < fading->rank; j++) {
                sum += a[j] * conj(b[j]);
            }
            /* The bulk delay is not part of the profile. */
            sum *= cexp(2.0 * PI * I * (f - g) * (double)fading->delay / RATE);
            worst = fmax(worst, cabs(sum - wanted(f - g, spread_ns)));
        }
    }
    return worst;
}

static void test_exact_covariance(void)
{
    for (int i = 0; i < 4; i++) {
        fading_t fading;
        fading_init(&fading, SPREADS_NS[i] * 1e-9 * RATE);
        const double worst = worst_covariance_error(&fading, SPREADS_NS[i]);
        printf("\n    %4.0f ns: %zu taps, rank %zu, cut %.1e, covariance off by %.2e", SPREADS_NS[i],
               fading.taps, fading.rank, fading.truncated, worst);
        CHECK_AT_MOST(worst, 0.01);
        CHECK_AT_MOST(fading.truncated, 1e-3);
        CHECK_INT(fading.delay, 3);
    }
}

static void test_flat(void)
{
    fading_t fading;
    fading_init(&fading, 0.0);
    CHECK_INT(fading.taps, 1);
    CHECK_INT(fading.delay, 0);
    CHECK_NEAR(fading.factor[0][0], 1.0, 0.0);
}

static air_t *rayleigh(double spread_ns, uint64_t seed)
{
    air_config_t config = air_config_default();
    config.model = AIR_RAYLEIGH;
    config.snr_db = INFINITY;
    config.delay_spread_ns = spread_ns;
    config.seed = seed;
    err_t err = ERR_INIT;
    air_t *air = air_create(&config, &err);
    if (air == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return air;
}

enum { DRAWS = 40000, FFT = 256 };

static void test_drawn_covariance(void)
{
    static const int carriers[] = {1, 2, 5, 17, 40, 66, 256 - 66, 256 - 20};
    enum { COUNT = 8 };
    for (int s = 0; s < 4; s++) {
        air_t *air = rayleigh(SPREADS_NS[s], 77);
        double complex sum[COUNT][COUNT] = {{0}};
        for (int d = 0; d < DRAWS; d++) {
            float complex h[FFT];
            air_begin_block(air);
            air_response(air, FFT, h);
            for (int i = 0; i < COUNT; i++) {
                for (int j = 0; j < COUNT; j++) {
                    sum[i][j] += (double complex)(h[carriers[i]] * conjf(h[carriers[j]]));
                }
            }
        }
        for (int i = 0; i < COUNT; i++) {
            for (int j = 0; j < COUNT; j++) {
                const int fi = carriers[i] < 128 ? carriers[i] : carriers[i] - FFT;
                const int fj = carriers[j] < 128 ? carriers[j] : carriers[j] - FFT;
                const double complex bulk =
                    cexp(2.0 * PI * I * (fi - fj) * (double)air_delay_samples(air) / FFT);
                const double complex is = sum[i][j] / DRAWS * bulk;
                /* 4.5 standard deviations of a mean of products, and the model's 1 %. */
                CHECK_AT_MOST(cabs(is - wanted((fi - fj) * 30e3, SPREADS_NS[s])),
                              0.01 + 4.5 / sqrt(DRAWS));
            }
        }
        air_destroy(air);
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* |h|^2 of a Rayleigh envelope is exponential with mean 1 (Kolmogorov and Smirnov, 0.1 %). */
static void test_envelope(void)
{
    enum { N = 20000 };
    double *power = malloc(N * sizeof *power);
    air_t *air = rayleigh(300, 5);
    for (int i = 0; i < N; i++) {
        float complex h[FFT];
        air_begin_block(air);
        air_response(air, FFT, h);
        power[i] = cabs((double complex)h[33]) * cabs((double complex)h[33]);
    }
    qsort(power, N, sizeof *power, by_value);
    double distance = 0.0;
    for (int i = 0; i < N; i++) {
        const double model = 1.0 - exp(-power[i]);
        distance = fmax(distance, fabs(model - (i + 0.5) / N));
    }
    CHECK_AT_MOST(distance * sqrt(N), 1.95);
    free(power);
    air_destroy(air);
}

static void test_blocks_independent(void)
{
    enum { N = 20000 };
    air_t *air = rayleigh(100, 9);
    double complex correlation = 0.0, pseudo = 0.0;
    float complex last = 0.0f;
    for (int i = 0; i < N; i++) {
        float complex h[1];
        air_begin_block(air);
        air_response(air, 1, h);
        correlation += (double complex)(h[0] * conjf(last));
        pseudo += (double complex)(h[0] * h[0]);
        last = h[0];
    }
    CHECK_AT_MOST(cabs(correlation) / N, 4.5 / sqrt(N));
    CHECK_AT_MOST(cabs(pseudo) / N, 4.5 * sqrt(2.0 / N)); /* circular */
    air_destroy(air);
}

static void test_static_block(void)
{
    air_config_t config = air_config_default();
    config.model = AIR_RAYLEIGH;
    config.block = AIR_BLOCK_STATIC;
    air_t *air = air_create(&config, NULL);
    float complex before[FFT], after[FFT];
    air_response(air, FFT, before);
    air_begin_block(air);
    air_response(air, FFT, after);
    CU_ASSERT(memcmp(before, after, sizeof before) == 0);
    air_reset(air, 2);
    air_response(air, FFT, after);
    CU_ASSERT(memcmp(before, after, sizeof before) != 0);
    air_reset(air, config.seed);
    air_response(air, FFT, after);
    CU_ASSERT(memcmp(before, after, sizeof before) == 0);
    air_destroy(air);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"the taps have the exponential profile's covariance within 1 % over +-2 MHz",
         test_exact_covariance},
        {"a delay spread of 0 is flat fading", test_flat},
        {"draws show that covariance", test_drawn_covariance},
        {"the envelope is Rayleigh", test_envelope},
        {"blocks are independent and circular", test_blocks_independent},
        {"static fading keeps its one draw", test_static_block},
    };
    return check_run("fading", tests, CHECK_COUNT(tests));
}
