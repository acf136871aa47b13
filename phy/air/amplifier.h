/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * amplifier: a solid-state power amplifier that saturates (Rapp, "Effects of
 * HPA-nonlinearity on a 4-DPSK/OFDM-signal for a digital sound broadcasting
 * system", 1991):
 *     y = x / (1 + (|x| / A)^(2 p))^(1 / (2 p))
 * with small-signal gain 1, no phase shift, and A^2 the saturation power.  The
 * output is not scaled up again: saturation costs power, as it does.
 */
#ifndef AIR_AMPLIFIER_H
#define AIR_AMPLIFIER_H

#include <complex.h>
#include <stddef.h>

enum { AMPLIFIER_STEPS = 2048 };

typedef struct {
    float inverse_saturation; /* 1 / A^2 */
    float table[AMPLIFIER_STEPS + 2];
} amplifier_t;

/* saturation > 0: A^2.  smoothness p: 1 … 20 (2 to 3 are common; large: a hard limiter). */
void amplifier_init(amplifier_t *a, double saturation, double smoothness);

/* in and out may be the same. */
void amplifier_process(const amplifier_t *a, const float complex *in, float complex *out,
                       size_t count);

#endif
