/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The window's covariance is real and the same for all pilots, so one Cholesky
 * factor serves every position in the window (LAPACK's spotrf and spotrs), and
 * a filter is 33 real weights on 24 real series that have been turned.
 *
 * The Doppler's likelihood takes the twelve pilots as independent.  They are
 * not quite, which makes the likelihood steeper but leaves its top in place.
 */
#include "chest/tracker.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    P = NUMEROLOGY_PILOTS,
    W = TRACKER_WINDOW,
    LANES = 2 * P, /* real and imaginary parts */
    RATES = 11,
};

/* Cycles per symbol.  At 35.7 us a symbol: 0 to 1260 Hz. */
static const float rates[RATES] = {0.0003f, 0.001f, 0.002f, 0.0035f, 0.0055f, 0.008f,
                                   0.0115f, 0.016f, 0.022f, 0.031f, 0.045f};

struct tracker {
    float bessel[RATES][W]; /* J0(2 pi rate k) */
    float z[TRACKER_MEMORY][LANES];
    size_t count;
    double complex next; /* sum of z(t) z*(t - 1) over the frame */
    double energy;       /* sum of |z|^2 */
    float turn;
    float complex turned[W]; /* exp(-i turn k), k = -16 … 16 */
    int rate;   /* -1: none chosen yet */
    int window; /* symbols in the window that the filters were made for */
    float weight[W][W]; /* [wanted position][place in the window] */
    float error[W];
};

tracker_t *tracker_create(err_t *err)
{
    tracker_t *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        err_set(err, ERR_MEMORY, "tracker: out of memory");
        return NULL;
    }
    for (int r = 0; r < RATES; r++) {
        for (int k = 0; k < W; k++) {
            t->bessel[r][k] = (float)j0(2.0 * M_PI * (double)rates[r] * k);
        }
    }
    tracker_begin(t);
    return t;
}

void tracker_destroy(tracker_t *t)
{
    free(t);
}

void tracker_begin(tracker_t *t)
{
    t->count = 0;
    t->next = 0.0;
    t->energy = 0.0;
    t->turn = 0.0f;
    t->rate = -1;
    t->window = 0;
}

void tracker_push(tracker_t *t, const float complex z[P])
{
    const float complex *before =
        (const float complex *)t->z[(t->count + TRACKER_MEMORY - 1) % TRACKER_MEMORY];
    float complex along = 0.0f;
    float energy = 0.0f;
    for (int p = 0; p < P; p++) {
        along += z[p] * conjf(before[p]);
        energy += crealf(z[p]) * crealf(z[p]) + cimagf(z[p]) * cimagf(z[p]);
    }
    t->next += t->count > 0 ? (double complex)along : 0.0;
    t->energy += (double)energy;
    memcpy(t->z[t->count % TRACKER_MEMORY], z, sizeof(t->z[0]));
    t->count++;
}

size_t tracker_count(const tracker_t *t)
{
    return t->count;
}

double tracker_doppler(const tracker_t *t)
{
    return t->rate < 0 ? 0.0 : (double)rates[t->rate];
}

/* The lower Cholesky factor of snr J0 + I, n x n, columns of length W.  False: not definite. */
static bool factorise(const float *bessel, float snr, int n, float *a)
{
    for (int j = 0; j < n; j++) {
        for (int i = j; i < n; i++) {
            a[j * W + i] = snr * bessel[i - j] + (i == j ? 1.0f : 0.0f);
        }
    }
    return LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'L', n, a, W) == 0;
}

double tracker_power(const tracker_t *t, double n0)
{
    return t->count > 0 ? fmax(t->energy / ((double)t->count * P) - n0, 0.0) : 0.0;
}

double tracker_turn(const tracker_t *t)
{
    return (double)t->turn;
}

/* The last n symbols as columns, over the noise's deviation, turned; returns their power. */
static double observe(const tracker_t *t, int n, double n0, float *x)
{
    double power = 0.0;
    float scale = (float)(1.0 / sqrt(n0));
    for (int i = 0; i < n; i++) {
        const float complex *z =
            (const float complex *)t->z[(t->count - (size_t)(n - i)) % TRACKER_MEMORY];
        for (int p = 0; p < P; p++) {
            float complex y = z[p] * t->turned[i] * scale;
            x[2 * p * W + i] = crealf(y);
            x[(2 * p + 1) * W + i] = cimagf(y);
            power += (double)(crealf(y) * crealf(y) + cimagf(y) * cimagf(y));
        }
    }
    return power / (n * P);
}

