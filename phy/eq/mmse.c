/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "eq/mmse.h"

#include "waveform/numerology.h"

/* A channel of zero with no noise at all: the estimate is 0 and its error 1. */
#define LEAST 1e-37f

void mmse_weights(const float complex *h, double n0, int count, float complex *weight,
                  float *noise_var)
{
    float noise = (float)n0;
    for (int i = 0; i < count; i++) {
        float re = crealf(h[i]), im = cimagf(h[i]);
        float scale = 1.0f / (re * re + im * im + noise + LEAST);
        weight[i] = CMPLXF(re * scale, -im * scale);
        noise_var[i] = (noise + LEAST) * scale;
    }
}

void mmse_apply(const float complex *weight, float complex turn, const float complex *y, int count,
                float complex *out)
{
    for (int i = 0; i < count; i++) {
        out[i] = turn * weight[i] * y[i];
    }
}
