/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Each impairment, measured at the air's output, is what its option says. */
#include "air/air.h"
#include "check.h"
#include "rng.h"

#include <complex.h>
#include <stdlib.h>

static const double RATE = 7.68e6;
static const double PI = 3.14159265358979323846;
static const double S = 1.0 / 16.0 * 132.0 / 256.0; /* the default signal power */

enum { N = 1 << 18 };

static air_config_t quiet(void)
{
    air_config_t config = air_config_default();
    config.model = AIR_NONE;
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

/* One run of `count` samples; in: NULL for silence. */
static void pass(air_config_t config, const float complex *in, float complex *out, size_t count)
{
    air_t *air = make(config);
    air_begin_block(air);
    air_process(air, in, out, count);
    air_destroy(air);
}

static double db(double ratio)
{
    return 10.0 * log10(ratio);
}

static double power_of(double complex z)
{
    return creal(z) * creal(z) + cimag(z) * cimag(z);
}

static double power(const float complex *x, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += power_of((double complex)x[i]);
    }
    return sum / (double)count;
}

static void gaussian(float complex *x, size_t count)
{
    rng_t rng;
    rng_seed(&rng, 8, 8);
    rng_complex_normal(&rng, (float)S, x, count);
}

static void tone(float complex *x, size_t count, double turns)
{
    for (size_t i = 0; i < count; i++) {
        const double angle = 2.0 * PI * fmod(turns * (double)i, 1.0);
        x[i] = (float)sqrt(S) * CMPLXF(cos(angle), sin(angle));
    }
}

/* The complex amplitude of a tone in x. */
static double complex line(const float complex *x, size_t count, double turns)
{
    double complex sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double complex)x[i] * cexp(-2.0 * PI * I * fmod(turns * (double)i, 1.0));
    }
    return sum / (double)count;
}

static float complex x[N], y[N];

static void test_image_rejection(void)
{
    static const double gains_db[] = {0, 0.5, -1, 3, 0};
    static const double phases_deg[] = {2, 0, 1, -5, 10};
    tone(x, N, 0.0625);
    for (int i = 0; i < 5; i++) {
        air_config_t config = quiet();
        config.iq_gain_db = gains_db[i];
        config.iq_phase_deg = phases_deg[i];
        pass(config, x, y, N);
        const double g = pow(10.0, gains_db[i] / 20.0);
        const double c = cos(phases_deg[i] * PI / 180.0);
        const double rejection = (1 + 2 * g * c + g * g) / (1 - 2 * g * c + g * g);
        CHECK_NEAR(db(power_of(line(y, N, 0.0625)) / power_of(line(y, N, -0.0625))), db(rejection),
                   0.01);
    }
}

static void test_dc(void)
{
    tone(x, N, 0.0625);
    for (double dc_dbc = -60; dc_dbc <= 0; dc_dbc += 20) {
        air_config_t config = quiet();
        config.dc_dbc = dc_dbc;
        pass(config, x, y, N);
        CHECK_NEAR(db(power_of(line(y, N, 0.0)) / power_of(line(y, N, 0.0625))), dc_dbc, 0.01);
    }
}

/* Gaussian input through Rapp's curve: gain and distortion against their integrals over the
   Rayleigh envelope (Bussgang's decomposition). */
static void rapp_integrals(double backoff_db, double p, double *gain, double *distortion)
{
    enum { STEPS = 20000 };
    const double saturation = pow(10.0, 0.1 * backoff_db); /* over a mean power of 1 */
    double alpha = 0.0, out = 0.0;
    for (int i = 0; i < STEPS; i++) {
        const double r = 30.0 * (i + 0.5) / STEPS; /* power, exponential law */
        const double weight = exp(-r) * 30.0 / STEPS;
        const double g = pow(1.0 + pow(r / saturation, p), -0.5 / p);
        alpha += weight * r * g;
        out += weight * r * g * g;
    }
    *gain = alpha;
    *distortion = (out - alpha * alpha) / (alpha * alpha);
}

