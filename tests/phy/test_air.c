/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/air.h"
#include "air/kernel.h"
#include "air/noise.h"
#include "check.h"
#include "rng.h"

#include <complex.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;

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

static air_config_t config_of(air_model_t model)
{
    air_config_t config = air_config_default();
    config.model = model;
    return config;
}

static double power(const float complex *x, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)(crealf(x[i]) * crealf(x[i]) + cimagf(x[i]) * cimagf(x[i]));
    }
    return sum / (double)count;
}

static void random_samples(float complex *x, size_t count)
{
    rng_t rng;
    rng_seed(&rng, 3, 3);
    rng_complex_normal(&rng, 1.0f / 16.0f, x, count);
}

static void test_none(void)
{
    enum { N = 5000 };
    static float complex x[N], y[N];
    random_samples(x, N);
    air_t *air = make(config_of(AIR_NONE));
    air_process(air, x, y, N);
    CU_ASSERT(memcmp(x, y, sizeof x) == 0);
    CHECK_NEAR(air_noise_var(air), 0.0, 0.0);
    air_process(air, NULL, y, N);
    CHECK_NEAR(power(y, N), 0.0, 0.0);
    air_process(air, x, x, N); /* in place */
    air_destroy(air);
}

static void test_noise_power(void)
{
    enum { N = 1 << 20 };
    float complex *y = malloc(N * sizeof *y);
    for (int model = AIR_AWGN; model <= AIR_RAYLEIGH; model++) {
        for (double snr_db = -20.0; snr_db <= 60.0; snr_db += 10.0) {
            air_config_t config = config_of((air_model_t)model);
            config.snr_db = snr_db;
            air_t *air = make(config);
            const double n0 = 1.0 / 16.0 / pow(10.0, snr_db / 10.0);
            CHECK_NEAR(air_noise_var(air) / n0, 1.0, 1e-6);
            air_process(air, NULL, y, N); /* also in silence */
            CHECK_NEAR(10.0 * log10(power(y, N) / n0), 0.0, 0.05);
            air_destroy(air);
        }
    }
    free(y);
}

/* Es/N0 after the FFT: what a receiver sees per sub-carrier is what was asked for. */
static void test_snr_per_carrier(void)
{
    enum { FFT = 256, SYMBOLS = 40, USED = 120 };
    air_config_t config = config_of(AIR_AWGN);
    config.snr_db = 10.0;
    air_t *air = make(config);
    static float complex x[FFT], y[FFT];
    static float complex carrier[USED][FFT];
    for (int k = 0; k < USED; k++) {
        for (int n = 0; n < FFT; n++) {
            carrier[k][n] = (float complex)cexp(2.0 * PI * I * (k + 1) * n / FFT) / 16.0f;
        }
    }
    double signal = 0.0, noise = 0.0;
    for (int s = 0; s < SYMBOLS; s++) {
        for (int n = 0; n < FFT; n++) { /* unit symbols of energy 1/16 */
            x[n] = 0.0f;
            for (int k = 0; k < USED; k++) {
                x[n] += 0.25f * carrier[k][n] * ((k * k + s) % 3 ? 1.0f : -1.0f);
            }
        }
        air_process(air, x, y, FFT);
        for (int k = 0; k < USED; k++) {
            float complex sum = 0.0f, sent = (k * k + s) % 3 ? 0.25f : -0.25f;
            for (int n = 0; n < FFT; n++) {
                sum += y[n] * conjf(carrier[k][n]);
            }
            signal += (double)(crealf(sent) * crealf(sent));
            noise += pow(cabs((double complex)(sum - sent)), 2.0);
        }
    }
    CHECK_NEAR(10.0 * log10(signal / noise), 10.0, 0.25);
    air_destroy(air);
}