/* Log-likelihood of x (its copy is overwritten) at one rate; -INFINITY when it has no factor. */
static double likelihood(const float *bessel, float snr, int n, const float *x)
{
    float a[W * W], y[LANES * W];
    if (!factorise(bessel, snr, n, a)) {
        return -INFINITY;
    }
    memcpy(y, x, sizeof(y));
    (void)LAPACKE_strtrs_work(LAPACK_COL_MAJOR, 'L', 'N', 'N', n, LANES, a, W, y, W);
    double sum = 0.0;
    for (int l = 0; l < LANES; l++) {
        for (int i = 0; i < n; i++) {
            sum -= (double)(y[l * W + i] * y[l * W + i]);
        }
    }
    for (int i = 0; i < n; i++) {
        sum -= 2.0 * P * log((double)a[i * W + i]);
    }
    return sum;
}

static int most_likely(const tracker_t *t, float snr, int n, const float *x)
{
    int best = RATES - 1;
    double most = -INFINITY;
    for (int r = 0; r < RATES; r++) {
        double value = likelihood(t->bessel[r], snr, n, x);
        if (value > most) {
            most = value;
            best = r;
        }
    }
    return best;
}

void tracker_adapt(tracker_t *t, double n0)
{
    int n = t->count < W ? (int)t->count : W;
    t->turn = t->next != 0.0 ? (float)carg(t->next) : 0.0f;
    for (int k = 0; k < W; k++) {
        float angle = t->turn * (float)(k - TRACKER_REACH);
        t->turned[k] = CMPLXF(cosf(angle), -sinf(angle));
    }
    float x[LANES * W] = {0}, a[W * W];
    /* A fade over the whole window must not make the filter lazy: at least 0 dB. */
    float snr = (float)fmin(fmax(observe(t, n, n0, x) - 1.0, 1.0), 1e5);
    t->rate = most_likely(t, snr, n, x);
    t->window = n;
    if (!factorise(t->bessel[t->rate], snr, n, a)) {
        t->window = 0;
        return;
    }
    for (int pos = 0; pos < n; pos++) {
        for (int i = 0; i < n; i++) {
            t->weight[pos][i] = snr * t->bessel[t->rate][abs(i - pos)];
        }
    }
    (void)LAPACKE_spotrs_work(LAPACK_COL_MAJOR, 'L', n, n, a, W, t->weight[0], W);
    for (int pos = 0; pos < n; pos++) {
        float seen = 0.0f;
        for (int i = 0; i < n; i++) {
            seen += t->weight[pos][i] * t->bessel[t->rate][abs(i - pos)];
        }
        t->error[pos] = (float)n0 * fmaxf(snr * (1.0f - seen), 1e-6f);
    }
}

double tracker_filter(const tracker_t *t, size_t symbol, float complex h[P])
{
    size_t n = (size_t)t->window, first = t->count - n; /* the last window ... */
    if (n == 0) {
        memcpy(h, t->z[symbol % TRACKER_MEMORY], sizeof(t->z[0]));
        return (double)INFINITY;
    }
    /* ... or the one about the symbol, when there is a future beyond it. */
    size_t centred = symbol > n / 2 ? symbol - n / 2 : 0;
    first = centred < first ? centred : first;
    size_t at = symbol - first;
    float complex sum[P] = {0};
    for (size_t i = 0; i < n; i++) {
        const float complex *z = (const float complex *)t->z[(first + i) % TRACKER_MEMORY];
        float complex weight = t->weight[at][i] * t->turned[i];
        for (int p = 0; p < P; p++) {
            sum[p] += weight * z[p];
        }
    }
    for (int p = 0; p < P; p++) {
        h[p] = sum[p] * conjf(t->turned[at]);
    }
    return (double)t->error[at];
}