static void test_amplifier(void)
{
    static const double backoffs_db[] = {0, 3, 6}; /* at 10 too few samples reach the bend */
    static const double smooth[] = {1, 2, 3, 10};
    gaussian(x, N);
    const double in = power(x, N);
    for (int b = 0; b < 3; b++) {
        for (int s = 0; s < 4; s++) {
            air_config_t config = quiet();
            config.pa_backoff_db = backoffs_db[b];
            config.pa_smoothness = smooth[s];
            pass(config, x, y, N);
            double complex cross = 0.0;
            for (int i = 0; i < N; i++) {
                cross += (double complex)(y[i] * conjf(x[i]));
            }
            const double gain = creal(cross) / N / in;
            double error = 0.0;
            for (int i = 0; i < N; i++) {
                error += power_of((double complex)y[i] - gain * (double complex)x[i]) / N;
            }
            double wanted_gain, wanted_error;
            rapp_integrals(backoffs_db[b], smooth[s], &wanted_gain, &wanted_error);
            CHECK_NEAR(gain, wanted_gain, 0.01);
            CHECK_NEAR(db(error / (gain * gain * in)), db(wanted_error), 0.25);
        }
    }
}

/* A sample's size never passes the saturation, and small ones pass unchanged. */
static void test_saturation(void)
{
    air_config_t config = quiet();
    config.pa_backoff_db = 3.0;
    config.pa_smoothness = 3.0;
    const double saturation = S * pow(10.0, 0.3);
    for (int i = 0; i < N; i++) {
        x[i] = (float complex)(sqrt(saturation) * pow(10.0, (double)(i % 121 - 60) / 20.0) *
                               cexp(I * (double)i));
    }
    pass(config, x, y, N);
    double worst = 0.0, largest = 0.0;
    for (int i = 0; i < N; i++) {
        const double r = power_of((double complex)x[i]) / saturation;
        const double complex wanted = (double complex)x[i] * pow(1.0 + pow(r, 3.0), -1.0 / 6.0);
        worst = fmax(worst, cabs((double complex)y[i] - wanted) / cabs(wanted));
        largest = fmax(largest, power_of((double complex)y[i]));
    }
    CHECK_AT_MOST(worst, 1e-5);
    CHECK_AT_MOST(largest / saturation, 1.0 + 1e-4);
}

static void test_quantisation(void)
{
    gaussian(x, N);
    for (int bits = 6; bits <= 14; bits += 2) {
        air_config_t config = quiet();
        config.adc_bits = bits;
        config.adc_headroom_db = 18.0; /* 7.9 sigma: nothing clips */
        pass(config, x, y, N);
        double error = 0.0;
        for (int i = 0; i < N; i++) {
            error += power_of((double complex)(y[i] - x[i])) / N;
        }
        CHECK_NEAR(db(power(x, N) / error), 6.0206 * bits + 4.77 - 18.0, 0.1);
    }
}

static void test_clipping(void)
{
    gaussian(x, N);
    air_config_t config = quiet();
    config.adc_bits = 12;
    config.adc_headroom_db = 6.0;
    pass(config, x, y, N);
    const double full = sqrt(0.5 * S * pow(10.0, 0.6));
    int clipped = 0;
    double largest = 0.0;
    for (int i = 0; i < N; i++) {
        clipped += fabs((double)crealf(x[i])) > full;
        largest = fmax(largest, fabs((double)crealf(y[i])));
    }
    CHECK_NEAR(largest, full, 1e-3 * full);
    CHECK_NEAR((double)clipped / N, erfc(sqrt(pow(10.0, 0.6) / 2)), 0.002);
    x[0] = CMPLXF(NAN, INFINITY); /* becomes codes, and the next sample is well */
    pass(config, x, y, N);
    CU_ASSERT(isfinite(crealf(y[0])) && isfinite(cimagf(y[0])) && isfinite(crealf(y[1])));
    config.model = AIR_AWGN; /* the full scale follows the noise */
    config.snr_db = -20.0;
    pass(config, NULL, y, N);
    const double n0 = 1.0 / 16.0 * 100.0;
    largest = 0.0;
    for (int i = 0; i < N; i++) {
        largest = fmax(largest, fabs((double)crealf(y[i])));
    }
    CHECK_NEAR(largest / sqrt(0.5 * (S + n0) * pow(10.0, 0.6)), 1.0, 1e-3);
}

