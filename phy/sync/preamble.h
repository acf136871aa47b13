/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * preamble: the sequence that every frame starts with.
 *
 * 1024 samples: four times one segment p of 256 samples, with the signs
 * + + - +.  The segment occupies the 132 used carriers with equal amplitude
 * and pseudo-noise phases, so delay and carrier offset do not trade places as
 * they do in a single Zadoff-Chu sequence; the phases were searched for a flat
 * envelope (peak to mean 1.4 dB) and an ambiguity below 0.26 of the peak
 * within +- 4 sub-carriers.  The signs tell a shift of a whole segment.
 */
#ifndef SYNC_PREAMBLE_H
#define SYNC_PREAMBLE_H

#include "waveform/numerology.h"

enum { PREAMBLE_SEGMENT = 256, PREAMBLE_SEGMENTS = 4 };

extern const float preamble_sign[PREAMBLE_SEGMENTS];

/* The segment's used carriers, unit modulus. */
void preamble_spectrum(float complex spectrum[NUMEROLOGY_USED]);

#endif
