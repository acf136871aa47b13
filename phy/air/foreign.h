/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * foreign: another system's OFDM in the same band, without end: 64 sub-carriers,
 * 52 of them used (+-1 … +-26) with random QPSK, prefix of 16 samples: 802.11a's
 * shape at our sample rate (sub-carriers of 120 kHz at 7.68 MS/s).
 */
#ifndef AIR_FOREIGN_H
#define AIR_FOREIGN_H

#include "rng.h"

enum { FOREIGN_FFT = 64, FOREIGN_PREFIX = 16 };

typedef struct {
    rng_t rng;
    float amplitude; /* of a sub-carrier */
    size_t index;    /* of the next sample of the symbol */
    float complex symbol[FOREIGN_PREFIX + FOREIGN_FFT];
    float turn_re[FOREIGN_FFT], turn_im[FOREIGN_FFT];
} foreign_t;

/* power: of a sample, mean. */
void foreign_init(foreign_t *f, double power, uint64_t seed, uint64_t stream);

/* samples[count] += the signal. */
void foreign_add(foreign_t *f, float complex *samples, size_t count);

#endif
