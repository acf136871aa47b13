/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * channels: random frequency responses for the channel estimator's tests, and
 * the bound that it is held against.
 *
 * Paths at fractional delays with independent Rayleigh amplitudes, one
 * realisation per estimate (block fading).  In frequency only: what paths
 * beyond the prefix do to neighbouring symbols is not modelled.
 */
#ifndef TESTS_PHY_CHANNELS_H
#define TESTS_PHY_CHANNELS_H

#include "rng.h"
#include "waveform/numerology.h"

#include <complex.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { CHANNELS_PATHS = 80 };

typedef struct {
    int count;
    double delay[CHANNELS_PATHS], power[CHANNELS_PATHS]; /* samples; the powers add up to 1 */
} channels_model_t;

/* 3GPP TR 38.901 v16.1 tables 7.7.2-1 to -3: delay over rms spread, power in dB. */
static const double channels_tdl_a[][2] = {
    {0.0000, -13.4}, {0.3819, 0.0},   {0.4025, -2.2},  {0.5868, -4.0},  {0.4610, -6.0},
    {0.5375, -8.2},  {0.6708, -9.9},  {0.5750, -10.5}, {0.7618, -7.5},  {1.5375, -15.9},
    {1.8978, -6.6},  {2.2242, -16.7}, {2.1718, -12.4}, {2.4942, -15.2}, {2.5119, -10.8},
    {3.0582, -11.3}, {4.0810, -12.7}, {4.4579, -16.2}, {4.5695, -18.3}, {4.7966, -18.9},
    {5.0066, -16.6}, {5.3043, -19.9}, {9.6586, -29.7},
};
static const double channels_tdl_b[][2] = {
    {0.0000, 0.0},   {0.1072, -2.2}, {0.2155, -4.0},  {0.2095, -3.2}, {0.2870, -9.8},
    {0.2986, -1.2},  {0.3752, -3.4}, {0.5055, -5.2},  {0.3681, -7.6}, {0.3697, -3.0},
    {0.5700, -8.9},  {0.5283, -9.0}, {1.1021, -4.8},  {1.2756, -5.7}, {1.5474, -7.5},
    {1.7842, -1.9},  {2.0169, -7.6}, {2.8294, -12.2}, {3.0219, -9.8}, {3.6187, -11.4},
    {4.1067, -14.9}, {4.2790, -9.2}, {4.7834, -11.3},
};
static const double channels_tdl_c[][2] = {
    {0.0000, -4.4},  {0.2099, -1.2},  {0.2219, -3.5},  {0.2329, -5.2},  {0.2176, -2.5},
    {0.6366, 0.0},   {0.6448, -2.2},  {0.6560, -3.9},  {0.6584, -7.4},  {0.7935, -7.1},
    {0.8213, -10.7}, {0.9336, -11.1}, {1.2285, -5.1},  {1.3083, -6.8},  {2.1704, -8.7},
    {2.7105, -13.2}, {4.2589, -13.9}, {4.6003, -13.9}, {5.4902, -15.8}, {5.6077, -17.1},
    {6.3065, -16.0}, {6.6374, -15.7}, {7.0427, -21.6}, {8.6523, -22.8},
};

static inline void channels_add(channels_model_t *m, double delay, double power)
{
    m->delay[m->count] = delay;
    m->power[m->count++] = power;
}

/*
 * "A", "B", "C" (TDL), "exp", "uniform" (8 taps a sample apart, whatever the
 * spread), "two" (equal rays, twice the spread apart), "lone".  False: unknown.
 */
static inline bool channels_make(channels_model_t *m, const char *name, double spread_ns)
{
    double spread = spread_ns * 7.68e-3, sum = 0.0;
    const double(*table)[2] = NULL;
    int rows = 0;
    m->count = 0;
    if (strcmp(name, "A") == 0) {
        table = channels_tdl_a;
        rows = (int)(sizeof(channels_tdl_a) / sizeof(channels_tdl_a[0]));
    } else if (strcmp(name, "B") == 0) {
        table = channels_tdl_b;
        rows = (int)(sizeof(channels_tdl_b) / sizeof(channels_tdl_b[0]));
    } else if (strcmp(name, "C") == 0) {
        table = channels_tdl_c;
        rows = (int)(sizeof(channels_tdl_c) / sizeof(channels_tdl_c[0]));
    } else if (strcmp(name, "exp") == 0) {
        for (int i = 0; i < 64; i++) {
            double t = (i + 0.5) * 7.0 / 64.0;
            channels_add(m, t * spread, exp(-t));
        }
    } else if (strcmp(name, "uniform") == 0) {
        for (int i = 0; i < 8; i++) {
            channels_add(m, i, 1.0);
        }
    } else if (strcmp(name, "two") == 0) {
        channels_add(m, 0.0, 1.0);
        channels_add(m, 2.0 * spread, 1.0);
    } else if (strcmp(name, "lone") == 0) {
        channels_add(m, 0.0, 1.0);
    } else {
        return false;
    }
    for (int i = 0; i < rows; i++) {
        channels_add(m, table[i][0] * spread, pow(10.0, table[i][1] / 10.0));
    }
    for (int i = 0; i < m->count; i++) {
        sum += m->power[i];
    }
    for (int i = 0; i < m->count; i++) {
        m->power[i] /= sum;
    }
    return true;
}

