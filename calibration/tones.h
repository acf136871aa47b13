/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tones: frequencies and amplitudes of lines in a stretch of samples.
 *
 * The stretch is weighted with the four-term Blackman-Harris window (F. J. Harris, "On the use of
 * windows for harmonic analysis with the discrete Fourier transform", 1978): lines more than four
 * bins apart disturb each other by less than -92 dB.
 *
 * Frequencies are in cycles per sample; phases are those at sample 0 of the array that was given.
 */
#ifndef CALIBRATION_TONES_H
#define CALIBRATION_TONES_H

#include "err.h"

#include <complex.h>
#include <stddef.h>

typedef struct tones tones_t;

/* Looks at y[first … first + count - 1]; makes a weighted copy.  count at least 65,536. */
tones_t *tones_create(const float complex *y, size_t first, size_t count, err_t *err);
void tones_destroy(tones_t *tones);

/* The strongest line; good to half a bin of 1/65,536. */
double tones_strongest(const tones_t *tones);

/* A line's frequency, given to half of 1/65,536. */
double tones_refine(const tones_t *tones, double freq);

/* Complex amplitude of the line at exactly `freq`. */
double complex tones_amplitude(const tones_t *tones, double freq);

#endif
