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
static void average(training_t *t, const float complex (*ls)[N], const double *time, int count)
{
    float complex turned[TRAINING_MAX][N];
    memset(t->h_ls, 0, sizeof(t->h_ls));
    for (int s = 0; s < count; s++) {
        float complex turn = (float complex)cexp(-I * (t->phase + t->drift * time[s]));
        for (int u = 0; u < N; u++) {
            turned[s][u] = ls[s][u] * turn;
            t->h_ls[u] += turned[s][u];
        }
    }
    float part = 1.0f / (float)count;
    for (int u = 0; u < N; u++) {
        t->h_ls[u] *= part;
    }
    double noise = 0.0, mean = creal(correlate(t->h_ls, t->h_ls)) / N;
    double complex tail = correlate(turned[count - 1], t->h_ls) + correlate(turned[count - 2], t->h_ls);
    t->tail = mean > 0.0 ? creal(tail) / (2.0 * N * mean) : 0.0;
    for (int s = 0; s < count; s++) {
        for (int u = 0; u < N; u++) {
            turned[s][u] -= t->h_ls[u];
        }
        noise += creal(correlate(turned[s], turned[s]));
    }
    /* The line's slope took one real degree of freedom; its level is part of h. */
    t->n0 = noise / (N * (count - 1) - 0.5);
    t->power = fmax(mean - t->n0 / count, 1e-3 * mean);
}

static void set_times(training_t *t, const double *time, int count)
{
    t->count = count;
    t->mean_time = t->spread = 0.0;
    for (int s = 0; s < count; s++) {
        t->mean_time += time[s] / count;
    }
    for (int s = 0; s < count; s++) {
        t->spread += (time[s] - t->mean_time) * (time[s] - t->mean_time);
    }
}

void training_refine(training_t *t, const float complex (*ls)[N], const double *time, int count,
                     const float complex *h)
{
    double level = 0.0, slope = 0.0;
    set_times(t, time, count);
    for (int s = 0; s < count; s++) {
        double complex z = correlate(ls[s], h) * cexp(-I * (t->phase + t->drift * time[s]));
        double off = z != 0.0 ? carg(z) : 0.0;
        level += off / count;
        slope += off * (time[s] - t->mean_time) / t->spread;
    }
    t->phase += level - slope * t->mean_time;
    t->drift += slope;
    average(t, ls, time, count);
}

void training_start(training_t *t, const float complex (*ls)[N], const double *time, int count)
{
    float complex h[N];
    t->phase = t->drift = 0.0;
    average(t, ls, time, count);
    memcpy(h, t->h_ls, sizeof(h));
    training_refine(t, ls, time, count, h);
}

void training_predict(const training_t *t, double time, double *phase, double *phase_var,
                      double *drift_var, double *cov)
{
    double var = t->n0 / (2.0 * N * t->power), ahead = time - t->mean_time;
    *phase = t->phase + t->drift * time;
    *drift_var = var / t->spread;
    *cov = ahead * *drift_var;
    *phase_var = var / t->count + ahead * ahead * *drift_var;
}
