/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The transform is a plain radix-2 of our own (Cooley and Tukey 1965): 64 points need no
 * speed, and the samples have to be the same on every machine.  Real and imaginary
 * parts have arrays of their own, because gcc 12 fuses products and sums of
 * interleaved ones whatever -ffp-contract says.
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
        f->turn_re[i] = (float)cos(angle);
        f->turn_im[i] = (float)sin(angle);
    }
}

/* x[n] = sum over k of X[k] exp(2 pi i k n / 64); X[k] stands at the place of k's bits in reverse.
 */
static void transform(const foreign_t *f, float *re, float *im)
{
    for (int half = 1; half < FOREIGN_FFT; half *= 2) {
        for (int first = 0; first < FOREIGN_FFT; first += 2 * half) {
            for (int n = 0; n < half; n++) {
                const int even = first + n, odd = even + half, turn = n * (FOREIGN_FFT / 2 / half);
                const float r = re[odd] * f->turn_re[turn] - im[odd] * f->turn_im[turn];
                const float i = re[odd] * f->turn_im[turn] + im[odd] * f->turn_re[turn];
                re[odd] = re[even] - r;
                im[odd] = im[even] - i;
                re[even] += r;
                im[even] += i;
            }
        }
    }
}

static int reverse(int k)
{
    int reversed = 0;
    for (int bit = 1; bit < FOREIGN_FFT; bit *= 2) {
        reversed = 2 * reversed + (k / bit) % 2;
    }
    return reversed;
}

static void next_symbol(foreign_t *f)
{
    float re[FOREIGN_FFT] = {0};
    float im[FOREIGN_FFT] = {0};
    const float axis = f->amplitude * 0.70710678f;
    uint64_t bits = 0;
    for (int k = 0; k < 2 * USED; k++) {
        if (k % 32 == 0) {
            bits = rng_bits(&f->rng);
        }
        const int at = reverse(k < USED ? k + 1 : FOREIGN_FFT - 2 * USED + k);
        re[at] = (bits & 1) != 0 ? axis : -axis;
        im[at] = (bits & 2) != 0 ? axis : -axis;
        bits >>= 2;
    }
    transform(f, re, im);
    for (int n = 0; n < FOREIGN_PREFIX + FOREIGN_FFT; n++) {
        const int at = (n + FOREIGN_FFT - FOREIGN_PREFIX) % FOREIGN_FFT;
        f->symbol[n] = CMPLXF(re[at], im[at]);
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
