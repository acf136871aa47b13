/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transform is a plain radix-2 of our own: 64 points need no speed, and the
 * samples have to be the same on every machine.
 */
#include "air/foreign.h"

#include <math.h>

enum { USED = 26 }; /* on either side of DC */

void foreign_init(foreign_t *f, double power, uint64_t seed, uint64_t stream)
{
    rng_seed(&f->rng, seed, stream);
    f->amplitude = (float)sqrt(power / (2.0 * USED));
    f->index = FOREIGN_PREFIX + FOREIGN_FFT;
    for (int i = 0; i < FOREIGN_FFT; i++) {
        const double angle = 2.0 * 3.14159265358979323846 * i / FOREIGN_FFT;
        f->turn[i] = CMPLXF(cos(angle), sin(angle));
    }
}

/* out[n] = sum over k of x[k] exp(2 pi i k n / size); x has a stride. */
static void transform(const foreign_t *f, const float complex *x, size_t stride, size_t size,
                      float complex *out)
{
    if (size == 1) {
        out[0] = x[0];
        return;
    }
    const size_t half = size / 2;
    transform(f, x, 2 * stride, half, out);
    transform(f, x + stride, 2 * stride, half, out + half);
    for (size_t n = 0; n < half; n++) {
        const float complex even = out[n];
        const float complex odd = out[n + half] * f->turn[n * (FOREIGN_FFT / size)];
        out[n] = even + odd;
        out[n + half] = even - odd;
    }
}

static void next_symbol(foreign_t *f)
{
    float complex x[FOREIGN_FFT] = {0};
    const float axis = f->amplitude * 0.70710678f;
    uint64_t bits = 0;
    for (int k = 0; k < 2 * USED; k++) {
        if (k % 32 == 0) {
            bits = rng_bits(&f->rng);
        }
        const int carrier = k < USED ? k + 1 : FOREIGN_FFT - 2 * USED + k;
        x[carrier] = CMPLXF((bits & 1) != 0 ? axis : -axis, (bits & 2) != 0 ? axis : -axis);
        bits >>= 2;
    }
    transform(f, x, 1, FOREIGN_FFT, f->symbol + FOREIGN_PREFIX);
    for (int n = 0; n < FOREIGN_PREFIX; n++) {
        f->symbol[n] = f->symbol[n + FOREIGN_FFT];
    }
    f->index = 0;
}

void foreign_add(foreign_t *f, float complex *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (f->index == FOREIGN_PREFIX + FOREIGN_FFT) {
            next_symbol(f);
        }
        samples[i] += f->symbol[f->index++];
    }
}
