/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * training: channel, noise, phase drift and sample-clock offset from OFDM
 * symbols whose points are all known.
 *
 * A symbol x sent at time t (in OFDM symbols, any origin, whole or not)
 * arrives on carrier k as
 *
 *     y = h exp(i (phase + drift t)) exp(-2 pi i k rate (t - mean_time) / 256) x + w
 *
 * Least squares for h; the two lines from the symbols' common phases and from
 * their phase slopes over the carriers; the noise from what differs between
 * the symbols, which no model of the channel can bias.
 */
#ifndef CHEST_TRAINING_H
#define CHEST_TRAINING_H

#include "waveform/numerology.h"

#include <stdbool.h>

enum { TRAINING_MAX = 32 };

typedef struct {
    float complex h_ls[NUMEROLOGY_USED]; /* mean over the symbols, the lines taken off */
    float complex straight[TRAINING_MAX][NUMEROLOGY_USED]; /* the symbols, the lines taken off */
    double phase, drift;                 /* radians at t = 0, radians per symbol */
    double rate;                         /* the delay grows so much: samples per symbol */
    double n0;                           /* per symbol and carrier */
    double power;                        /* mean |h|^2, the noise's part taken off; > 0 */
    double moved;      /* variance of h over the symbols: 0 unless it clearly exceeds the noise's */
    double mean_time, spread; /* of the symbols' times: mean, sum of squares about it */
    double slope_energy;      /* mean |h|^2 (2 pi (k - mean k) / 256)^2: what a delay shows in */
    int count;
    double tail;    /* amplitude of the last two symbols along the mean, about 1 */
    double tail_power; /* what the last two have in common over the mean power, about 1 */
} training_t;

/* ls[count][132]: y conj(x) with |x| = 1; time[count]; count 2 … TRAINING_MAX. */

/* Without anything known but that the drift is small over the symbols; rate and moved are 0. */
void training_start(training_t *t, const float complex (*ls)[NUMEROLOGY_USED], const double *time,
                    int count);

/*
 * With a channel h, and in `t` the lines, both from before; replaces the lines and all else.
 * `even`: the times lie one symbol apart.  Then the noise comes from the symbols' second
 * differences when the channel moves, which a fade of a hundredth of the symbol rate hardly
 * touches, and `moved` is measured.
 */
void training_refine(training_t *t, const float complex (*ls)[NUMEROLOGY_USED],
                     const double *time, int count, const float complex *h, bool even);

/* The phase line's value at `time`, its variance, the drift's, and their covariance. */
void training_predict(const training_t *t, double time, double *phase, double *phase_var,
                      double *drift_var, double *cov);

/* The same for the delay in samples, relative to h. */
void training_predict_delay(const training_t *t, double time, double *delay, double *delay_var,
                            double *rate_var, double *cov);

#endif
