/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * probe: the signal that one radio sends and another listens to.
 *
 *     | sync: 4,096 QPSK points | 3,072 zeros | 2^20 samples of two tones | 3,072 zeros |
 *
 * The tones lie at +3/32 and -5/32 of the sample rate, with amplitudes 0.35 and 0.25, and phase 0
 * at the burst's first sample.  They are not mirror images of each other, so that whatever a radio
 * adds (its carrier, a mirrored spectrum, on either side) stands alone in the received
 * spectrum, provided that the two carriers differ: see estimate.h.  Both at once: their
 * difference shows the sample clocks however the carriers wander.
 */
#ifndef CALIBRATION_PROBE_H
#define CALIBRATION_PROBE_H

#include <complex.h>
#include <stddef.h>

enum {
    PROBE_SYNC = 4096,
    PROBE_GUARD = 3072, /* holds a whole block of 1,024 zeros wherever blocks begin */
    PROBE_TONES = 1 << 20,
    PROBE_LENGTH = PROBE_SYNC + PROBE_GUARD + PROBE_TONES + PROBE_GUARD,
};

#define PROBE_FREQ_A     (3.0 / 32.0) /* cycles per sample */
#define PROBE_FREQ_B     (-5.0 / 32.0)
#define PROBE_LEVEL_A    0.35
#define PROBE_LEVEL_B    0.25
#define PROBE_LEVEL_SYNC 0.35f

/* x[PROBE_LENGTH] */
void probe_make(float complex *x);
/* The first PROBE_SYNC samples of it. */
void probe_make_sync(float complex *x);

#endif
