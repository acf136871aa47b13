/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * training: channel, noise and phase drift from OFDM symbols whose points are
 * all known.
 *
 * A symbol x sent at time t (in OFDM symbols, any origin, whole or not)
 * arrives as y = h x exp(i (phase + drift t)) + w.  Least squares for h; the
 * line from the symbols' common phases; the noise from what differs between
 * the symbols, which no model of the channel can bias.
 */
#ifndef CHEST_TRAINING_H
#define CHEST_TRAINING_H

#include "waveform/numerology.h"

enum { TRAINING_MAX = 16 };

typedef struct {
    float complex h_ls[NUMEROLOGY_USED]; /* mean over the symbols, the line taken off */
    double phase, drift;                 /* the line: radians at t = 0, radians per symbol */
    double n0;                           /* per symbol and carrier */
    double power;                        /* mean |h|^2, the noise's part taken off; > 0 */
    double mean_time, spread;            /* of the symbols' times: mean, sum of squares about it */
    int count;
    double tail;                         /* amplitude of the last two symbols over the mean, about 1 */
} training_t;

/* ls[count][132]: y conj(x) with |x| = 1; time[count]; count 2 … TRAINING_MAX. */

/* Without anything known but that the drift is small over the symbols. */
void training_start(training_t *t, const float complex (*ls)[NUMEROLOGY_USED], const double *time,
                    int count);

/* With a channel h, and in `t` a line, both from before; replaces the line and all else. */
void training_refine(training_t *t, const float complex (*ls)[NUMEROLOGY_USED],
                     const double *time, int count, const float complex *h);

/*
 * The line's value at `time`, its variance, the drift's, and their covariance.
 */
void training_predict(const training_t *t, double time, double *phase, double *phase_var,
                      double *drift_var, double *cov);

#endif
