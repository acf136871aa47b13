/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sum of 24 exponentially decaying taps, each rotating along the sub-carriers. */
#include "train/fading.h"

#include <math.h>

enum { TAPS = 24, TAPS_PER_SPREAD = 4 };

static const double carrier_spacing_hz = 30e3, pi = 3.14159265358979323846;

void fading_draw(rng_t *rng, double delay_spread_s, float complex *h)
{
    float complex tap[TAPS];
    rng_complex_normal(rng, 1.0f, tap, TAPS);
    float total = 0.0f;
    for (int l = 0; l < TAPS; l++) {
        total += expf(-(float)l / TAPS_PER_SPREAD);
    }
    for (int k = 0; k < FADING_CARRIERS; k++) {
        h[k] = 0.0f;
    }
    for (int l = 0; l < TAPS; l++) {
        double angle = -2.0 * pi * carrier_spacing_hz * delay_spread_s * l / TAPS_PER_SPREAD;
        float complex turn = CMPLXF((float)cos(angle), (float)sin(angle));
        float complex value = tap[l] * sqrtf(expf(-(float)l / TAPS_PER_SPREAD) / total);
        for (int k = 0; k < FADING_CARRIERS; k++) {
            h[k] += value;
            value *= turn;
        }
    }
}