static inline void channels_path(double delay, double complex column[NUMEROLOGY_USED])
{
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        int bin = numerology_bin(u);
        int carrier = bin < NUMEROLOGY_FFT / 2 ? bin : bin - NUMEROLOGY_FFT;
        column[u] = cexp(-2.0 * I * M_PI * carrier * delay / NUMEROLOGY_FFT);
    }
}

/* A realisation with its first path `origin` samples into the FFT window; E|h|^2 = 1. */
static inline void channels_draw(const channels_model_t *m, double origin, rng_t *rng,
                                 double complex h[NUMEROLOGY_USED])
{
    double complex column[NUMEROLOGY_USED];
    memset(h, 0, NUMEROLOGY_USED * sizeof(*h));
    for (int i = 0; i < m->count; i++) {
        float complex a;
        rng_complex_normal(rng, (float)m->power[i], &a, 1);
        channels_path(origin + m->delay[i], column);
        for (int u = 0; u < NUMEROLOGY_USED; u++) {
            h[u] += a * column[u];
        }
    }
}

/* h_ls = h + noise; returns the power as a receiver finds it: mean |h_ls|^2 less the noise. */
static inline double channels_observe(const double complex h[NUMEROLOGY_USED], double noise,
                                      rng_t *rng, float complex ls[NUMEROLOGY_USED])
{
    double mean = 0.0;
    rng_complex_normal(rng, (float)noise, ls, NUMEROLOGY_USED);
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        ls[u] += (float complex)h[u];
        mean += creal(ls[u] * conjf(ls[u])) / NUMEROLOGY_USED;
    }
    return fmax(mean - noise, 1e-3 * mean);
}

/*
 * The bound: LMMSE from the `count` carriers at[] with the true paths, origin,
 * power (1) and noise: h = R[:, at] (R[at, at] + noise)^-1 z.
 */
static inline void channels_bound(const channels_model_t *m, double origin, double noise,
                                  const int *at, int count, const float complex *z,
                                  double complex h[NUMEROLOGY_USED])
{
    static double complex a[CHANNELS_PATHS][NUMEROLOGY_USED], r[NUMEROLOGY_USED * NUMEROLOGY_USED];
    double complex x[NUMEROLOGY_USED];
    memset(r, 0, sizeof(r));
    for (int i = 0; i < m->count; i++) {
        channels_path(origin + m->delay[i], a[i]);
    }
    for (int q = 0; q < count; q++) {
        for (int i = 0; i < m->count; i++) {
            double complex right = m->power[i] * conj(a[i][at[q]]);
            for (int p = 0; p <= q; p++) {
                r[q * count + p] += a[i][at[p]] * right;
            }
        }
        r[q * count + q] += noise;
        x[q] = z[q];
    }
    LAPACKE_zposv(LAPACK_COL_MAJOR, 'U', count, 1, r, count, x, count);
    memset(h, 0, NUMEROLOGY_USED * sizeof(*h));
    for (int i = 0; i < m->count; i++) {
        double complex sum = 0.0;
        for (int q = 0; q < count; q++) {
            sum += conj(a[i][at[q]]) * x[q];
        }
        for (int u = 0; u < NUMEROLOGY_USED; u++) {
            h[u] += m->power[i] * sum * a[i][u];
        }
    }
}

/*
 * One fixed profile for all channels of a prefix, to compare with: the first
 * path 0.5 to 6 samples into the window, later ones decay over the prefix, a
 * floor of 1/1000 around.  Origin 0.
 */
static inline void channels_generic(channels_model_t *m, int cp)
{
    double sum = 0.0, step = cp > 18 ? 1.0 : 0.5;
    m->count = 0;
    for (double delay = -2.0; delay <= cp + 3.0; delay += step) {
        double power = 0.001;
        if (delay >= 0.5 && delay <= 6.0) {
            power += 1.0;
        } else if (delay > 6.0 && delay <= cp + 1.0) {
            power += exp(-(delay - 6.0) / (cp / 5.0));
        }
        channels_add(m, delay, power);
        sum += power;
    }
    for (int i = 0; i < m->count; i++) {
        m->power[i] /= sum;
    }
}

/* w[column][row] = R (R + noise)^-1 for that model, all carriers. */
static inline void channels_filter(const channels_model_t *m, double origin, double noise,
                                   double complex w[NUMEROLOGY_USED][NUMEROLOGY_USED])
{
    static double complex r[NUMEROLOGY_USED][NUMEROLOGY_USED];
    memset(r, 0, sizeof(r));
    for (int i = 0; i < m->count; i++) {
        double complex a[NUMEROLOGY_USED];
        channels_path(origin + m->delay[i], a);
        for (int q = 0; q < NUMEROLOGY_USED; q++) {
            double complex right = m->power[i] * conj(a[q]);
            for (int p = 0; p < NUMEROLOGY_USED; p++) {
                r[q][p] += a[p] * right;
            }
        }
    }
    memcpy(w, r, sizeof(r));
    for (int q = 0; q < NUMEROLOGY_USED; q++) {
        r[q][q] += noise;
    }
    LAPACKE_zposv(LAPACK_COL_MAJOR, 'U', NUMEROLOGY_USED, NUMEROLOGY_USED, r[0], NUMEROLOGY_USED,
                  w[0], NUMEROLOGY_USED);
}

#endif
