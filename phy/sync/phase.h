/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phase: follows the common phase of the OFDM symbols from their pilots.
 *
 * A Kalman filter over phase and drift per symbol (trend.h).  The random walks
 * assumed are those of a radio with a fair oscillator.
 */
#ifndef SYNC_PHASE_H
#define SYNC_PHASE_H

#include "sync/trend.h"

#include <complex.h>

typedef struct {
    trend_t line; /* predicted for the coming symbol; radians, radians per symbol */
} phase_t;

/* The coming symbol's phase and the drift, with variances and covariance. */
void phase_start(phase_t *p, double phase, double drift, double phase_var, double drift_var,
                 double cov);

/*
 * The coming symbol's pilots: z = sum y conj(h x), `energy` = sum |h x|^2, and
 * the noise variance n0 of each y.  Returns exp(-i phase) to turn the symbol
 * with, and goes on to the next symbol.
 */
float complex phase_update(phase_t *p, float complex z, double energy, double n0);

/* A symbol whose pilots are not looked at passes; returns exp(-i phase) as predicted. */
float complex phase_skip(phase_t *p);

#endif
