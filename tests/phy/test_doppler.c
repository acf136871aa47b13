/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Moving channels: spectrum, envelope, power, and that what is applied is what is announced. */
#include "air/air.h"
#include "check.h"
#include "rng.h"

#include <complex.h>
#include <stdlib.h>

static const double RATE = 7.68e6;
static const double PI = 3.14159265358979323846;
static const double DOPPLER_HZ = 300.0;

static air_config_t config_of(air_model_t model)
{
    air_config_t config = air_config_default();
    config.model = model;
    config.snr_db = INFINITY;
    config.doppler_hz = DOPPLER_HZ;
    return config;
}

static air_t *make(air_config_t config)
{
    err_t err = ERR_INIT;
    air_t *air = air_create(&config, &err);
    if (air == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return air;
}

static double complex gain_at(const air_t *air, double at)
{
    float complex h[1];
    air_response_at(air, at, 1, h);
    return (double complex)h[0];
}

static double power_of(double complex z)
{
    return creal(z) * creal(z) + cimag(z) * cimag(z);
}

/* Over draws: E[h(t + s) conj(h(t))] = J0(2 pi f_D s), at lags over five lobes of J0. */
static void test_spectrum(void)
{
    enum { DRAWS = 20000, LAGS = 9 };
    static const double turns[LAGS] = {0, 0.05, 0.1, 0.2, 0.3827, 0.6, 1.0, 1.7, 2.5}; /* f_D s */
    static const air_model_t models[] = {AIR_RAYLEIGH, AIR_TAPS, AIR_TDL_C};
    for (int m = 0; m < 3; m++) {
        air_config_t config = config_of(models[m]);
        config.delay_spread_ns = 0; /* one gain; the taps' sum for `taps` */
        config.tap_count = 2;
        air_t *air = make(config);
        double complex sum[LAGS] = {0};
        for (int d = 0; d < DRAWS / (m == 2 ? 8 : 1); d++) {
            air_begin_block(air);
            const double complex first = gain_at(air, 5000.0);
            for (int l = 0; l < LAGS; l++) {
                sum[l] += gain_at(air, 5000.0 + turns[l] / DOPPLER_HZ * RATE) * conj(first);
            }
        }
        const double draws = DRAWS / (m == 2 ? 8 : 1);
        for (int l = 0; l < LAGS; l++) {
            CHECK_AT_MOST(cabs(sum[l] / draws - j0(2.0 * PI * turns[l])), 4.5 / sqrt(draws));
        }
        air_destroy(air);
    }
}

/* One long draw: the same over time, for each of many runs, and power 1 without luck. */
static void test_steady(void)
{
    enum { TIMES = 4000 };
    static const double turns[] = {0.1, 0.3827, 0.7, 1.2};
    for (uint64_t seed = 1; seed <= 5; seed++) {
        air_config_t config = config_of(AIR_RAYLEIGH);
        config.block = AIR_BLOCK_STATIC;
        config.delay_spread_ns = 0;
        config.seed = seed;
        air_t *air = make(config);
        double power = 0.0;
        double complex sum[4] = {0};
        for (int i = 0; i < TIMES; i++) {
            const double at = (double)i * 0.37 / DOPPLER_HZ * RATE;
            const double complex first = gain_at(air, at);
            power += power_of(first);
            for (int l = 0; l < 4; l++) {
                sum[l] += gain_at(air, at + turns[l] / DOPPLER_HZ * RATE) * conj(first);
            }
        }
        CHECK_NEAR(power / TIMES, 1.0, 0.1);
        for (int l = 0; l < 4; l++) {
            CHECK_AT_MOST(cabs(sum[l] / TIMES - j0(2.0 * PI * turns[l])), 0.12);
        }
        air_destroy(air);
    }
}

/* TDL-E is nearly all line of sight: its phase runs at 0.7 f_D, and its share is the table's. */
static void test_line_of_sight(void)
{
    enum { RUNS = 300, POINTS = 200 };
    air_config_t config = config_of(AIR_TDL_E);
    config.delay_spread_ns = 0;
    air_t *air = make(config);
    double line = 0.0, beside = 0.0;
    for (int r = 0; r < RUNS; r++) {
        air_begin_block(air);
        double complex at_line = 0.0, off_line = 0.0;
        for (int i = 0; i < POINTS; i++) { /* 20 turns of f_D */
            const double s = 0.1 * i / DOPPLER_HZ;
            const double complex h = gain_at(air, s * RATE);
            at_line += h * cexp(-2.0 * PI * I * 0.7 * DOPPLER_HZ * s) / POINTS;
            off_line += h * cexp(2.0 * PI * I * 0.7 * DOPPLER_HZ * s) / POINTS;
        }
        line += power_of(at_line) / RUNS;
        beside += power_of(off_line) / RUNS;
    }
    double scattered = 0.0; /* table 7.7.2-5 without its first row */
    static const double db[] = {-22.03, -15.8, -18.1, -19.8, -22.9, -22.4, -18.6,
                                -20.8,  -22.6, -22.3, -25.6, -20.2, -29.8, -29.2};
    for (int i = 0; i < 14; i++) {
        scattered += pow(10.0, 0.1 * db[i]);
    }
    const double share = pow(10.0, -0.003) / (pow(10.0, -0.003) + scattered);
    CHECK_NEAR(line, share, 0.015);
    CHECK_AT_MOST(beside, 0.02);
    air_destroy(air);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* P(|h|^2 <= x) for a line of sight of power `sight` and scattered power 1 - sight: the integral
   of Rice's density. */
static double rice(double x, double sight)
{
    enum { STEPS = 400 };
    const double scattered = 1.0 - sight;
    double sum = 0.0;
    for (int i = 0; i < STEPS; i++) { /* Poisson mixture of gamma laws is slower: plain midpoint */
        const double p = x * (i + 0.5) / STEPS;
        const double argument = 2.0 * sqrt(sight * p) / scattered;
        double bessel = 0.0; /* I0 times exp(-argument), over the circle */
        for (int k = 0; k < 64; k++) {
            bessel += exp(argument * (cos(PI * (k + 0.5) / 64) - 1.0)) / 64;
        }
        sum += exp(argument - (p + sight) / scattered) * bessel / scattered;
    }
    return sum * x / STEPS;
}

/* Kolmogorov and Smirnov at 0.1 %: sqrt(n) times the distance is above 1.95 once in 1,000. */
static double distance(double *power, int count, double sight)
{
    qsort(power, (size_t)count, sizeof *power, by_value);
    double worst = 0.0;
    for (int i = 0; i<count; i += count> 2000 && sight > 0 ? 10 : 1) {
        const double model = sight > 0.0 ? rice(power[i], sight) : 1.0 - exp(-power[i]);
        worst = fmax(worst, fabs(model - (i + 0.5) / count));
    }
    return worst * sqrt(count);
}

static void test_envelope(void)
{
    enum { N = 10000 };
    double *power = malloc(N * sizeof *power);
    for (int steady = 0; steady < 2; steady++) {
        air_config_t config = config_of(AIR_RAYLEIGH);
        config.delay_spread_ns = 0;
        config.block = steady ? AIR_BLOCK_STATIC : AIR_BLOCK_BURST;
        air_t *air = make(config);
        for (int i = 0; i < N; i++) {
            if (steady) {
                air_reset(air, (uint64_t)i + 100);
            } else {
                air_begin_block(air);
            }
            power[i] = power_of(gain_at(air, 1e6));
        }
        CHECK_AT_MOST(distance(power, N, 0.0), 1.95);
        air_destroy(air);
    }
    /* TDL-D at delay spread 0: all scattered paths beside the line of sight of -0.2 dB. */
    air_config_t config = config_of(AIR_TDL_D);
    config.delay_spread_ns = 0;
    static const double db[] = {-13.5, -18.8, -21,   -22.8, -17.9, -20.1, -21.9,
                                -22.9, -27.8, -23.6, -24.8, -30.0, -27.7};
    double scattered = 0.0;
    for (int i = 0; i < 13; i++) {
        scattered += pow(10.0, 0.1 * db[i]);
    }
    const double sight = pow(10.0, -0.02) / (pow(10.0, -0.02) + scattered);
    air_t *air = make(config);
    double mean = 0.0;
    for (int i = 0; i < N / 4; i++) {
        air_begin_block(air);
        power[i] = power_of(gain_at(air, 777.0));
        mean += power[i] / (N / 4);
    }
    CHECK_NEAR(mean, 1.0, 4.5 / sqrt(N / 4));
    CHECK_AT_MOST(distance(power, N / 4, sight), 1.95);
    CHECK_AT_LEAST(distance(power, N / 4, 0.0), 1.95); /* the test would see a Rayleigh one */
    air_destroy(air);
    free(power);
}

/* A tone through the channel: every output sample is the tone times the announced gain. */
static double worst_gain(air_config_t config, int fft_bin, size_t count)
{
    enum { FFT = 64 };
    air_t *air = make(config);
    float complex *x = malloc(count * sizeof *x);
    const size_t settle = air_delay_samples(air) + air_tap_count(air);
    for (size_t i = 0; i < count; i++) {
        const double angle = 2.0 * PI * (double)((i * (size_t)fft_bin) % FFT) / FFT;
        x[i] = CMPLXF(cos(angle), sin(angle));
    }
    air_begin_block(air);
    air_process(air, NULL, x, 0);
    float complex *y = malloc(count * sizeof *y);
    air_process(air, x, y, count);
    double worst = 0.0;
    for (size_t i = settle; i < count; i += 501) {
        float complex h[FFT];
        air_response_at(air, (double)i, FFT, h);
        worst = fmax(worst, cabs((double complex)(y[i] - h[fft_bin] * x[i])));
    }
    free(y);
    free(x);
    air_destroy(air);
    return worst;
}

static void test_announced(void)
{
    enum { COUNT = 200000 };
    air_config_t config = config_of(AIR_TDL_A);
    config.delay_spread_ns = 300;
    CHECK_AT_MOST(worst_gain(config, 3, COUNT), 3e-4); /* -70 dB at the worst sample */
    config.doppler_hz = 1000;
    CHECK_AT_MOST(worst_gain(config, 61, COUNT), 3e-4);
    config = config_of(AIR_RAYLEIGH);
    config.doppler_hz = 50;
    CHECK_AT_MOST(worst_gain(config, 5, COUNT), 3e-4);
    config.block = AIR_BLOCK_STATIC;
    CHECK_AT_MOST(worst_gain(config, 5, COUNT), 3e-4);
    config.sco_ppm = 20; /* with a drifting clock, in both directions */
    CHECK_AT_MOST(worst_gain(config, 9, COUNT), 6e-4);
    config.sco_ppm = -150;
    CHECK_AT_MOST(worst_gain(config, 55, COUNT), 6e-4);
    config = config_of(AIR_TAPS);
    config.doppler_hz = 7000; /* nearly the largest */
    CHECK_AT_MOST(worst_gain(config, 2, COUNT), 5e-3);
}

/* What a receiver of OFDM sees: sums of 256 samples against h[k] s[k] with h from each window's
   middle.  What is left is the leak between carriers, (2 pi f_D N / rate)^2 / 24 and a little of
   the clock; with h from elsewhere it is much more. */
static void test_windows(void)
{
    enum { FFT = 256, CP = 64, SYMBOLS = 40, USED = 60, LATE = 10000 };
    enum { LENGTH = SYMBOLS * (FFT + CP) + FFT };
    air_config_t config = config_of(AIR_TDL_C);
    config.delay_spread_ns = 300;
    config.doppler_hz = 100;
    config.sco_ppm = 20;
    air_t *air = make(config);
    const size_t shift = air_clock_delay_samples(air);
    static float complex x[LENGTH], y_all[LENGTH];
    static float complex wave[FFT], h[FFT];
    for (int n = 0; n < FFT; n++) { /* carriers 1 … USED with phases of their own */
        double complex sum = 0.0;
        for (int k = 1; k <= USED; k++) {
            sum += cexp(2.0 * PI * I * ((double)(k * k) / 7.3 + (double)(k * n % FFT) / FFT));
        }
        wave[n] = (float complex)(sum / 16.0);
    }
    for (int s = 0; s < SYMBOLS; s++) {
        memcpy(x + s * (FFT + CP), wave + FFT - CP, CP * sizeof *x);
        memcpy(x + s * (FFT + CP) + CP, wave, FFT * sizeof *x);
    }
    double error = 0.0, elsewhere = 0.0, signal = 0.0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        air_reset(air, seed);
        air_process(air, x, y_all, LENGTH);
        for (int s = 0; s < SYMBOLS; s++) {
            const size_t window = (size_t)(s * (FFT + CP) + CP) + shift;
            for (int late = 0; late < 2; late++) {
                air_response_at(air, (double)window + 127.5 + late * LATE, FFT, h);
                for (int k = 3; k <= USED; k += 7) {
                    double complex y = 0.0;
                    for (int n = 0; n < FFT; n++) {
                        y += (double complex)y_all[window + (size_t)n] *
                             cexp(-2.0 * PI * I * (k * n % FFT) / FFT);
                    }
                    /* The window begins `shift` late; h contains that delay. */
                    const double complex sent = 16.0 * cexp(2.0 * PI * I * (double)(k * k) / 7.3) *
                                                cexp(2.0 * PI * I * k * (double)shift / FFT);
                    const double e = power_of(y - sent * (double complex)h[k]);
                    *(late ? &elsewhere : &error) += e;
                    signal += late ? 0.0 : power_of(y);
                }
            }
        }
    }
    const double floor_db = 10.0 * log10(error / signal);
    printf("\n    %.1f dB; with the channel of %d samples later %.1f dB ", floor_db, LATE,
           10.0 * log10(elsewhere / signal));
    CHECK_AT_MOST(floor_db, -45.5); /* -46.3 by the formulas, over 10 draws */
    CHECK_AT_LEAST(10.0 * log10(elsewhere / signal), -15.0);
    air_destroy(air);
}

/* A million knots on, the oscillators still are where the formula says. */
static void test_no_wear(void)
{
    air_config_t config = config_of(AIR_TAPS);
    config.block = AIR_BLOCK_STATIC;
    config.doppler_hz = 7680; /* the shortest pieces */
    config.tap_count = 1;
    air_t *air = make(config);
    enum { N = 4096 };
    static float complex x[N];
    const size_t long_ago = 100000000;
    for (size_t done = 0; done < long_ago; done += 1000000) {
        static float complex silence[1000000];
        air_process(air, NULL, silence, 1000000);
    }
    for (int i = 0; i < N; i++) {
        x[i] = 1.0f;
    }
    air_process(air, x, x, N);
    double worst = 0.0;
    for (int i = 0; i < N; i += 7) {
        worst =
            fmax(worst, cabs((double complex)x[i] - gain_at(air, (double)(long_ago + (size_t)i))));
    }
    CHECK_AT_MOST(worst, 6e-3); /* the interpolation's share at this Doppler; a worn phase: more */
    air_destroy(air);
}

/* Moving echoes of an old block leave with the old gains. */
static void test_blocks_do_not_mix(void)
{
    enum { N = 1000 };
    static float complex x[2 * N], both[2 * N], first[2 * N], second[2 * N];
    air_config_t config = config_of(AIR_TDL_C);
    config.delay_spread_ns = 1000;
    rng_t rng;
    rng_seed(&rng, 3, 3);
    rng_complex_normal(&rng, 1.0f, x, 2 * N);
    air_t *air = make(config);
    air_begin_block(air);
    air_process(air, x, both, N);
    air_begin_block(air);
    air_process(air, x + N, both + N, N);
    air_reset(air, config.seed);
    air_begin_block(air);
    air_process(air, x, first, N);
    air_process(air, NULL, first + N, N);
    air_reset(air, config.seed);
    air_begin_block(air);
    air_process(air, NULL, second, N);
    air_begin_block(air);
    air_process(air, x + N, second + N, N);
    double worst = 0.0, echoes = 0.0;
    for (int i = 0; i < 2 * N; i++) {
        worst = fmax(worst, cabs((double complex)(both[i] - first[i] - second[i])));
    }
    for (int i = 0; i < 20; i++) {
        echoes += power_of((double complex)first[N + i]);
    }
    CHECK_AT_MOST(worst, 1e-5);
    CHECK_AT_LEAST(echoes, 1e-2);
    air_destroy(air);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"the autocorrelation is J0, over draws", test_spectrum},
        {"one long draw has power 1 and J0 over time", test_steady},
        {"the line of sight runs at 0.7 f_D with its share of the power", test_line_of_sight},
        {"the envelope is Rayleigh's, or Rice's with a line of sight", test_envelope},
        {"a moving response announced is the one applied, drift included", test_announced},
        {"windows of OFDM symbols see the response of their middle", test_windows},
        {"the oscillators do not wear out", test_no_wear},
        {"back-to-back moving blocks do not mix", test_blocks_do_not_mix},
    };
    return check_run("doppler", tests, CHECK_COUNT(tests));
}