static void test_dropouts(void)
{
    static const double rates[] = {0.01, 0.2, 0.5};
    static const double lengths[] = {10, 40, 1};
    for (int i = 0; i < N; i++) {
        x[i] = 1.0f;
    }
    for (int r = 0; r < 3; r++) {
        air_config_t config = quiet();
        config.loss_rate = rates[r];
        config.loss_samples = lengths[r];
        pass(config, x, y, N);
        int lost = 0, gaps = 0;
        for (int i = 0; i < N; i++) {
            lost += y[i] == 0.0f;
            gaps += y[i] == 0.0f && (i == 0 || y[i - 1] != 0.0f);
            CU_ASSERT(y[i] == 0.0f || y[i] == 1.0f);
        }
        /* The lengths are geometric: their standard deviation is about their mean. */
        const double wanted_gaps = N * rates[r] / lengths[r];
        CHECK_NEAR(gaps / wanted_gaps, 1.0, 4.5 / sqrt(wanted_gaps));
        CHECK_NEAR((double)lost / gaps / lengths[r], 1.0, 4.5 / sqrt(wanted_gaps));
    }
}

static void test_tone(void)
{
    for (int i = 0; i < 3; i++) {
        air_config_t config = quiet();
        config.tone_sir_db = 20.0 - 15.0 * i;
        config.tone_hz = -480e3 * (i + 1); /* a sixteenth of the rate */
        pass(config, NULL, y, N);
        const double p = power_of(line(y, N, config.tone_hz / RATE));
        CHECK_NEAR(db(S / p), config.tone_sir_db, 0.001);
        CHECK_NEAR(db(power(y, N) / p), 0.0, 0.001);
    }
}

static void test_foreign_ofdm(void)
{
    air_config_t config = quiet();
    config.ofdm_sir_db = 7.0;
    pass(config, NULL, y, N);
    CHECK_NEAR(db(S / power(y, N)), 7.0, 0.15);
    double complex prefix = 0.0;
    double energy = 0.0;
    for (int s = 0; s + 80 <= N; s += 80) { /* the prefix repeats the symbol's end */
        for (int n = 0; n < 16; n++) {
            prefix += (double complex)(y[s + n] * conjf(y[s + n + 64]));
            energy += power_of((double complex)y[s + n]);
        }
    }
    CHECK_NEAR(creal(prefix) / energy, 1.0, 1e-6);
    /* Carrier 26 is there, 27 and DC are not. */
    double used = 0.0, beyond = 0.0, dc = 0.0;
    for (int s = 0; s + 80 <= N; s += 80) {
        used += power_of(line(y + s + 16, 64, 26.0 / 64));
        beyond += power_of(line(y + s + 16, 64, 27.0 / 64));
        dc += power_of(line(y + s + 16, 64, 0.0));
    }
    CHECK_NEAR(db(used / (N / 80) * 52 / S), -7.0, 0.01);
    CHECK_AT_MOST(beyond / used, 1e-10);
    CHECK_AT_MOST(dc / used, 1e-10);
}

static void test_impulses(void)
{
    air_config_t config = quiet();
    config.impulse_rate_hz = 0.01 * RATE;
    config.impulse_db = 30.0;
    pass(config, NULL, y, N);
    int hits = 0;
    double energy = 0.0;
    for (int i = 0; i < N; i++) {
        hits += y[i] != 0.0f;
        energy += power_of((double complex)y[i]);
    }
    CHECK_NEAR(hits / (0.01 * N), 1.0, 4.5 / sqrt(0.01 * N));
    CHECK_NEAR(energy / hits / S / 1000.0, 1.0, 4.5 / sqrt(0.01 * N));
    config.impulse_rate_hz = RATE; /* every sample */
    pass(config, NULL, y, 1000);
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT(y[i] != 0.0f);
    }
}