/* Mean received power over many blocks is the sent one: E|h|^2 = 1, not per draw. */
static void test_fading_power(void)
{
    enum { N = 64, BLOCKS = 40000 };
    static const double spreads[] = {0, 30, 100, 300, 1000};
    for (int s = 0; s < 5; s++) {
        air_config_t config = config_of(AIR_RAYLEIGH);
        config.snr_db = INFINITY;
        config.delay_spread_ns = spreads[s];
        air_t *air = make(config);
        float complex h[N];
        double sum = 0.0, least = 1e9, most = 0.0;
        for (int b = 0; b < BLOCKS; b++) {
            air_begin_block(air);
            air_response(air, N, h);
            const double p = power(h + 3, 1);
            sum += p;
            least = fmin(least, p);
            most = fmax(most, p);
        }
        CHECK_NEAR(sum / BLOCKS, 1.0, 4.5 / sqrt(BLOCKS) + 0.005);
        CHECK_AT_MOST(least, 0.01);
        CHECK_AT_LEAST(most, 5.0);
        air_destroy(air);
    }
}

/* Windows at the sender's positions see exactly the announced response. */
static void test_response(void)
{
    enum { FFT = 256, CP = 64, N = FFT + CP };
    air_config_t config = config_of(AIR_RAYLEIGH);
    config.snr_db = INFINITY;
    config.delay_spread_ns = 1000;
    air_t *air = make(config);
    CHECK_AT_MOST(air_tap_count(air), CP);
    static float complex x[N], y[N], h[FFT];
    for (int block = 0; block < 5; block++) {
        air_begin_block(air);
        air_response(air, FFT, h);
        random_samples(x + CP, FFT);
        memcpy(x, x + FFT, CP * sizeof *x);
        air_process(air, x, y, N);
        for (int k = 0; k < FFT; k += 5) {
            double complex in = 0.0, out = 0.0;
            for (int n = 0; n < FFT; n++) {
                const double complex turn = cexp(-2.0 * PI * I * (k * n % FFT) / FFT);
                in += (double complex)x[CP + n] * turn;
                out += (double complex)y[CP + n] * turn;
            }
            CHECK_AT_MOST(cabs(out - in * (double complex)h[k]), 1e-5 * 16);
        }
    }
    air_destroy(air);
}

/* Two bursts without a gap: the first one's echoes leave with the first one's gains. */
static void test_blocks_do_not_mix(void)
{
    enum { N = 1000 };
    static float complex x[2 * N], both[2 * N], first[2 * N], second[2 * N];
    air_config_t config = config_of(AIR_RAYLEIGH);
    config.snr_db = INFINITY;
    config.delay_spread_ns = 1000;
    random_samples(x, 2 * N);
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
    double worst = 0.0;
    for (int i = 0; i < 2 * N; i++) {
        worst = fmax(worst, cabs((double complex)(both[i] - first[i] - second[i])));
    }
    CHECK_AT_MOST(worst, 1e-6);
    CHECK_AT_LEAST(power(first + N, 10), 1e-4); /* there were echoes */
    air_destroy(air);
}

/* Blocks shorter than the echoes: all of them sound together, each with its own gains. */
static void test_short_blocks(void)
{
    enum { BLOCKS = 6, SHORT = 9, N = 400 };
    for (int doppler = 0; doppler < 2; doppler++) {
        air_config_t config = config_of(AIR_RAYLEIGH);
        config.snr_db = INFINITY;
        config.delay_spread_ns = 1000;
        config.doppler_hz = doppler ? 1000.0 : 0.0;
        static float complex x[BLOCKS * SHORT], all[N], one[N];
        double complex sum[N] = {0};
        random_samples(x, BLOCKS * SHORT);
        air_t *air = make(config);
        for (int only = -1; only < BLOCKS; only++) { /* all of them, then each alone */
            air_reset(air, config.seed);
            float complex *out = only < 0 ? all : one;
            for (int b = 0; b < BLOCKS; b++) {
                air_begin_block(air);
                air_process(air, only < 0 || only == b ? x + b * SHORT : NULL, out + b * SHORT,
                            SHORT);
            }
            air_process(air, NULL, out + BLOCKS * SHORT, N - BLOCKS * SHORT);
            for (int i = 0; only >= 0 && i < N; i++) {
                sum[i] += (double complex)one[i];
            }
        }
        double worst = 0.0;
        for (int i = 0; i < N; i++) {
            worst = fmax(worst, cabs((double complex)all[i] - sum[i]));
        }
        CHECK_AT_MOST(worst, 1e-6);
        CHECK_AT_LEAST(power(all + BLOCKS * SHORT, 20), 1e-4);
        air_destroy(air);
    }
}

