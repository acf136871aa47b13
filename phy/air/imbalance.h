/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * imbalance: a direct-conversion receiver whose two mixers are not alike, and
 * its constant offset.  The I mixer multiplies by cos(wt), the Q mixer by
 * -g sin(wt + phi) (Razavi, "RF Microelectronics", 4.2):
 *     y = a x + b conj(x) + dc,    a = (1 + g exp(-i phi)) / 2,  b = (1 - g exp(i phi)) / 2
 * The image lies |a|^2 / |b|^2 below the signal (image rejection).
 */
#ifndef AIR_IMBALANCE_H
#define AIR_IMBALANCE_H

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
    bool on;
    float q_from_i, q_from_q; /* I passes unchanged */
    float complex dc;
} imbalance_t;

/* dc_power: |dc|^2, 0: none; its angle is 45 degrees. */
void imbalance_init(imbalance_t *m, double gain_db, double phase_deg, double dc_power);
void imbalance_process(const imbalance_t *m, float complex *samples, size_t count);

#endif
