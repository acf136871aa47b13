/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chest/training.h"

#include <math.h>
#include <string.h>

enum { N = NUMEROLOGY_USED };

/* sum a conj(b), in lanes that need no reassociation to vectorise */
static double complex correlate(const float complex *a, const float complex *b)
{
    float re[4] = {0}, im[4] = {0};
    for (int u = 0; u < N; u += 4) {
        for (int l = 0; l < 4; l++) {
            float complex x = a[u + l] * conjf(b[u + l]);
            re[l] += crealf(x);
            im[l] += cimagf(x);
        }
    }
    return CMPLX((double)re[0] + re[1] + re[2] + re[3], (double)im[0] + im[1] + im[2] + im[3]);
}

/* Mean of the symbols with the line taken off, the noise about it, and the power. */
static void average(training_t *t, const float complex (*ls)[N], int count, int lost)
{
    float complex turned[TRAINING_MAX][N];
    memset(t->h_ls, 0, sizeof(t->h_ls));
    for (int s = 0; s < count; s++) {
        float complex turn = (float complex)cexp(-I * (t->phase + t->drift * s));
        for (int u = 0; u < N; u++) {
            turned[s][u] = ls[s][u] * turn;
            t->h_ls[u] += turned[s][u];
        }
    }
    float part = 1.0f / (float)count;
    for (int u = 0; u < N; u++) {
        t->h_ls[u] *= part;
    }
    double noise = 0.0;
    for (int s = 0; s < count; s++) {
        for (int u = 0; u < N; u++) {
            turned[s][u] -= t->h_ls[u];
        }
        noise += creal(correlate(turned[s], turned[s]));
    }
    /* `lost` real degrees of freedom went into the line. */
    double mean = creal(correlate(t->h_ls, t->h_ls)) / N;
    t->n0 = noise / (N * (count - 1) - 0.5 * lost);
    t->power = fmax(mean - t->n0 / count, 1e-3 * mean);
}

void training_first(training_t *t, const float complex (*ls)[N], double drift_trust)
{
    double complex turn = correlate(ls[1], ls[0]);
    double measured = turn != 0.0 ? carg(turn) : 0.0;
    t->drift = drift_trust * measured;
    t->phase = -0.5 * t->drift;
    average(t, ls, 2, 0);
    /* The line's uncertainty: each symbol's common phase has this variance. */
    double var = t->n0 / (2.0 * N * t->power);
    t->drift_var = drift_trust * 2.0 * var;
    t->phase_drift_cov = 1.5 * t->drift_var;
    t->phase_var = 0.5 * var + 2.25 * t->drift_var;
}

void training_refine(training_t *t, const float complex (*ls)[N], int count,
                     const float complex *h)
{
    double middle = 0.5 * (count - 1), spread = 0.0, level = 0.0, slope = 0.0;
    for (int s = 0; s < count; s++) {
        double complex z = correlate(ls[s], h) * cexp(-I * (t->phase + t->drift * s));
        double off = z != 0.0 ? carg(z) : 0.0;
        level += off / count;
        slope += off * (s - middle);
        spread += (s - middle) * (s - middle);
    }
    slope /= spread;
    t->phase += level - slope * middle;
    t->drift += slope;
    average(t, ls, count, 2);
    double var = t->n0 / (2.0 * N * t->power), ahead = count - middle;
    t->drift_var = var / spread;
    t->phase_drift_cov = ahead * t->drift_var;
    t->phase_var = var / count + ahead * ahead * t->drift_var;
}