static void test_cfo(void)
{
    enum { N = 1 << 20 };
    float complex *y = malloc(N * sizeof *y);
    static const double offsets[] = {0.1, 1234.5, -47000.25, 3.84e6, -3.84e6};
    for (int o = 0; o < 5; o++) {
        air_config_t config = config_of(AIR_NONE);
        config.cfo_hz = offsets[o];
        air_t *air = make(config);
        double worst = 0.0;
        for (int i = 0; i < N; i++) {
            y[i] = 1.0f;
        }
        air_process(air, y, y, N);
        for (int i = 0; i < N; i += 997) {
            const double turns = fmod(offsets[o] * i / config.sample_rate_hz, 1.0);
            worst = fmax(worst, cabs((double complex)y[i] - cexp(2.0 * PI * I * turns)));
        }
        CHECK_AT_MOST(worst, 1e-6);
        air_destroy(air);
    }
    free(y);
}

static void test_cfo_changes_smoothly(void)
{
    enum { N = 1000 };
    static float complex y[N];
    air_config_t config = config_of(AIR_NONE);
    config.cfo_hz = 10e3;
    air_t *air = make(config);
    double worst = 0.0;
    float complex last = 1.0f;
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < N; i++) {
            y[i] = 1.0f;
        }
        air_process(air, y, y, (size_t)(N - round * 7));
        for (int i = 0; i < N - round * 7; i++) {
            worst = fmax(worst, fabs((double)cargf(y[i] * conjf(last))));
            last = y[i];
        }
        air_set_cfo_hz(air, round % 2 ? 10e3 : -5e3);
    }
    CHECK_AT_MOST(worst, 2.0 * PI * 10e3 / 7.68e6 + 1e-6);
    air_destroy(air);
}

/* In pieces of every size, with bursts, silence and changes at the same samples. */
static void run_story(air_t *air, const float complex *x, float complex *y, size_t most)
{
    static const size_t events[] = {0, 700, 701, 3000, 9000, 9064, 12000, 20000};
    for (int e = 0; e < 7; e++) {
        if (e % 2 == 0) {
            air_begin_block(air);
        }
        if (e == 3) {
            air_set_snr_db(air, 3.0);
        }
        if (e == 5) {
            air_set_cfo_hz(air, -777.0);
        }
        size_t at = events[e];
        for (size_t piece = 1; at < events[e + 1]; piece = piece * 5 % most + 1) {
            const size_t left = events[e + 1] - at;
            const size_t n = piece < left ? piece : left;
            air_process(air, e % 3 == 2 ? NULL : x + at, y + at, n);
            at += n;
        }
    }
}

/* The story in one piece and in pieces, and with another seed. */
static void compare_blocks(air_config_t config)
{
    enum { N = 20000 };
    static float complex x[N], whole[N], pieces[N];
    random_samples(x, N);
    air_t *air = make(config);
    run_story(air, x, whole, 100000);
    for (size_t most = 1; most < 3000; most = most * 3 + 1) {
        air_set_snr_db(air, config.snr_db); /* the story changed them */
        air_set_cfo_hz(air, config.cfo_hz);
        air_reset(air, config.seed);
        run_story(air, x, pieces, most);
        CU_ASSERT(memcmp(whole, pieces, sizeof whole) == 0);
    }
    config.seed = 2;
    air_destroy(air);
    air = make(config);
    run_story(air, x, pieces, 100000);
    CU_ASSERT(config.model == AIR_NONE || memcmp(whole, pieces, sizeof whole) != 0);
    air_destroy(air);
}

