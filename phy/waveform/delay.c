/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tapered inverse FFT, second moment of the power above -25 dB of the peak,
 * minus the second moment that a lone path would show.
 */
#include "waveform/delay.h"

#include "waveform/fft.h"

#include <math.h>
#include <stdlib.h>

enum { N = NUMEROLOGY_USED, SIZE = NUMEROLOGY_FFT };

#define CUT 0.00316

struct delay {
    fft_t *fft;
    float taper[N];
    double lone;
};

static double moment(delay_t *d, const float complex *h)
{
    float complex used[N];
    float power[SIZE];
    int peak = 0;
    for (int u = 0; u < N; u++) {
        used[u] = h[u] * d->taper[u];
    }
    numerology_scatter(used, fft_in(d->fft));
    fft_execute(d->fft);
    const float complex *out = fft_out(d->fft);
    for (int n = 0; n < SIZE; n++) {
        power[n] = crealf(out[n]) * crealf(out[n]) + cimagf(out[n]) * cimagf(out[n]);
        peak = power[n] > power[peak] ? n : peak;
    }
    double sum = 0.0, first = 0.0, second = 0.0;
    for (int n = 0; n < SIZE; n++) {
        int offset = (n - peak + SIZE + SIZE / 2) % SIZE - SIZE / 2;
        double p = (double)power[n];
        if (p > CUT * (double)power[peak]) {
            sum += p;
            first += p * offset;
            second += p * offset * offset;
        }
    }
    return sum > 0.0 ? second / sum - first / sum * first / sum : 0.0;
}

delay_t *delay_create(err_t *err)
{
    delay_t *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        err_set(err, ERR_MEMORY, "delay: out of memory");
        return NULL;
    }
    d->fft = fft_create(SIZE, FFT_BACKWARD, err);
    if (d->fft == NULL) {
        free(d);
        return NULL;
    }
    float complex flat[N];
    for (int u = 0; u < N; u++) {
        d->taper[u] = (float)(0.5 - 0.5 * cos(2.0 * M_PI * (u + 0.5) / N));
        flat[u] = 1.0f;
    }
    d->lone = moment(d, flat);
    return d;
}

void delay_destroy(delay_t *d)
{
    if (d != NULL) {
        fft_destroy(d->fft);
        free(d);
    }
}

double delay_spread(delay_t *d, const float complex h[N])
{
    return sqrt(fmax(moment(d, h) - d->lone, 0.0));
}
