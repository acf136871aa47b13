/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rotor: tables of exp(i angle) at even steps.
 */
#ifndef SYNC_ROTOR_H
#define SYNC_ROTOR_H

#include "waveform/numerology.h"

#include <complex.h>

enum { ROTOR_SIZE = 256 };

/* exp(-2 pi i f n / 256), n = 0 … 255: takes a carrier offset of f sub-carriers off 256 samples. */
void rotor_fill(float complex table[ROTOR_SIZE], double f);

/* exp(2 pi i k delay / 256) for the 132 used carriers: takes a delay in samples off a symbol. */
void rotor_ramp(float complex ramp[NUMEROLOGY_USED], double delay);

#endif