static void test_block_sizes(void)
{
    for (int model = AIR_NONE; model <= AIR_TAPS; model++) {
        static const double spreads[] = {0, 30, 300, 1000};
        for (int s = 0; s < 4; s++) {
            air_config_t config = config_of((air_model_t)model);
            config.delay_spread_ns = spreads[s];
            config.cfo_hz = 3210.0;
            config.doppler_hz = s % 2 == 0 ? 0.0 : 5000.0 / s;
            config.block = s == 3 ? AIR_BLOCK_STATIC : AIR_BLOCK_BURST;
            compare_blocks(config);
        }
    }
}

static void test_block_sizes_impaired(void)
{
    for (int model = AIR_NONE; model <= AIR_TDL_A; model++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            air_config_t config = config_of((air_model_t)model);
            config.cfo_hz = -12345.0;
            config.doppler_hz = 500.0;
            config.sco_ppm = 150.0 * sign;
            config.linewidth_hz = 50.0;
            config.pa_backoff_db = 6.0;
            config.iq_gain_db = 0.3;
            config.iq_phase_deg = -2.0;
            config.dc_dbc = -25.0;
            config.adc_bits = 10;
            config.loss_rate = 0.05;
            config.loss_samples = 70.0;
            config.tone_sir_db = 10.0;
            config.ofdm_sir_db = 15.0;
            config.impulse_rate_hz = 20e3;
            compare_blocks(config);
        }
    }
}

/* Every vector width gives the same bits. */
static void test_kernels_agree(void)
{
    enum { N = 500, TAPS = 64, ROUNDS = 100 };
    static float xr[TAPS + N + 2 * KERNEL_SLACK], xi[TAPS + N + 2 * KERNEL_SLACK];
    static float want_r[N + KERNEL_SLACK], want_i[N + KERNEL_SLACK];
    static float yr[N + KERNEL_SLACK], yi[N + KERNEL_SLACK], hr[TAPS], hi[TAPS];
    static float want[32 * ROUNDS], out[32 * ROUNDS];
    rng_t rng;
    rng_seed(&rng, 1, 1);
    rng_normal(&rng, xr, sizeof xr / sizeof xr[0]);
    rng_normal(&rng, xi, sizeof xi / sizeof xi[0]);
    rng_normal(&rng, hr, TAPS);
    rng_normal(&rng, hi, TAPS);
    kernel_rng_t start, state;
    for (int i = 0; i < 32; i++) {
        start.state[i / 8][i % 8] = rng_bits(&rng);
    }
    const kernel_t *kernel;
    for (size_t k = 0; (kernel = kernel_at(k)) != NULL; k++) {
        kernel->fir(hr, hi, TAPS, xr + TAPS, xi + TAPS, k == 0 ? want_r : yr,
                    k == 0 ? want_i : yi, N);
        state = start;
        kernel->normal(&state, k == 0 ? want : out, ROUNDS);
        if (k > 0) {
            CU_ASSERT(memcmp(yr, want_r, N * sizeof *yr) == 0);
            CU_ASSERT(memcmp(yi, want_i, N * sizeof *yi) == 0);
            CU_ASSERT(memcmp(out, want, sizeof out) == 0);
        }
    }
    double worst = 0.0; /* and the baseline's are right */
    for (int n = 0; n < N; n++) {
        double complex sum = 0.0;
        for (int t = 0; t < TAPS; t++) {
            sum += ((double)hr[t] + I * (double)hi[t]) *
                   ((double)xr[TAPS + n - t] + I * (double)xi[TAPS + n - t]);
        }
        worst = fmax(worst, cabs(sum - (double)want_r[n] - I * (double)want_i[n]));
    }
    CHECK_AT_MOST(worst, 1e-4);
}

