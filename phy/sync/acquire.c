/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The test.  segments.h gives r_m(d), segment m's response at delay d, for
 * noise of 528 cells (four segments, 132 carriers) brought to energy 528.
 * With unknown gain, phase and carrier offset f the likelihood ratio of one
 * path at d is a function of
 *
 *     L(d, f) = |sum_m r_m(d) exp(-2 pi i f m)|^2 / 528
 *
 * and that of a channel of unknown paths within the prefix, each Rayleigh, of
 *
 *     W(s, f) = sum_j L(s + 2 j, f),  j = 0 … 9
 *
 * (every second delay: the band is half as wide as the sample rate, so these
 * are all there is).  A preamble is a maximum of L over d and f above LONE, or
 * one of W over s and f above MANY.
 *
 * False alarms.  Given the energies of the 48 levelled groups of 11 cells, noise
 * that is isotropic within each group gives sums whose even moments do not
 * exceed those of a complex Gaussian: P(L > t) <= about exp(-t) for each (d, f),
 * however the energy is spread over time and frequency; W likewise follows the
 * gamma law of 10 degrees, P(W > t) = Q(10, t) = exp(-t) sum_{k<10} t^k/k!.  About 25
 * (d, f) per sample over +- 2 sub-carriers are independent; what lies between the grid's
 * points and the second test add to that.  Counted: in 1e9 samples of noise 146 of L
 * passed 21.4 and 30 passed 22.8, which is 250 … 280 exp(-t); in 2e8, 31 of W passed
 * 37.6 and 11 passed 40.2, which is 6 … 16 Q(10, t).  So
 *
 *     LONE = 31: 300 exp(-31)   = 1.0e-11 a sample
 *     MANY = 51: 100 Q(10, 51)  = 5.5e-11 a sample
 *
 * What is not isotropic: a discontinuity in another system's signal is an impulse
 * in the sub-bands that this system leaves empty, and four of them, one per
 * segment, may add up at some f.  They do so at all delays alike, so both
 * statistics are divided by the mean of L(d, f) over 64 delays that hold no path, if it
 * exceeds 1.
 *
 * The offset.  L and W are trigonometric polynomials in f (lags.h).  To refine their
 * maximum: twice, each time turning the samples by what is already known, over the
 * delays that clearly hold a path.
 */
#include "sync/acquire.h"

#include "sync/lags.h"
#include "sync/segments.h"
#include "sync/timing.h"

#include <math.h>
#include <stdlib.h>

enum {
    M = PREAMBLE_SEGMENTS,
    LONE_FROM = -4, /* delays tried for a lone path */
    LONE_TO = 16,
    MANY_FROM = -16, /* where the window of many paths may begin, in steps of two */
    MANY_TO = 2,
    WINDOW = 10, /* delays in it, two samples apart */
    ALL_TO = MANY_TO + 2 * (WINDOW - 1),
    QUIET_FROM = 96, /* delays that hold no path */
    QUIET_TO = 224,
    PATHS = 48, /* delays within +- PATHS / 2 that refine looks at */
};

#define CELLS (PREAMBLE_SEGMENTS * NUMEROLOGY_USED)
#define LONE  31.0
#define MANY  51.0
#define AGAIN  0.5 /* strength that earns a second test at the offset found, */
#define ENOUGH 3.0 /* and that which needs none */

struct acquire {
    segments_t *segments;
    lags_grid_t grid;
};

acquire_t *acquire_create(err_t *err)
{
    acquire_t *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        err_set(err, ERR_MEMORY, "acquire: out of memory");
        return NULL;
    }
    a->segments = segments_create(err);
    if (a->segments == NULL) {
        acquire_destroy(a);
        return NULL;
    }
    lags_fill(&a->grid);
    return a;
}

void acquire_destroy(acquire_t *a)
{
    if (a != NULL) {
        segments_destroy(a->segments);
        free(a);
    }
}

typedef struct {
    double power; /* over CELLS: L or W */
    double f;
    int offset;
} top_t;

static top_t top_of(const acquire_t *a, const lags_t *of, int offset)
{
    top_t top = {.offset = offset};
    top.f = lags_top(of, &a->grid, &top.power);
    top.power = fmax(top.power, 0.0) / CELLS;
    return top;
}

static lags_t lags_at(const acquire_t *a, int d)
{
    float complex r[M];
    segments_at(a->segments, d, r);
    return lags_of(r);
}

/* |sum_m turn_m r_m(d)|^2: the power at one offset, for which the lags are not needed. */
static float power_at(const acquire_t *a, int d, const float complex turn[M])
{
    float complex r[M];
    segments_at(a->segments, d, r);
    float complex sum = turn[0] * r[0] + turn[1] * r[1] + (turn[2] * r[2] + turn[3] * r[3]);
    return crealf(sum) * crealf(sum) + cimagf(sum) * cimagf(sum);
}

