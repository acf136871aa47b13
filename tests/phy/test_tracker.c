/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "check.h"
#include "chest/tracker.h"
#include "link.h"

enum { P = NUMEROLOGY_PILOTS, WAVES = 24, SYMBOLS = 160 };

/* Twelve independent gains with Clarke's spectrum and a common turn. */
typedef struct {
    double phase[P][WAVES], speed[P][WAVES], turn;
} fading_t;

static fading_t draw(double doppler, double turn, rng_t *rng)
{
    fading_t f = {.turn = turn};
    for (int p = 0; p < P; p++) {
        double start = (double)rng_uniform(rng);
        for (int w = 0; w < WAVES; w++) {
            f.phase[p][w] = 2.0 * M_PI * (double)rng_uniform(rng);
            f.speed[p][w] = 2.0 * M_PI * doppler * cos(2.0 * M_PI * (w + start) / WAVES);
        }
    }
    return f;
}

static float complex gain(const fading_t *f, int p, double t)
{
    double complex sum = 0.0;
    for (int w = 0; w < WAVES; w++) {
        sum += cexp(I * (f->phase[p][w] + f->speed[p][w] * t));
    }
    return (float complex)(sum / sqrt(WAVES) * cexp(I * f->turn * t));
}

typedef struct {
    double error, said, doppler, turn;
} outcome_t;

/* `count` symbols; estimates with a full window's future, and at the very end. */
static outcome_t follow(double doppler, double turn, double n0, int trials, bool at_end)
{
    outcome_t o = {0};
    rng_t rng;
    rng_seed(&rng, 41, (uint64_t)(doppler * 1e5));
    tracker_t *t = tracker_create(NULL);
    for (int i = 0; i < trials; i++) {
        fading_t f = draw(doppler, turn, &rng);
        tracker_begin(t);
        for (int s = 0; s < SYMBOLS; s++) {
            float complex z[P];
            rng_complex_normal(&rng, (float)n0, z, P);
            for (int p = 0; p < P; p++) {
                z[p] += gain(&f, p, s);
            }
            tracker_push(t, z);
        }
        tracker_adapt(t, n0);
        size_t at = SYMBOLS - 1 - (at_end ? 0 : TRACKER_REACH);
        float complex h[P];
        o.said += tracker_filter(t, at, h) / trials;
        for (int p = 0; p < P; p++) {
            float complex off = h[p] - gain(&f, p, (double)at);
            o.error += (double)(crealf(off) * crealf(off) + cimagf(off) * cimagf(off)) / (P * trials);
        }
        o.doppler += tracker_doppler(t) / trials;
        o.turn += tracker_turn(t) / trials;
    }
    tracker_destroy(t);
    return o;
}

static void doppler_is_found(void)
{
    const double dopplers[] = {0.001, 0.0035, 0.0115, 0.031};
    for (int i = 0; i < 4; i++) {
        outcome_t o = follow(dopplers[i], 0.0, 0.01, 40, false);
        CHECK_AT_LEAST(o.doppler, 0.6 * dopplers[i]);
        CHECK_AT_MOST(o.doppler, 1.7 * dopplers[i]);
    }
}

static void estimates_are_as_good_as_they_say(void)
{
    for (double n0 = 0.001; n0 <= 1.001; n0 *= 10.0) {
        for (int end = 0; end < 2; end++) {
            outcome_t o = follow(0.0115, 0.0, n0, 60, end != 0);
            CHECK_NEAR(10.0 * log10(o.error / o.said), 0.0, 1.5);
            CHECK_AT_MOST(o.error, (end ? 0.7 : 0.25) * n0);
        }
    }
}

static void a_carrier_offset_left_over_is_taken_off(void)
{
    outcome_t o = follow(0.0055, 0.05, 0.01, 40, false);
    CHECK_NEAR(o.turn, 0.05, 0.01);
    CHECK_AT_MOST(o.error, 0.0025);
}

static void few_symbols_and_odd_numbers_do_no_harm(void)
{
    tracker_t *t = tracker_create(NULL);
    float complex z[P] = {0}, h[P];
    tracker_begin(t);
    for (int s = 0; s < 5; s++) {
        tracker_push(t, z);
    }
    tracker_adapt(t, 1.0); /* silence */
    CU_ASSERT(isfinite(tracker_filter(t, 4, h)));
    for (int p = 0; p < P; p++) {
        CU_ASSERT(h[p] == 0.0f);
        z[p] = (float)(1e15);
    }
    for (int s = 0; s < 40; s++) {
        tracker_push(t, z);
    }
    tracker_adapt(t, 1e-20);
    CU_ASSERT(isfinite(tracker_filter(t, 30, h)));
    CU_ASSERT(isfinite(crealf(h[0])));
    tracker_destroy(t);
}

static const check_test_t tests[] = {
    {"the Doppler is found within a step or so", doppler_is_found},
    {"estimates are as good as they say, in mid-frame and at its end", estimates_are_as_good_as_they_say},
    {"a carrier offset that is left over is taken off", a_carrier_offset_left_over_is_taken_off},
    {"few symbols, silence and huge numbers do no harm", few_symbols_and_odd_numbers_do_no_harm},
};

int main(void)
{
    return check_run("tracker", tests, CHECK_COUNT(tests));
}
