/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gain over r = (|x| / A)^2 is 1 / sqrt(1 + r) times a factor that is smooth and
 * close to 1 on both ends: that one is a table over r / (1 + r), read linearly
 * (error below -100 dB).
 */
#include "air/amplifier.h"

#include <math.h>

void amplifier_init(amplifier_t *a, double saturation, double smoothness)
{
    a->inverse_saturation = (float)(1.0 / saturation);
    for (int i = 0; i < AMPLIFIER_STEPS; i++) {
        const double u = (double)i / AMPLIFIER_STEPS;
        const double r = u / (1.0 - u);
        a->table[i] = (float)(sqrt(1.0 + r) * pow(1.0 + pow(r, smoothness), -0.5 / smoothness));
    }
    a->table[AMPLIFIER_STEPS] = 1.0f;
    a->table[AMPLIFIER_STEPS + 1] = 1.0f;
}

void amplifier_process(const amplifier_t *a, const float complex *in, float complex *out,
                       size_t count)
{
    const float *x = (const float *)in;
    float *y = (float *)out;
    for (size_t i = 0; i < count; i++) {
        const float re = x[2 * i], im = x[2 * i + 1];
        /* A bound keeps Inf and NaN out of the table; what comes out is Inf or NaN anyway. */
        const float power = (re * re + im * im) * a->inverse_saturation;
        const float r = power < 1e30f ? power : 1e30f;
        const float at = r / (1.0f + r) * AMPLIFIER_STEPS;
        const int n = (int)at;
        const float smooth = a->table[n] + (at - (float)n) * (a->table[n + 1] - a->table[n]);
        const float gain = smooth / sqrtf(1.0f + r);
        y[2 * i] = re * gain;
        y[2 * i + 1] = im * gain;
    }
}