static top_t lone_path(const acquire_t *a, const lags_t *of)
{
    float most = -1.0f;
    int at = 0;
    for (int d = LONE_FROM; d <= LONE_TO; d++) {
        if (M * of[d].power <= most) { /* no offset lifts it beyond that */
            continue;
        }
        float power = lags_largest(&of[d], &a->grid);
        if (power > most) {
            most = power;
            at = d;
        }
    }
    return top_of(a, &of[at], at);
}

static top_t many_paths(const acquire_t *a, const lags_t *of)
{
    lags_t best = {0};
    float most = -1.0f;
    int at = 0;
    for (int s = MANY_FROM; s <= MANY_TO; s += 2) {
        lags_t sum = of[s];
        for (int j = 1; j < WINDOW; j++) {
            lags_add(&sum, &of[s + 2 * j]);
        }
        float power = lags_largest(&sum, &a->grid);
        if (power > most) {
            most = power;
            best = sum;
            at = s;
        }
    }
    top_t top = top_of(a, &best, at);
    lags_turns_t turns = lags_turns(top.f);
    double strongest = -1.0;
    for (int d = at; d < at + 2 * WINDOW - 1; d++) {
        double power = lags_power(&of[d], &turns);
        if (power > strongest) {
            strongest = power;
            top.offset = d;
        }
    }
    return top;
}

/* What L is at f where no path can be, on average; at least 1, as in noise. */
static double unrest(const acquire_t *a, double f)
{
    double sum = 0.0;
    float complex turn[M];
    for (int m = 0; m < M; m++) {
        turn[m] = (float complex)cexp(-2.0 * I * M_PI * f * m);
    }
    for (int d = QUIET_FROM; d < QUIET_TO; d += 2) {
        sum += (double)power_at(a, d, turn);
    }
    return fmax(sum * 2.0 / (QUIET_TO - QUIET_FROM) / CELLS, 1.0);
}

static acquire_result_t test_once(acquire_t *a, const float complex *x, double cfo)
{
    lags_t of[ALL_TO - MANY_FROM + 1], *zero = of - MANY_FROM;
    segments_take(a->segments, x, cfo, true);
    for (int d = MANY_FROM; d <= ALL_TO; d++) {
        zero[d] = lags_at(a, d);
    }
    top_t lone = lone_path(a, zero), many = many_paths(a, zero);
    bool alone = lone.power / LONE >= many.power / MANY;
    top_t top = alone ? lone : many;
    double strength = alone ? lone.power / LONE : many.power / MANY;
    if (strength > 1.0) {
        strength /= unrest(a, top.f);
    }
    return (acquire_result_t){.strength = strength,
                              .metric = fmin(top.power / CELLS, 1.0),
                              .cfo = cfo + top.f,
                              .offset = top.offset};
}

acquire_result_t acquire_test(acquire_t *a, const float complex *x, double cfo)
{
    acquire_result_t r = test_once(a, x, cfo);
    if (r.strength > AGAIN && r.strength < ENOUGH) { /* within a segment the offset was not yet off */
        acquire_result_t again = test_once(a, x, r.cfo);
        r = again.strength > r.strength ? again : r;
    }
    return r;
}

/* The lag products of the delays that clearly hold a path; the offset is nearly off already. */
static lags_t paths(const acquire_t *a)
{
    static const float complex straight[M] = {1.0f, 1.0f, 1.0f, 1.0f};
    float noise = 0.0f, peak = 0.0f, power[PATHS + 1];
    for (int d = QUIET_FROM; d < QUIET_TO; d++) {
        noise += power_at(a, d, straight) / (QUIET_TO - QUIET_FROM);
    }
    for (int i = 0; i <= PATHS; i++) {
        power[i] = power_at(a, i - PATHS / 2, straight);
        peak = fmaxf(peak, power[i]);
    }
    float threshold = fminf(fmaxf(0.05f * peak, 8.0f * noise), peak);
    lags_t sum = {0};
    for (int i = 0; i <= PATHS; i++) {
        if (power[i] >= threshold) {
            lags_t of = lags_at(a, i - PATHS / 2);
            lags_add(&sum, &of);
        }
    }
    return sum;
}

double acquire_refine(acquire_t *a, const float complex *x, double cfo)
{
    double power;
    for (int pass = 0; pass < 2; pass++) {
        segments_take(a->segments, x, cfo, false);
        lags_t of = paths(a);
        double f = lags_climb(&of, 0.0, 1.0 / 16, &power);
        cfo += lags_climb(&of, f, 1.0 / 64, &power);
    }
    return cfo;
}

int acquire_timing(acquire_t *a, const float complex *x, double cfo, int cp)
{
    segments_take(a->segments, x, cfo, false);
    return timing_find(a->segments, cp);
}
