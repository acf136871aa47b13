/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tapped delay lines of 3GPP TR 38.901 and the plain taps: tables, exact covariance of the
 * filter, and what draws through the public interface show.
 */
#include "air/air.h"
#include "air/profile.h"
#include "air/tdl.h"
#include "check.h"

#include <complex.h>
#include <stdlib.h>

static const double RATE = 7.68e6;
static const double PI = 3.14159265358979323846;

enum { FFT = 256 };

static air_t *make(air_config_t config)
{
    err_t err = ERR_INIT;
    config.snr_db = INFINITY;
    air_t *air = air_create(&config, &err);
    if (air == NULL) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return air;
}

static double linear(double db)
{
    return pow(10.0, 0.1 * db);
}

/* The standard scales each table to an rms delay spread of 1: a slip of the pen would show. */
static void test_tables(void)
{
    static const double k_db[] = {0, 0, 0, 13.3, 22.0};
    for (int t = 0; t < 5; t++) {
        const tdl_t *table = tdl_table(t);
        double power = 0.0, mean = 0.0, square = 0.0;
        for (size_t i = 0; i < table->count; i++) {
            const double p = linear((double)table->path[i].power_db);
            const double d = (double)table->path[i].delay;
            power += p;
            mean += p * d;
            square += p * d * d;
        }
        mean /= power;
        printf("\n    %s: %zu paths, rms delay spread %.4f", table->name, table->count,
               sqrt(square / power - mean * mean));
        CHECK_NEAR(sqrt(square / power - mean * mean), 1.0, 0.01);
        CHECK_INT(table->sight, t >= 3);
        if (table->sight) {
            CHECK_NEAR(table->path[0].power_db - table->path[1].power_db, k_db[t], 0.05);
            CHECK_NEAR(table->path[1].delay, 0.0, 0.0);
        }
    }
}

/* E[H(f) conj(H(g))] of the table: the sum over paths of P exp(-2 pi i (f - g) tau). */
static double complex wanted(const tdl_t *table, double distance_hz, double spread_ns)
{
    double complex sum = 0.0;
    double power = 0.0;
    for (size_t i = 0; i < table->count; i++) {
        const double p = linear((double)table->path[i].power_db);
        power += p;
        sum +=
            p * cexp(-2.0 * PI * I * distance_hz * (double)table->path[i].delay * spread_ns * 1e-9);
    }
    return sum / power;
}

static double complex path_response(const profile_t *profile, size_t p, double f_hz)
{
    double complex sum = 0.0;
    for (size_t k = 0; k < profile->taps; k++) {
        sum += (double)profile->weights[p * profile->stride + k] *
               cexp(-2.0 * PI * I * f_hz / RATE * ((double)k - (double)profile->delay));
    }
    return sum;
}

static void test_profile(void)
{
    static const double spreads_ns[] = {0, 30, 300, 1000};
    for (int t = 0; t < 5; t++) {
        for (int s = 0; s < 4; s++) {
            air_config_t config = air_config_default();
            config.model = (air_model_t)(AIR_TDL_A + t);
            config.delay_spread_ns = spreads_ns[s];
            profile_t profile;
            CHECK_INT(profile_init(&profile, &config, NULL, NULL), 0);
            double worst = 0.0;
            for (double f = -2e6; f <= 2e6; f += 0.5e6) {
                for (double g = -2e6; g <= 2e6; g += 0.5e6) {
                    double complex sum = 0.0;
                    for (size_t p = 0; p < profile.paths; p++) {
                        sum += path_response(&profile, p, f) * conj(path_response(&profile, p, g));
                    }
                    worst = fmax(worst, cabs(sum - wanted(tdl_table(t), f - g, spreads_ns[s])));
                }
            }
            printf("\n    %s %4.0f ns: %3zu taps, covariance off by %.2e", tdl_table(t)->name,
                   spreads_ns[s], profile.taps, worst);
            CHECK_AT_MOST(worst, 0.01);
            profile_free(&profile);
        }
    }
}

