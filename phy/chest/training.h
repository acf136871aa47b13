/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * training: channel, noise and phase drift from OFDM symbols whose points are
 * all known.
 *
 * Symbol t of `count`, sent as x, arrives as y = h x exp(i (phase + drift t)) + w.
 * Least squares for h; the drift from the symbols' common phases; the noise
 * from what differs between the symbols, which no channel model can bias.
 */
#ifndef CHEST_TRAINING_H
#define CHEST_TRAINING_H

#include "waveform/numerology.h"

enum { TRAINING_MAX = NUMEROLOGY_KNOWN + NUMEROLOGY_HEADER };

typedef struct {
    float complex h_ls[NUMEROLOGY_USED]; /* mean over the symbols, phase line removed */
    double phase, drift;                 /* of the line, radians and radians per symbol */
    double phase_var, drift_var, phase_drift_cov; /* of phase at t = count and of drift */
    double n0;                           /* per symbol and carrier */
    double power;                        /* mean |h|^2, the noise's part taken off; > 0 */
} training_t;

/*
 * ls[count][132]: y conj(x) with |x| = 1, count 2 … TRAINING_MAX.
 *
 * training_first needs nothing more: the drift is shrunk towards zero by
 * `drift_trust` (0 … 1, the part of the measured drift that is believed).
 * training_refine knows h and a line already (in `t`, from an earlier call or
 * a tracker) and replaces both.
 */
void training_first(training_t *t, const float complex (*ls)[NUMEROLOGY_USED], double drift_trust);
void training_refine(training_t *t, const float complex (*ls)[NUMEROLOGY_USED], int count,
                     const float complex *h);

#endif
