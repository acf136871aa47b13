/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * numerology: the numbers of waveform nr5, and which carrier carries what.
 * docs/WAVEFORM.md draws the frame.
 *
 * Scaling, used by every file of phy/: FFTs are unitary, and a data symbol s
 * with E|s|^2 = 1 leaves the transmitter with amplitude NUMEROLOGY_AMPLITUDE
 * (energy NUMEROLOGY_SYMBOL_ENERGY = 1/16) on its sub-carrier.  After the
 * receiver's FFT and a division by that amplitude,
 *
 *     y = h s + w,    E|w|^2 = n0,    Es/N0 = E|h|^2 / n0
 *
 * so an air that adds noise of variance N0 to each complex sample makes
 * n0 = N0 / NUMEROLOGY_SYMBOL_ENERGY: for a wanted Es/N0 of `snr`,
 * N0 = E|h|^2 * NUMEROLOGY_SYMBOL_ENERGY / snr.
 *
 * Used carriers are numbered u = 0 … 131 from the lowest frequency up:
 * u = 0 is carrier -66, u = 65 is -1, u = 66 is +1, u = 131 is +66 (no DC).
 */
#ifndef WAVEFORM_NUMEROLOGY_H
#define WAVEFORM_NUMEROLOGY_H

#include "cmplx.h"
#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    NUMEROLOGY_FFT = 256,      /* samples of a symbol without its prefix */
    NUMEROLOGY_USED = 132,     /* used carriers: 11 resource blocks */
    NUMEROLOGY_DATA = 120,     /* J: those with data */
    NUMEROLOGY_PILOTS = 12,    /* those with pilots, u = 5, 16, 27 … 126 */
    NUMEROLOGY_PREAMBLE = 1024, /* samples: 4 segments of 256 */
    NUMEROLOGY_KNOWN = 2,      /* known full-band symbols */
    NUMEROLOGY_HEADER = 20,      /* header symbols */
    NUMEROLOGY_CP_NORMAL = 18,
    NUMEROLOGY_CP_EXTENDED = 64,
    NUMEROLOGY_MAX_ANTENNAS = 4,
};

#define NUMEROLOGY_AMPLITUDE 0.25f
#define NUMEROLOGY_SYMBOL_ENERGY 0.0625f

/* What both ends must agree on.  Fill with numerology_default, then change fields. */
typedef struct {
    double spacing_hz;  /* sub-carrier spacing; 30 kHz */
    int cp;             /* cyclic prefix in samples, 18 or 64 */
    int retrain_every;  /* a known symbol before payload symbol n, 2n, …; 0: none */
} numerology_t;

numerology_t numerology_default(void);

/* 0, or -1 and a sentence naming the field that is out of range. */
int numerology_check(const numerology_t *n, err_t *err);

/* Samples per second: spacing * 256 (7.68 MS/s). */
double numerology_sample_rate_hz(const numerology_t *n);

/* FFT bin (0 … 255) of used carrier u (0 … 131). */
int numerology_bin(int u);

/* 2 pi k / 256 for used carrier u, k = -66 … 66: the phase that one sample of delay takes off. */
double numerology_radians(int u);

/* Used carrier u of data carrier d (0 … 119), and of pilot p (0 … 11). */
int numerology_data(int d);
int numerology_pilot(int p);

/* Picks the used carriers out of 256 FFT bins, and puts them back (others zero). */
void numerology_gather(const float complex *bins, float complex *used);
void numerology_scatter(const float complex *used, float complex *bins);

/* The 120 data carriers out of 132 used ones. */
void numerology_pick_data(const float complex *used, float complex *data);

/* And back, the pilots' places left as they are. */
void numerology_place_data(const float complex *data, float complex *used);

/* OFDM symbols that carry `symbols` payload symbols, and retraining symbols among them. */
size_t numerology_payload_symbols(size_t symbols);
size_t numerology_retraining_symbols(const numerology_t *n, size_t symbols);

/* Samples of a whole frame, preamble to last payload symbol. */
size_t numerology_frame_samples(const numerology_t *n, size_t symbols);

/*
 * Payload symbols per second of air over the sample rate: the true on-air
 * efficiency (preamble, header, pilots, prefix and unused carriers paid).
 */
double numerology_efficiency(const numerology_t *n, size_t symbols);

#endif
