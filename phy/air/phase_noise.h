/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phase_noise: the phase walk of free-running oscillators (Demir, Mehrotra,
 * Roychowdhury, "Phase noise in oscillators", 2000): independent Gaussian steps of
 * variance 2 pi linewidth / rate per sample.  The carrier's line is a Lorentzian of
 * full 3-dB width `linewidth`; its single-sideband noise at offset f beyond it is
 *     L(f) = linewidth / (2 pi f^2) per Hz:
 * -95 dBc/Hz at 100 kHz is a linewidth of 20 Hz.
 */
#ifndef AIR_PHASE_NOISE_H
#define AIR_PHASE_NOISE_H

#include "air/noise.h"

typedef struct {
    noise_t noise;
    double step; /* standard deviation of a sample's step, in turns / 2^64 */
    uint64_t phase;
} phase_noise_t;

/* Phase 0 at the start of (seed, stream). */
void phase_noise_init(phase_noise_t *p, double linewidth_hz, double rate_hz, uint64_t seed,
                      uint64_t stream);

void phase_noise_process(phase_noise_t *p, float complex *samples, size_t count);

#endif
