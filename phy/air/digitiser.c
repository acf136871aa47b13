/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/digitiser.h"

#include <math.h>

void digitiser_init(digitiser_t *d, int bits, double full_scale)
{
    const double codes = ldexp(1.0, bits - 1);
    d->bits = bits;
    d->step = (float)(full_scale / codes);
    d->inverse_step = 1.0f / d->step;
    d->lowest = (float)-codes;
    d->highest = (float)(codes - 1.0);
}

void digitiser_process(const digitiser_t *d, float complex *samples, size_t count)
{
    float *y = (float *)samples;
    for (size_t i = 0; i < 2 * count; i++) {
        const float code = rintf(y[i] * d->inverse_step);
        const float low = code > d->lowest ? code : d->lowest; /* NaN becomes the lowest code */
        y[i] = d->step * (low < d->highest ? low : d->highest);
    }
}
