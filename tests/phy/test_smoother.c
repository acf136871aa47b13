/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "chest/smoother.h"
#include "link.h"

/* h of a channel whose first tap arrives `delay` samples into the FFT window. */
static void delayed(const link_channel_t *c, double delay, float complex h[NUMEROLOGY_USED])
{
    link_response(c, h);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        int bin = numerology_bin(u);
        int carrier = bin < 128 ? bin : bin - 256;
        h[u] *= (float complex)cexp(-2.0 * I * M_PI * carrier * delay / 256.0);
    }
}

static double distance(const float complex *a, const float complex *b)
{
    double sum = 0.0;
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        sum += creal((a[u] - b[u]) * conjf(a[u] - b[u])) / NUMEROLOGY_USED;
    }
    return sum;
}

/* Mean error of the smoothed estimate over that of least squares, in dB. */
static double gain_db(int cp, double spread_ns, double noise_db, double *promised)
{
    smoother_t *s = smoother_create(cp, NULL);
    rng_t rng;
    rng_seed(&rng, 3, (uint64_t)spread_ns);
    double noise = pow(10.0, noise_db / 10.0), error = 0.0, expected = 0.0;
    int trials = 300;
    for (int i = 0; i < trials; i++) {
        link_channel_t c = link_rayleigh(0.0, spread_ns, &rng);
        float complex h[NUMEROLOGY_USED], ls[NUMEROLOGY_USED], w[NUMEROLOGY_USED];
        delayed(&c, 1.0 + 3.0 * (double)rng_uniform(&rng), h);
        rng_complex_normal(&rng, (float)noise, w, NUMEROLOGY_USED);
        for (int u = 0; u < NUMEROLOGY_USED; u++) {
            ls[u] = h[u] + w[u];
        }
        expected += smoother_apply(s, ls, 1.0, noise, ls) / trials;
        error += distance(ls, h) / trials;
    }
    smoother_destroy(s);
    *promised = 10.0 * log10(expected / noise);
    return 10.0 * log10(error / noise);
}

static void nine_db_better_than_least_squares(void)
{
    const double spreads[] = {30, 100, 300};
    for (int i = 0; i < 3; i++) {
        for (double noise_db = -35.0; noise_db <= 5.0; noise_db += 10.0) {
            double promised, gain = gain_db(18, spreads[i], noise_db, &promised);
            printf("\n    %3.0f ns, noise %3.0f dB: error %.2f dB of least squares', promised %.2f",
                   spreads[i], noise_db, gain, promised);
            CHECK_AT_MOST(gain, -9.0);
            CHECK_NEAR(gain, promised, 1.7);
        }
    }
}

static void no_floor_down_to_minus_fifty(void)
{
    /* A lone path at a fractional delay, no noise worth the name: the error keeps falling. */
    smoother_t *s = smoother_create(18, NULL);
    link_channel_t c = link_clean();
    for (double delay = 0.5; delay <= 12.0; delay += 0.77) {
        float complex h[NUMEROLOGY_USED], out[NUMEROLOGY_USED];
        delayed(&c, delay, h);
        smoother_apply(s, h, 1.0, 1e-5, out);
        CHECK_AT_MOST(10.0 * log10(distance(out, h)), -50.0);
    }
    smoother_destroy(s);
}

static void extended_prefix_holds_long_channels(void)
{
    double promised;
    link_channel_t c = link_clean();
    c.tap[0] = 0.8f;
    smoother_t *s = smoother_create(64, NULL);
    float complex h[NUMEROLOGY_USED], late[NUMEROLOGY_USED], out[NUMEROLOGY_USED];
    delayed(&c, 3.0, h);
    delayed(&c, 45.0, late);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        h[u] += 0.7f * late[u];
    }
    smoother_apply(s, h, 1.0, 1e-3, out);
    CHECK_AT_MOST(10.0 * log10(distance(out, h)), -30.0);
    smoother_destroy(s);
    CHECK_AT_MOST(gain_db(64, 300, -20, &promised), -5.0);
}

static void residual_measures_the_noise(void)
{
    smoother_t *s = smoother_create(18, NULL);
    rng_t rng;
    rng_seed(&rng, 9, 0);
    double sum = 0.0;
    int trials = 400, outside = NUMEROLOGY_USED - smoother_rank(s);
    for (int i = 0; i < trials; i++) {
        link_channel_t c = link_rayleigh(0.0, 200.0, &rng);
        float complex h[NUMEROLOGY_USED], w[NUMEROLOGY_USED];
        delayed(&c, 2.5, h);
        rng_complex_normal(&rng, 0.02f, w, NUMEROLOGY_USED);
        for (int u = 0; u < NUMEROLOGY_USED; u++) {
            h[u] += w[u];
        }
        sum += smoother_residual(s, h) / trials / outside;
    }
    CHECK_NEAR(sum / 0.02, 1.0, 0.02);
    CHECK_AT_MOST(smoother_rank(s), 40);
    smoother_destroy(s);
}

static void zero_in_zero_out(void)
{
    smoother_t *s = smoother_create(18, NULL);
    float complex h[NUMEROLOGY_USED] = {0};
    CHECK_NEAR(smoother_apply(s, h, 0.0, 0.0, h), 0.0, 0.0);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        CU_ASSERT(h[u] == 0.0f);
    }
    smoother_destroy(s);
}

static const check_test_t tests[] = {
    {"the error is 9 dB below least squares' at any noise, and as promised", nine_db_better_than_least_squares},
    {"no bias floor above -50 dB", no_floor_down_to_minus_fifty},
    {"the extended prefix's smoother holds long channels", extended_prefix_holds_long_channels},
    {"what lies outside the subspace measures the noise", residual_measures_the_noise},
    {"nothing in, nothing out", zero_in_zero_out},
};

int main(void)
{
    return check_run("smoother", tests, CHECK_COUNT(tests));
}