static void test_moving_kernels_agree(void)
{
    enum { N = 400, TAPS = 24, ROWS = 8, LANES = 32, PATHS = 20, STRIDE = 48, EDGE = 64 };
    static float xr[EDGE + N + 2 * KERNEL_SLACK], xi[EDGE + N + 2 * KERNEL_SLACK];
    static float y[3][2][N + KERNEL_SLACK], h[4][TAPS], bank[4][ROWS * LANES];
    static float state[3][2][ROWS * LANES], sum[3][2][LANES], weights[PATHS * STRIDE];
    static float mixed[3][2][STRIDE];
    rng_t rng;
    rng_seed(&rng, 2, 1);
    rng_normal(&rng, xr, sizeof xr / sizeof xr[0]);
    rng_normal(&rng, xi, sizeof xi / sizeof xi[0]);
    rng_normal(&rng, h[0], 4 * TAPS);
    rng_normal(&rng, bank[0], 4 * ROWS * LANES);
    rng_normal(&rng, weights, PATHS * STRIDE);
    const kernel_ramp_t ramp = {h[0], h[1], h[2], h[3]};
    const kernel_t *kernel;
    size_t count = 0;
    for (; (kernel = kernel_at(count)) != NULL; count++) {
        /* In pieces that use every part of a step. */
        for (size_t at = 0, n = 1; at < N; at += n, n = n % 97 + 8) {
            n = n < N - at ? n : N - at;
            kernel->fir_ramp(&ramp, TAPS, at, xr + EDGE + at, xi + EDGE + at, y[count][0] + at,
                             y[count][1] + at, n);
        }
        memcpy(state[count], bank, sizeof state[count]);
        kernel_bank_t turned = {ROWS, LANES, state[count][0], state[count][1], bank[2], bank[3]};
        kernel->turn(&turned, sum[count][0], sum[count][1]);
        kernel->mix(weights, STRIDE, PATHS, sum[count][0], sum[count][1], mixed[count][0],
                    mixed[count][1]);
        for (int part = 0; part < 2; part++) {
            CU_ASSERT(memcmp(y[count][part], y[0][part], N * sizeof(float)) == 0);
            CU_ASSERT(memcmp(state[count][part], state[0][part], sizeof state[0][part]) == 0);
            CU_ASSERT(memcmp(sum[count][part], sum[0][part], sizeof sum[0][part]) == 0);
            CU_ASSERT(memcmp(mixed[count][part], mixed[0][part], sizeof mixed[0][part]) == 0);
        }
    }
    CHECK_AT_LEAST(count, 1);
    double worst = 0.0;
    for (int n = 0; n < N; n++) {
        double complex wanted = 0.0;
        for (int t = 0; t < TAPS; t++) {
            wanted += ((double)h[0][t] + (double)h[2][t] * n +
                       I * ((double)h[1][t] + (double)h[3][t] * n)) *
                      ((double)xr[EDGE + n - t] + I * (double)xi[EDGE + n - t]);
        }
        worst = fmax(worst, cabs(wanted - (double)y[0][0][n] - I * (double)y[0][1][n]));
    }
    CHECK_AT_MOST(worst, 1e-4 * N);
}