/* Phase steps over d samples: variance 2 pi linewidth d / rate; the size does not change. */
static void test_phase_noise(void)
{
    static const double widths_hz[] = {20, 300, 7000};
    for (int i = 0; i < N; i++) {
        x[i] = 1.0f;
    }
    for (int w = 0; w < 3; w++) {
        air_config_t config = quiet();
        config.linewidth_hz = widths_hz[w];
        pass(config, x, y, N);
        static const int distances[] = {1, 16, 256};
        for (int d = 0; d < 3; d++) {
            double square = 0.0;
            int count = 0;
            for (int i = 0; i + distances[d] < N; i += distances[d]) {
                const double step = (double)cargf(y[i + distances[d]] * conjf(y[i]));
                square += step * step;
                count++;
            }
            const double wanted = 2.0 * PI * widths_hz[w] * distances[d] / RATE;
            CHECK_NEAR(square / count / wanted, 1.0, 4.5 * sqrt(2.0 / count) + 0.001);
        }
        double worst = 0.0;
        for (int i = 0; i < N; i++) {
            worst = fmax(worst, fabs(power_of((double complex)y[i]) - 1.0));
        }
        CHECK_AT_MOST(worst, 1e-6);
    }
}

/* A tone of f turns a sample comes out with f (1 + ppm): from the phase over a million samples. */
static void test_clock_ratio(void)
{
    static const double ppms[] = {20, -20, 0.5, 200, -137};
    enum { COUNT = 1000000, PIECE = 10000 };
    static float complex piece[PIECE];
    const double turns = 0.21;
    for (int p = 0; p < 5; p++) {
        air_config_t config = quiet();
        config.sco_ppm = ppms[p];
        air_t *air = make(config);
        const double delay = (double)air_clock_delay_samples(air);
        double worst = 0.0;
        for (size_t done = 0; done < COUNT; done += PIECE) {
            for (size_t i = 0; i < PIECE; i++) {
                piece[i] =
                    (float complex)cexp(2.0 * PI * I * fmod(turns * (double)(done + i), 1.0));
            }
            air_process(air, piece, piece, PIECE);
            for (size_t i = done == 0 ? 500 : 0; i < PIECE; i += 77) {
                const double at = (double)(done + i) * (1.0 + ppms[p] * 1e-6) - delay;
                worst = fmax(worst, cabs((double complex)piece[i] -
                                         cexp(2.0 * PI * I * fmod(turns * at, 1.0))));
            }
        }
        CHECK_AT_MOST(worst, 2e-4); /* also at the end: the ratio is exact */
        air_destroy(air);
    }
}

/* After a pause the next burst begins at its nominal time again; without one the drift goes on. */
static void test_clock_bursts(void)
{
    enum { LENGTH = 100000, PAUSE = 2000 };
    air_config_t config = quiet();
    config.sco_ppm = 100;
    gaussian(x, LENGTH);
    for (int i = 2; i < LENGTH - 2; i++) { /* into the middle of the band */
        x[i - 2] = x[i - 2] + 2.0f * x[i - 1] + 2.0f * x[i] + x[i + 1];
    }
    static float complex first[LENGTH], second[LENGTH], silence[PAUSE];
    air_t *air = make(config);
    air_begin_block(air);
    air_process(air, x, first, LENGTH);
    air_process(air, NULL, silence, PAUSE);
    CHECK_NEAR(power(silence + PAUSE - 100, 100), 0.0, 0.0);
    air_begin_block(air);
    air_process(air, x, second, LENGTH);
    CU_ASSERT(memcmp(first, second, sizeof first) == 0);
    float complex h[64];
    air_response_at(air, 50000.0, 64, h); /* 5 samples late by then */
    const double lag = (double)air_clock_delay_samples(air) - 5.0;
    CHECK_AT_MOST(cabs((double complex)h[3] - cexp(-2.0 * PI * I * 3 * lag / 64)), 1e-6);
    air_begin_block(air); /* no pause: the block begins with what has drifted */
    air_response_at(air, 0.0, 64, h);
    CHECK_AT_MOST(cabs((double complex)h[3] - cexp(-2.0 * PI * I * 3 * (lag - 5.0) / 64)), 1e-6);
    air_destroy(air);
}

