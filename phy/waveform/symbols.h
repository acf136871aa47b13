/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * symbols: the points that both ends know, all of unit modulus.
 */
#ifndef WAVEFORM_SYMBOLS_H
#define WAVEFORM_SYMBOLS_H

#include "waveform/numerology.h"

/* Known symbol 0 or 1 (Zadoff-Chu chirps of different slope); retraining repeats symbol 0. */
void symbols_known(int which, float complex used[NUMEROLOGY_USED]);

/*
 * The pilots of OFDM symbol t (counted after the preamble): QPSK points of
 * `symbols_pilots` times the symbol's sign.
 */
void symbols_pilots(float complex pilots[NUMEROLOGY_PILOTS]);
float symbols_pilot_sign(size_t t);

/* QPSK point for a data carrier with nothing to send. */
float complex symbols_filler(int d);

#endif