static void test_gaussian(void)
{
    enum { N = 1 << 24 };
    noise_t *noise = aligned_alloc(64, (sizeof *noise + 63) / 64 * 64);
    float complex *x = malloc(4096 * sizeof *x);
    noise_seed(noise, 42, 0);
    double moment[5] = {0}, cross = 0.0, lag = 0.0, last = 0.0, largest = 0.0;
    static const double levels[] = {1, 2, 3, 4, 5};
    double beyond[5] = {0};
    for (int block = 0; block < N / 4096; block++) {
        memset(x, 0, 4096 * sizeof *x);
        noise_add(noise, 2.0f, x, 4096);
        for (int i = 0; i < 4096; i++) {
            const double v[2] = {(double)crealf(x[i]), (double)cimagf(x[i])};
            cross += v[0] * v[1];
            lag += v[0] * last;
            last = v[0];
            for (int a = 0; a < 2; a++) {
                const double square = v[a] * v[a];
                moment[1] += v[a];
                moment[2] += square;
                moment[3] += v[a] * square;
                moment[4] += square * square;
                largest = fmax(largest, fabs(v[a]));
                for (int l = 0; l < 5; l++) {
                    beyond[l] += fabs(v[a]) > levels[l];
                }
            }
        }
    }
    const double count = 2.0 * N;
    CHECK_AT_MOST(fabs(moment[1] / count), 4.5 / sqrt(count));
    CHECK_AT_MOST(fabs(moment[2] / count - 1.0), 4.5 * sqrt(2.0 / count));
    CHECK_AT_MOST(fabs(moment[3] / count), 4.5 * sqrt(15.0 / count));
    CHECK_AT_MOST(fabs(moment[4] / count - 3.0), 4.5 * sqrt(96.0 / count));
    CHECK_AT_MOST(fabs(cross / N), 4.5 / sqrt(N));
    CHECK_AT_MOST(fabs(lag / N), 4.5 / sqrt(N));
    for (int l = 0; l < 5; l++) { /* the tails */
        const double expected = count * erfc(levels[l] / sqrt(2.0));
        CHECK_NEAR(beyond[l], expected, 4.5 * sqrt(expected) + 1.0);
    }
    CHECK_AT_LEAST(largest, 5.0);
    CHECK_AT_MOST(largest, 6.6);
    free(x);
    free(noise);
}

static void refuse(air_config_t config, const char *part)
{
    err_t err = ERR_INIT;
    air_t *air = air_create(&config, &err);
    CU_ASSERT(air == NULL);
    CHECK_INT(err.code, ERR_ARGUMENT);
    CHECK_ERROR_NAMES(&err, part);
    air_destroy(air);
}

/* Every number: beyond both ends, and not a number at all. */
static void test_bad_numbers(void)
{
    const double none = (double)NAN;
    air_config_t c = config_of(AIR_TDL_A);
    const struct {
        const char *name;
        double *value;
        double low, high;
    } numbers[] = {
        {"channel.doppler_hz", &c.doppler_hz, -1, 7690},
        {"channel.tap_decay_db", &c.tap_decay_db, -0.1, 61},
        {"channel.sco_ppm", &c.sco_ppm, -201, 201},
        {"channel.linewidth_hz", &c.linewidth_hz, -1, 7690},
        {"channel.pa_backoff_db", &c.pa_backoff_db, -11, 61},
        {"channel.pa_smoothness", &c.pa_smoothness, 0.9, 21},
        {"channel.iq_gain_db", &c.iq_gain_db, -21, 21},
        {"channel.iq_phase_deg", &c.iq_phase_deg, -46, 46},
        {"channel.dc_dbc", &c.dc_dbc, -101, 41},
        {"channel.adc_headroom_db", &c.adc_headroom_db, -21, 61},
        {"channel.loss_rate", &c.loss_rate, -0.1, 0.91},
        {"channel.loss_samples", &c.loss_samples, 0.5, 2e9},
        {"channel.tone_sir_db", &c.tone_sir_db, -101, 101},
        {"channel.tone_hz", &c.tone_hz, -3.9e6, 3.9e6},
        {"channel.ofdm_sir_db", &c.ofdm_sir_db, -101, 101},
        {"channel.impulse_rate_hz", &c.impulse_rate_hz, -1, 7.7e6},
        {"channel.impulse_db", &c.impulse_db, -101, 101},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const double good = *numbers[i].value;
        *numbers[i].value = numbers[i].low, refuse(c, numbers[i].name);
        *numbers[i].value = numbers[i].high, refuse(c, numbers[i].name);
        *numbers[i].value = none, refuse(c, numbers[i].name);
        *numbers[i].value = good;
    }
    c.adc_bits = 25, refuse(c, "channel.adc_bits"), c.adc_bits = 0;
    c.tap_count = 0, refuse(c, "channel.tap_count"), c.tap_count = 8;
    c.path_link = 9, refuse(c, "channel.path_link"), c.path_link = 0;
    air_destroy(make(c));
}