/* An endless signal slips and stays a signal. */
static void test_clock_slip(void)
{
    enum { PIECE = 1 << 16 };
    air_config_t config = quiet();
    config.sco_ppm = -200;
    air_t *air = make(config);
    for (int i = 0; i < PIECE; i++) {
        x[i] = 1.0f;
    }
    for (size_t done = 0; done < 2 * (size_t)AIR_CLOCK_SAMPLES; done += PIECE) {
        air_process(air, x, y, PIECE);
        if (done > 0) {
            CHECK_NEAR(power(y, PIECE), 1.0, 1e-3);
        }
    }
    air_destroy(air);
}

/* A radio may hand over anything: what is not a number passes, and is gone after the filters. */
static void test_not_numbers(void)
{
    for (int model = AIR_NONE; model <= AIR_TAPS; model++) {
        air_config_t config = quiet();
        config.model = (air_model_t)model;
        config.doppler_hz = 200.0;
        config.sco_ppm = 30.0;
        config.linewidth_hz = 10.0;
        config.pa_backoff_db = 8.0;
        config.cfo_hz = 100.0;
        gaussian(x, 3000);
        x[100] = CMPLXF(NAN, 0);
        x[101] = CMPLXF(INFINITY, -INFINITY);
        x[102] = CMPLXF(3e38f, 3e38f);
        air_t *air = make(config);
        air_begin_block(air);
        air_process(air, x, y, 3000);
        int bad = 0;
        for (int i = 103 + (int)air_tap_count(air) + (int)air_delay_samples(air); i < 3000; i++) {
            bad += !isfinite(crealf(y[i])) || !isfinite(cimagf(y[i])) || cabsf(y[i]) > 10.0f;
        }
        CHECK_INT(bad, 0);
        air_destroy(air);
    }
}

/* Each draws its own random numbers: switching one on does not change another. */
static void test_independent(void)
{
    air_config_t config = quiet();
    config.model = AIR_AWGN;
    static float complex noise[1000], both[1000], tone_only[1000];
    pass(config, NULL, noise, 1000);
    config.tone_sir_db = 3.0;
    pass(config, NULL, both, 1000);
    config.snr_db = INFINITY;
    pass(config, NULL, tone_only, 1000);
    double worst = 0.0;
    for (int i = 0; i < 1000; i++) {
        worst = fmax(worst, cabs((double complex)(both[i] - noise[i] - tone_only[i])));
    }
    CHECK_AT_MOST(worst, 1e-6);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"the image lies as far below as the imbalance says", test_image_rejection},
        {"the constant has its power", test_dc},
        {"the amplifier's gain and distortion are Rapp's integrals", test_amplifier},
        {"the amplifier saturates and follows its curve", test_saturation},
        {"quantisation noise is 6.02 dB a bit", test_quantisation},
        {"the converter clips at its full scale, which follows the noise", test_clipping},
        {"lost samples have their rate and gaps their length", test_dropouts},
        {"the tone has its power and place", test_tone},
        {"the foreign OFDM signal has its power, prefix and carriers", test_foreign_ofdm},
        {"impulses have their rate and power", test_impulses},
        {"the phase walks as its linewidth says", test_phase_noise},
        {"the sample clock's ratio is exact over a million samples", test_clock_ratio},
        {"a burst after a pause begins in time", test_clock_bursts},
        {"an endless signal slips and goes on", test_clock_slip},
        {"samples that are not numbers do not stay", test_not_numbers},
        {"impairments do not share random numbers", test_independent},
    };
    return check_run("impairments", tests, CHECK_COUNT(tests));
}
