/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digitiser: the two converters of a receiver.  Each axis is rounded to one of the
 * codes -2^(bits - 1) … 2^(bits - 1) - 1 of steps full_scale / 2^(bits - 1), and clipped
 * to them.  Without clipping the noise is step^2 / 12 per axis, so
 *     SNR = 6.02 bits + 4.77 dB - headroom,    headroom = full scale over one axis' rms
 * (Bennett, "Spectra of quantized signals", 1948).  The output is scaled back to the
 * input's units.
 */
#ifndef AIR_DIGITISER_H
#define AIR_DIGITISER_H

#include <complex.h>
#include <stddef.h>

typedef struct {
    int bits; /* 0: off */
    float step, inverse_step, lowest, highest;
} digitiser_t;

void digitiser_init(digitiser_t *d, int bits, double full_scale);
void digitiser_process(const digitiser_t *d, float complex *samples, size_t count);

#endif