/* Doppler or not, draws have that covariance and unit power. */
static void test_draws(void)
{
    enum { DRAWS = 4000, COUNT = 5 };
    static const int carriers[COUNT] = {1, 5, 40, FFT - 60, FFT - 3};
    for (int t = 0; t < 5; t++) {
        for (int moving = 0; moving < 2; moving++) {
            air_config_t config = air_config_default();
            config.model = (air_model_t)(AIR_TDL_A + t);
            config.delay_spread_ns = 100;
            config.doppler_hz = moving ? 300.0 : 0.0;
            config.seed = 11;
            air_t *air = make(config);
            double complex sum[COUNT][COUNT] = {{0}};
            for (int d = 0; d < DRAWS; d++) {
                float complex h[FFT];
                air_begin_block(air);
                air_response_at(air, moving ? 12345.6 : 0.0, FFT, h);
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
                    CHECK_AT_MOST(cabs(sum[i][j] / DRAWS * bulk -
                                       wanted(tdl_table(t), (fi - fj) * 30e3, 100)),
                                  0.01 + 4.5 / sqrt(DRAWS));
                }
            }
            air_destroy(air);
        }
    }
}

/* Tap k of `taps` is read off with an impulse; equal and falling powers. */
static void test_taps(void)
{
    enum { TAPS = 8, BLOCKS = 20000 };
    for (int falling = 0; falling < 2; falling++) {
        air_config_t config = air_config_default();
        config.model = AIR_TAPS;
        config.tap_decay_db = falling ? 3.0 : 0.0;
        air_t *air = make(config);
        double power[TAPS + 1] = {0}, total = 0.0;
        for (int b = 0; b < BLOCKS; b++) {
            float complex x[TAPS + 1] = {1.0f};
            air_begin_block(air);
            air_process(air, x, x, TAPS + 1);
            for (int k = 0; k <= TAPS; k++) {
                const double size = cabs((double complex)x[k]);
                power[k] += size * size / BLOCKS;
            }
        }
        for (int k = 0; k < TAPS; k++) {
            total += linear(-config.tap_decay_db * k);
        }
        for (int k = 0; k < TAPS; k++) {
            const double share = linear(-config.tap_decay_db * k) / total;
            CHECK_NEAR(power[k] / share, 1.0, 4.5 / sqrt(BLOCKS));
        }
        CHECK_NEAR(power[TAPS], 0.0, 0.0);
        CHECK_INT(air_tap_count(air), TAPS);
        CHECK_INT(air_delay_samples(air), 0);
        air_destroy(air);
    }
}

static void test_too_long(void)
{
    air_config_t config = air_config_default();
    config.model = AIR_TDL_E;
    config.delay_spread_ns = 1560;
    air_t *air = make(config);
    CHECK_AT_MOST(air_tap_count(air), AIR_MAX_TAPS);
    air_destroy(air);
    config.delay_spread_ns = 1570;
    err_t err = ERR_INIT;
    CU_ASSERT(air_create(&config, &err) == NULL);
    CHECK_INT(err.code, ERR_ARGUMENT);
    CHECK_ERROR_NAMES(&err, "channel.delay_spread_ns");
    CHECK_ERROR_NAMES(&err, "TDL-E");
    CHECK_ERROR_NAMES(&err, "1563 ns");
}

int main(void)
{
    static const check_test_t tests[] = {
        {"the tables have an rms delay spread of 1 and their K factors", test_tables},
        {"every filter has its table's covariance within 1 % over +-2 MHz", test_profile},
        {"draws show that covariance, standing and moving", test_draws},
        {"plain taps have equal or falling power", test_taps},
        {"a delay spread too long for the filter is refused with the longest", test_too_long},
    };
    return check_run("tdl", tests, CHECK_COUNT(tests));
}
