/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lags: |sum_m r_m exp(-2 pi i f m)|^2 as a function of the offset f
 * (sub-carriers), for the four segments' r_m.  It is a trigonometric polynomial
 *
 *     R_0 + 2 Re sum_{l=1..3} R_l exp(-2 pi i f l),   R_l = sum_m conj(r_m) r_{m+l}
 *
 * so those of several delays add up by adding their coefficients.
 */
#ifndef SYNC_LAGS_H
#define SYNC_LAGS_H

#include "sync/preamble.h"

enum { LAGS = PREAMBLE_SEGMENTS, LAGS_GRID = 16 };

typedef struct {
    float power;              /* R_0 */
    float re[LAGS], im[LAGS]; /* R_1 … R_3; [0] is not used */
} lags_t;

lags_t lags_of(const float complex r[PREAMBLE_SEGMENTS]);
void lags_add(lags_t *sum, const lags_t *of);

/* exp(2 pi i f l), and the polynomial there. */
typedef struct {
    double re[LAGS], im[LAGS];
} lags_turns_t;

lags_turns_t lags_turns(double f);
double lags_power(const lags_t *of, const lags_turns_t *at);

/* f = -1/2 … 7/16 in steps of 1/16. */
typedef struct {
    float cosine[LAGS][LAGS_GRID], sine[LAGS][LAGS_GRID];
} lags_grid_t;

void lags_fill(lags_grid_t *grid);

/* The largest value on the grid; not more than 4 R_0. */
float lags_largest(const lags_t *of, const lags_grid_t *grid);

/* Top of the parabola through f - step, f, f + step; *power: the value there. */
double lags_climb(const lags_t *of, double f, double step, double *power);

/* The maximum: the grid's, and one climb from there. */
double lags_top(const lags_t *of, const lags_grid_t *grid, double *power);

#endif
