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
 * independent (d, f) per sample over +- 2 sub-carriers, and four times as many
 * for what lies between the grid's points, give
 *
 *     LONE = 28.5: 100 exp(-28.5) = 4.2e-11 a sample
 *     MANY = 51.0: 100 Q(10, 51)  = 5.5e-11 a sample
 *
 * (In 2e8 samples of noise, 18 of L passed 20.8 where 19 were to be expected, and 31 of W
 * passed 37.6 where it were 490: fewer windows than delays are independent.)
 *
 * What is not isotropic: a discontinuity in another system's signal is an impulse
 * in the sub-bands that this system leaves empty, and four of them, one per
 * segment, may add up at some f.  They do so at all delays alike, so both
 * statistics are divided by the mean of L(d, f) over 64 delays that hold no path, if it
 * exceeds 1.
 *
 * The offset.  L and W are trigonometric polynomials in f of degree three whose
 * coefficients are lag products of the r_m; their maximum is the
 * maximum-likelihood estimate for four segments (Rife and Boorstyn 1974).  To
 * refine it: twice, each time turning the samples by what is already known, over
 * the delays that clearly hold a path.
 */
#include "sync/acquire.h"

#include "sync/segments.h"

#include <math.h>
#include <stdlib.h>

enum {
    SEG = PREAMBLE_SEGMENT,
    M = PREAMBLE_SEGMENTS,
    GRID = 16,             /* trial offsets per sub-carrier */
    LONE_FROM = -4,        /* delays tried for a lone path */
    LONE_TO = 16,
    MANY_FROM = -16,       /* where the window of many paths may begin, in steps of two */
    MANY_TO = 2,
    WINDOW = 10,           /* delays in it, two samples apart */
    ALL_TO = MANY_TO + 2 * (WINDOW - 1),
    FIRST_REACH = 24,      /* most samples before the strongest path that may hold an earlier one */
    CP_SPARE = 8,          /* of the prefix, kept for the paths after the strongest */
    QUIET_FROM = 96,       /* delays that hold no path */
    QUIET_TO = 224,
    PATHS = 48,            /* delays within +- PATHS / 2 that refine looks at */
};

#define CELLS (PREAMBLE_SEGMENTS * NUMEROLOGY_USED)
#define LONE 28.5
#define MANY 51.0
#define SLACK 0.002f
#define SURE 10.0f /* times the noise at one delay: what a window may catch by chance */
#define AGAIN 0.5 /* strength that earns a second test at the offset found, */
#define ENOUGH 4.0 /* and that which needs none */

struct acquire {
    segments_t *segments;
    float cosine[M][GRID], sine[M][GRID]; /* of 2 pi l f, f = -1/2 … */
};

/* sum |r_m|^2 and sum conj(r_m) r_{m + l}, real and imaginary part */
typedef struct {
    float power;
    float re[M], im[M];
} lags_t;

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
    for (int l = 0; l < M; l++) {
        for (int i = 0; i < GRID; i++) {
            double angle = 2.0 * M_PI * l * (i - GRID / 2) / GRID;
            a->cosine[l][i] = (float)cos(angle);
            a->sine[l][i] = (float)sin(angle);
        }
    }
    return a;
}

void acquire_destroy(acquire_t *a)
{
    if (a != NULL) {
        segments_destroy(a->segments);
        free(a);
    }
}

/* |sum_m turn_m r_m(d)|^2, the power at one offset, for which the lags are not needed. */
static float turned_power(const acquire_t *a, int d, const float complex turn[M])
{
    float complex r[M];
    segments_at(a->segments, d, r);
    float complex sum = turn[0] * r[0] + turn[1] * r[1] + (turn[2] * r[2] + turn[3] * r[3]);
    return crealf(sum) * crealf(sum) + cimagf(sum) * cimagf(sum);
}

static lags_t lags_at(const acquire_t *a, int d)
{
    lags_t of = {0};
    float complex r[M];
    segments_at(a->segments, d, r);
    for (int m = 0; m < M; m++) {
        of.power += crealf(r[m]) * crealf(r[m]) + cimagf(r[m]) * cimagf(r[m]);
        for (int l = 1; l <= m; l++) {
            of.re[l] += crealf(r[m - l]) * crealf(r[m]) + cimagf(r[m - l]) * cimagf(r[m]);
            of.im[l] += crealf(r[m - l]) * cimagf(r[m]) - cimagf(r[m - l]) * crealf(r[m]);
        }
    }
    return of;
}

static void lags_add(lags_t *sum, const lags_t *of)
{
    sum->power += of->power;
    for (int l = 1; l < M; l++) {
        sum->re[l] += of->re[l];
        sum->im[l] += of->im[l];
    }
}

/* |sum_m r_m exp(-2 pi i f m)|^2 */
static double power_at(const lags_t *of, double f)
{
    double sum = 0.0;
    for (int l = 1; l < M; l++) {
        double angle = 2.0 * M_PI * f * l;
        sum += (double)of->re[l] * cos(angle) + (double)of->im[l] * sin(angle);
    }
    return (double)of->power + 2.0 * sum;
}

