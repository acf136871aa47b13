/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * liquid_ofdm: liquid-dsp's ofdmframegen and ofdmframesync with our numbers: 256 sub-carriers,
 * prefix 18, no taper, 120 data and 12 pilots where ours are, the rest empty.
 */
#ifndef BENCH_LIQUID_OFDM_H
#define BENCH_LIQUID_OFDM_H

#include "waveform/numerology.h"

#include <complex.h>
#include <liquid/liquid.h>
#include <stddef.h>

enum {
    LIQUID_OFDM_SYMBOL = NUMEROLOGY_FFT + NUMEROLOGY_CP_NORMAL,
    LIQUID_OFDM_HEAD = 3, /* S0a, S0b and S1, in symbols */
};

/* FFT bin of data carrier d. */
int liquid_ofdm_bin(int d);

ofdmframegen liquid_ofdm_generator(void);
ofdmframesync liquid_ofdm_synchroniser(ofdmframesync_callback callback, void *context);

/* points[symbols * 120] -> bins[symbols * 256], as ofdmframegen takes them. */
void liquid_ofdm_lay_out(const float complex *points, size_t symbols, float complex *bins);

/* A whole frame: bins[symbols * 256] -> samples[(3 + symbols) * 274]. */
void liquid_ofdm_frame(ofdmframegen generator, float complex *bins, size_t symbols,
                       float complex *samples);

#endif
