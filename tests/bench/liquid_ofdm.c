/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "liquid_ofdm.h"

#include <string.h>

int liquid_ofdm_bin(int d)
{
    return numerology_bin(numerology_data(d));
}

static void allocate(unsigned char type[NUMEROLOGY_FFT])
{
    memset(type, OFDMFRAME_SCTYPE_NULL, NUMEROLOGY_FFT);
    for (int d = 0; d < NUMEROLOGY_DATA; d++) {
        type[liquid_ofdm_bin(d)] = OFDMFRAME_SCTYPE_DATA;
    }
    for (int p = 0; p < NUMEROLOGY_PILOTS; p++) {
        type[numerology_bin(numerology_pilot(p))] = OFDMFRAME_SCTYPE_PILOT;
    }
}

ofdmframegen liquid_ofdm_generator(void)
{
    unsigned char type[NUMEROLOGY_FFT];
    allocate(type);
    return ofdmframegen_create(NUMEROLOGY_FFT, NUMEROLOGY_CP_NORMAL, 0, type);
}

ofdmframesync liquid_ofdm_synchroniser(ofdmframesync_callback callback, void *context)
{
    unsigned char type[NUMEROLOGY_FFT];
    allocate(type);
    return ofdmframesync_create(NUMEROLOGY_FFT, NUMEROLOGY_CP_NORMAL, 0, type, callback, context);
}

void liquid_ofdm_lay_out(const float complex *points, size_t symbols, float complex *bins)
{
    memset(bins, 0, symbols * NUMEROLOGY_FFT * sizeof(*bins));
    for (size_t t = 0; t < symbols; t++) {
        for (int d = 0; d < NUMEROLOGY_DATA; d++) {
            bins[t * NUMEROLOGY_FFT + (size_t)liquid_ofdm_bin(d)] =
                points[t * NUMEROLOGY_DATA + (size_t)d];
        }
    }
}

void liquid_ofdm_frame(ofdmframegen generator, float complex *bins, size_t symbols,
                       float complex *samples)
{
    ofdmframegen_reset(generator);
    ofdmframegen_write_S0a(generator, samples);
    ofdmframegen_write_S0b(generator, samples + LIQUID_OFDM_SYMBOL);
    ofdmframegen_write_S1(generator, samples + 2 * LIQUID_OFDM_SYMBOL);
    samples += LIQUID_OFDM_HEAD * LIQUID_OFDM_SYMBOL;
    for (size_t t = 0; t < symbols; t++) {
        ofdmframegen_writesymbol(generator, bins + t * NUMEROLOGY_FFT,
                                 samples + t * LIQUID_OFDM_SYMBOL);
    }
}