static void test_bad_configurations(void)
{
    air_config_t good = config_of(AIR_RAYLEIGH), bad;
    bad = good, bad.model = (air_model_t)17, refuse(bad, "channel.model");
    bad = good, bad.snr_db = (double)NAN, refuse(bad, "channel.snr_db");
    bad = good, bad.snr_db = -INFINITY, refuse(bad, "channel.snr_db");
    bad = good, bad.snr_db = 101, refuse(bad, "channel.snr_db");
    bad = good, bad.delay_spread_ns = -1, refuse(bad, "channel.delay_spread_ns");
    bad = good, bad.delay_spread_ns = 1100, refuse(bad, "channel.delay_spread_ns");
    bad = good, bad.delay_spread_ns = (double)NAN, refuse(bad, "channel.delay_spread_ns");
    bad = good, bad.cfo_hz = 4e6, refuse(bad, "channel.cfo_hz");
    bad = good, bad.sample_rate_hz = 0, refuse(bad, "sample rate");
    bad = good, bad.symbol_energy = 0, refuse(bad, "symbol energy");
    bad = good, bad.signal_power = -1, refuse(bad, "signal power");
    bad = good, bad.model = AIR_REPLAY, refuse(bad, "channel.path is empty");
    bad = good, bad.model = AIR_REPLAY, bad.path = NULL, refuse(bad, "channel.path is empty");
    bad = good, bad.loss_rate = 0.6, bad.loss_samples = 1, refuse(bad, "channel.loss_rate");
    air_model_t model;
    err_t err = ERR_INIT;
    CHECK_INT(air_model_parse("rayleigh", &model, &err), 0);
    CHECK_INT(model, AIR_RAYLEIGH);
    CHECK_INT(air_model_parse("rice", &model, &err), -1);
    CHECK_ERROR_NAMES(&err, "rice");
}