/* The largest of it on the grid; *index: where. */
static float largest(const acquire_t *a, const lags_t *of, int *index)
{
    float value[GRID], best = -1.0f;
    for (int i = 0; i < GRID; i++) {
        value[i] = of->power;
    }
    for (int l = 1; l < M; l++) {
        float re = 2.0f * of->re[l], im = 2.0f * of->im[l];
        for (int i = 0; i < GRID; i++) {
            value[i] += re * a->cosine[l][i] + im * a->sine[l][i];
        }
    }
    for (int i = 0; i < GRID; i++) {
        if (value[i] > best) {
            best = value[i];
            *index = i;
        }
    }
    return best;
}

/* Top of the parabola through three points around f; *power: the value there. */
static double climb(const lags_t *of, double f, double step, double *power)
{
    double low = power_at(of, f - step), mid = power_at(of, f), high = power_at(of, f + step);
    double bend = low - 2.0 * mid + high;
    double move = bend < 0.0 ? 0.5 * (low - high) / bend : 0.0;
    f += step * fmax(-1.0, fmin(1.0, move));
    *power = power_at(of, f);
    return f;
}

typedef struct {
    double power; /* over CELLS: L or W */
    double f;
    int offset;
} top_t;

static top_t top_of(const acquire_t *a, const lags_t *of, int offset)
{
    int index = 0;
    top_t top = {.offset = offset};
    largest(a, of, &index);
    top.f = climb(of, (double)(index - GRID / 2) / GRID, 1.0 / GRID, &top.power);
    top.power = fmax(top.power, 0.0) / CELLS;
    return top;
}

static top_t lone_path(const acquire_t *a, const lags_t *of)
{
    float most = -1.0f;
    int at = 0, index;
    for (int d = LONE_FROM; d <= LONE_TO; d++) {
        if (M * of[d].power <= most) { /* no offset lifts it beyond that */
            continue;
        }
        float power = largest(a, &of[d], &index);
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
    int at = 0, index;
    for (int s = MANY_FROM; s <= MANY_TO; s += 2) {
        lags_t sum = of[s];
        for (int j = 1; j < WINDOW; j++) {
            lags_add(&sum, &of[s + 2 * j]);
        }
        float power = largest(a, &sum, &index);
        if (power > most) {
            most = power;
            best = sum;
            at = s;
        }
    }
    top_t top = top_of(a, &best, at);
    double strongest = -1.0;
    for (int d = at; d < at + 2 * WINDOW - 1; d++) {
        double power = power_at(&of[d], top.f);
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
        sum += (double)turned_power(a, d, turn);
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
        noise += turned_power(a, d, straight) / (QUIET_TO - QUIET_FROM);
    }
    for (int i = 0; i <= PATHS; i++) {
        power[i] = turned_power(a, i - PATHS / 2, straight);
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
        double f = climb(&of, 0.0, 1.0 / 16, &power);
        cfo += climb(&of, f, 1.0 / 64, &power);
    }
    return cfo;
}

/* First delay, up to `reach` before the strongest, at which the response shows a path. */
static int first_path(const float power[SEG], float noise, int reach)
{
    int peak = 0;
    for (int d = -4; d <= 4; d++) {
        peak = power[d & (SEG - 1)] > power[peak & (SEG - 1)] ? d : peak;
    }
    /* Noise passes twelve times its mean once in 160,000: no early path where there is none. */
    float threshold = fmaxf(0.03f * power[peak & (SEG - 1)], 12.0f * noise);
    int first = peak;
    for (int d = peak; d >= peak - reach; d--) {
        first = power[d & (SEG - 1)] >= threshold ? d : first;
    }
    return first;
}

/*
 * The start nearest to `wish` from which the prefix catches nearly all energy
 * that it can: all but 0.2 % and what noise may add.
 */
static int best_covered(const float power[SEG], float noise, int wish, int cp)
{
    enum { FROM = -ACQUIRE_MARGIN, TO = ACQUIRE_MARGIN };
    float caught[TO - FROM + 1], most = 0.0f;
    for (int s = FROM; s <= TO; s++) {
        float sum = 0.0f;
        for (int d = s; d <= s + cp; d++) {
            sum += power[d & (SEG - 1)];
        }
        caught[s - FROM] = sum;
        most = fmaxf(most, sum);
    }
    float enough = most - fmaxf(SLACK * most, SURE * noise);
    for (int away = 0; away <= TO - FROM; away++) {
        int low = wish - away, high = wish + away;
        if (low >= FROM && caught[low - FROM] >= enough) {
            return low;
        }
        if (high <= TO && caught[high - FROM] >= enough) {
            return high;
        }
    }
    return wish;
}

/* The tapered response's power, and its noise. */
static float profile(acquire_t *a, segments_taper_t taper, float power[SEG])
{
    float noise = 0.0f;
    segments_profile(a->segments, taper, power);
    for (int d = QUIET_FROM; d < QUIET_TO; d++) {
        noise += power[d] / (QUIET_TO - QUIET_FROM);
    }
    return noise;
}

int acquire_timing(acquire_t *a, const float complex *x, double cfo, int cp)
{
    int reach = cp - CP_SPARE < FIRST_REACH ? cp - CP_SPARE : FIRST_REACH;
    float power[SEG];
    segments_take(a->segments, x, cfo, false);
    float noise = profile(a, SEGMENTS_HANN, power);
    /* A lone path crosses the threshold up to three samples before its peak (the taper's width). */
    int wish = first_path(power, noise, reach) - 1;
    noise = profile(a, SEGMENTS_SINE, power);
    return best_covered(power, noise, wish < -ACQUIRE_MARGIN ? -ACQUIRE_MARGIN : wish, cp);
}
