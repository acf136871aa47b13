/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line's frequency is found from the phase between the two halves of the stretch: first of its
 * middle 65,536 samples, where half a bin is still unambiguous, then of all.
 */
#include "tones.h"

#include "waveform/fft.h"

#include <math.h>
#include <stdlib.h>

enum { COARSE = 65536, ROTOR = 512 };

struct tones {
    size_t first, count, coarse_first;
    float complex *full;   /* [count] weighted, weights' sum 1 */
    float complex *coarse; /* [COARSE] the middle, weighted by a window of its own */
    double strongest;
};

static void weigh(const float complex *y, float complex *z, size_t count)
{
    static const double a[4] = {0.35875, 0.48829, 0.14128, 0.01168};
    const double scale = 1.0 / (a[0] * (double)count); /* the cosines add up to nothing */
    for (size_t i = 0; i < count; i++) {
        const double turn = 2.0 * M_PI * ((double)i + 0.5) / (double)count;
        const double w = a[0] - a[1] * cos(turn) + a[2] * cos(2.0 * turn) - a[3] * cos(3.0 * turn);
        z[i] = (float)(w * scale) * y[i];
    }
}

static int find_strongest(tones_t *t, err_t *err)
{
    fft_t *fft = fft_create(COARSE, FFT_FORWARD, err);
    if (fft == NULL) {
        return -1;
    }
    for (int i = 0; i < COARSE; i++) {
        fft_in(fft)[i] = t->coarse[i];
    }
    fft_execute(fft);
    int best = 0;
    for (int i = 1; i < COARSE; i++) {
        best = cabsf(fft_out(fft)[i]) > cabsf(fft_out(fft)[best]) ? i : best;
    }
    t->strongest = (double)(best >= COARSE / 2 ? best - COARSE : best) / COARSE;
    fft_destroy(fft);
    return 0;
}

tones_t *tones_create(const float complex *y, size_t first, size_t count, err_t *err)
{
    tones_t *t = calloc(1, sizeof *t);
    if (t == NULL || count < COARSE) {
        err_set(err, t == NULL ? ERR_MEMORY : ERR_ARGUMENT, "%zu samples are not enough", count);
        free(t);
        return NULL;
    }
    t->first = first;
    t->count = count;
    t->coarse_first = first + (count - COARSE) / 2;
    t->full = malloc(count * sizeof *t->full);
    t->coarse = malloc(COARSE * sizeof *t->coarse);
    if (t->full == NULL || t->coarse == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %zu samples", count);
        tones_destroy(t);
        return NULL;
    }
    weigh(y + first, t->full, count);
    weigh(y + t->coarse_first, t->coarse, COARSE);
    if (find_strongest(t, err) != 0) {
        tones_destroy(t);
        return NULL;
    }
    return t;
}

void tones_destroy(tones_t *t)
{
    if (t != NULL) {
        free(t->full);
        free(t->coarse);
        free(t);
    }
}

double tones_strongest(const tones_t *t)
{
    return t->strongest;
}

/* sum z[i] exp(-2 pi j freq (origin + i)) for i in [from, to); the rotor starts anew now and then.
 */
static double complex correlate(const float complex *z, size_t from, size_t to, size_t origin,
                                double freq)
{
    const double complex step = cexp(-2.0 * M_PI * I * freq);
    double complex sum = 0.0;
    for (size_t i = from; i < to; i += ROTOR) {
        const double turns = freq * (double)(origin + i);
        double complex rotor = cexp(-2.0 * M_PI * I * (turns - floor(turns)));
        const size_t end = i + ROTOR < to ? i + ROTOR : to;
        for (size_t k = i; k < end; k++) {
            sum += rotor * (double complex)z[k];
            rotor *= step;
        }
    }
    return sum;
}

/* One step: how far the line lies from `freq`, from the phase between the halves. */
static double off_by(const float complex *z, size_t count, double freq)
{
    /* The halves' centres of gravity are this part of the length apart (Blackman-Harris). */
    const double apart = 0.22351;
    const double complex one = correlate(z, 0, count / 2, 0, freq);
    const double complex two = correlate(z, count / 2, count, 0, freq);
    return carg(two * conj(one)) / (2.0 * M_PI * apart * (double)count);
}

double tones_refine(const tones_t *t, double freq)
{
    for (int i = 0; i < 4; i++) {
        freq += off_by(t->coarse, COARSE, freq);
    }
    for (int i = 0; i < 5; i++) {
        freq += off_by(t->full, t->count, freq);
    }
    return freq;
}

double complex tones_amplitude(const tones_t *t, double freq)
{
    return correlate(t->full, 0, t->count, t->first, freq);
}