static void test_options(void)
{
    static const option_t *const tables[] = {air_options, NULL};
    err_t err = ERR_INIT;
    options_t *options = options_create("test", "test", tables, &err);
    CU_ASSERT_FATAL(options != NULL);
    air_config_t config = air_config_default();
    air_config_from_options(&config, options);
    const air_config_t fallback = air_config_default();
    CHECK_INT(config.model, fallback.model); /* the table's defaults are the code's */
    CHECK_INT(config.block, fallback.block);
    CHECK_NEAR(config.snr_db, fallback.snr_db, 0);
    CHECK_NEAR(config.delay_spread_ns, fallback.delay_spread_ns, 0);
    CHECK_INT(config.seed, fallback.seed);
    CHECK_INT(config.tap_count, fallback.tap_count);
    CU_ASSERT(config.pa_backoff_db == fallback.pa_backoff_db); /* infinities: off */
    CU_ASSERT(config.dc_dbc == fallback.dc_dbc);
    CU_ASSERT(config.tone_sir_db == fallback.tone_sir_db);
    CU_ASSERT(config.ofdm_sir_db == fallback.ofdm_sir_db);
    CHECK_NEAR(config.pa_smoothness, fallback.pa_smoothness, 0);
    CHECK_NEAR(config.adc_headroom_db, fallback.adc_headroom_db, 0);
    CHECK_NEAR(config.loss_samples, fallback.loss_samples, 0);
    CHECK_NEAR(config.tone_hz, fallback.tone_hz, 0);
    CHECK_NEAR(config.impulse_db, fallback.impulse_db, 0);
    CHECK_INT(options_set(options, "channel.model", "rayleigh", &err), 0);
    CHECK_INT(options_set(options, "channel.block", "static", &err), 0);
    CHECK_INT(options_set(options, "channel.snr_db", "-3.5", &err), 0);
    CHECK_INT(options_set(options, "channel.delay_spread_ns", "300", &err), 0);
    CHECK_INT(options_set(options, "channel.cfo_hz", "1k", &err), 0);
    CHECK_INT(options_set(options, "channel.seed", "7", &err), 0);
    air_config_from_options(&config, options);
    CHECK_INT(config.model, AIR_RAYLEIGH);
    CHECK_INT(config.block, AIR_BLOCK_STATIC);
    CHECK_NEAR(config.snr_db, -3.5, 0);
    CHECK_NEAR(config.delay_spread_ns, 300, 0);
    CHECK_NEAR(config.cfo_hz, 1000, 0);
    CHECK_INT(config.seed, 7);
    CHECK_INT(options_set(options, "channel.model", "tdl-c", &err), 0);
    CHECK_INT(options_set(options, "channel.doppler_hz", "300", &err), 0);
    CHECK_INT(options_set(options, "channel.sco_ppm", "-20", &err), 0);
    CHECK_INT(options_set(options, "channel.pa_backoff_db", "6", &err), 0);
    CHECK_INT(options_set(options, "channel.tone_sir_db", "-3", &err), 0);
    CHECK_INT(options_set(options, "channel.dc_dbc", "-30", &err), 0);
    CHECK_INT(options_set(options, "channel.path", "x.dat", &err), 0);
    air_config_from_options(&config, options);
    CHECK_INT(config.model, AIR_TDL_C);
    CHECK_NEAR(config.doppler_hz, 300, 0);
    CHECK_NEAR(config.sco_ppm, -20, 0);
    CHECK_NEAR(config.pa_backoff_db, 6, 0);
    CHECK_NEAR(config.tone_sir_db, -3, 0);
    CHECK_NEAR(config.dc_dbc, -30, 0);
    CU_ASSERT_STRING_EQUAL(config.path, "x.dat");
    for (int m = 0; m <= (int)AIR_REPLAY; m++) { /* the choices stand in the enum's order */
        CHECK_INT(options_set(options, "channel.model", air_model_name((air_model_t)m), &err), 0);
        air_config_from_options(&config, options);
        CHECK_INT(config.model, m);
        air_model_t parsed;
        CHECK_INT(air_model_parse(air_model_name((air_model_t)m), &parsed, &err), 0);
        CHECK_INT(parsed, m);
    }
    options_destroy(options);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"none passes samples bit for bit", test_none},
        {"noise has the power that the SNR asks for, within 0.05 dB", test_noise_power},
        {"a sub-carrier after the FFT sees the SNR asked for", test_snr_per_carrier},
        {"fading has unit mean power and is not normalised", test_fading_power},
        {"the response announced is the one applied", test_response},
        {"back-to-back blocks do not mix", test_blocks_do_not_mix},
        {"blocks shorter than the echoes add up", test_short_blocks},
        {"the carrier offset is exact over a million samples", test_cfo},
        {"a changed carrier offset keeps its phase", test_cfo_changes_smoothly},
        {"block sizes do not change a sample", test_block_sizes},
        {"nor do they with every impairment on", test_block_sizes_impaired},
        {"every vector width gives the same bits", test_kernels_agree},
        {"also of moving gains and oscillators", test_moving_kernels_agree},
        {"the noise is Gaussian, tails included", test_gaussian},
        {"bad configurations are refused by name", test_bad_configurations},
        {"every number out of range is refused by name", test_bad_numbers},
        {"the option table gives the configuration", test_options},
    };
    return check_run("air", tests, CHECK_COUNT(tests));
}
