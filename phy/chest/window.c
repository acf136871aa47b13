/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "chest/window.h"

#include "waveform/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    N = NUMEROLOGY_USED,
    HALF = N / 2,
    F = NUMEROLOGY_FFT,
    EARLY = 2, /* samples kept before the FFT window's start, and behind the prefix */
};

struct window {
    int cp;
    fft_t *back, *forth;
    float complex root[F]; /* exp(2 pi i n / 256) */
    double kept;
};

/* Whole samples of delay by the phase between neighbouring carriers. */
static int mean_delay(const float complex *h)
{
    double complex sum = 0.0;
    for (int u = 0; u + 1 < N; u++) {
        sum += u + 1 != HALF ? h[u + 1] * conjf(h[u]) : 0.0f;
    }
    return (int)lround(-carg(sum) * F / (2.0 * M_PI));
}

static void fill(float complex *bins, int from, int to)
{
    float complex a = bins[from % F], b = bins[to % F];
    for (int i = from + 1; i < to; i++) {
        float part = (float)(i - from) / (float)(to - from);
        bins[i % F] = a + part * (b - a);
    }
}

static void cut(window_t *w, const float complex *h_ls, int delay, float complex *h)
{
    float complex *bins = fft_in(w->back), *taps = fft_in(w->forth);
    memset(bins, 0, F * sizeof(*bins));
    for (int u = 0; u < N; u++) {
        int bin = numerology_bin(u);
        bins[bin] = h_ls[u] * w->root[(unsigned)(bin * delay) % F];
    }
    fill(bins, F - 1, F + 1);
    fill(bins, HALF, F - HALF);
    fft_execute(w->back);
    for (int n = 0; n < F; n++) {
        int at = (int)((unsigned)(n + delay + EARLY) % F);
        taps[n] = at <= w->cp + 2 * EARLY ? fft_out(w->back)[n] / (float)F : 0.0f;
    }
    fft_execute(w->forth);
    for (int u = 0; u < N; u++) {
        int bin = numerology_bin(u);
        h[u] = fft_out(w->forth)[bin] * conjf(w->root[(unsigned)(bin * delay) % F]);
    }
}

window_t *window_create(int cp, err_t *err)
{
    window_t *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        err_set(err, ERR_MEMORY, "channel estimator: out of memory");
        return NULL;
    }
    w->cp = cp;
    w->back = fft_create(F, FFT_BACKWARD, err);
    w->forth = w->back != NULL ? fft_create(F, FFT_FORWARD, err) : NULL;
    if (w->forth == NULL) {
        window_destroy(w);
        return NULL;
    }
    for (int n = 0; n < F; n++) {
        w->root[n] = (float complex)cexp(2.0 * I * M_PI * n / F);
    }
    /* Cutting is linear: its noise is the sum over what it makes of each carrier. */
    for (int u = 0; u < N; u++) {
        float complex unit[N] = {0}, out[N];
        unit[u] = 1.0f;
        cut(w, unit, 0, out);
        for (int v = 0; v < N; v++) {
            w->kept +=
                (double)(crealf(out[v]) * crealf(out[v]) + cimagf(out[v]) * cimagf(out[v])) / N;
        }
    }
    return w;
}

void window_destroy(window_t *w)
{
    if (w != NULL) {
        fft_destroy(w->back);
        fft_destroy(w->forth);
        free(w);
    }
}

double window_apply(window_t *w, const float complex h_ls[NUMEROLOGY_USED],
                    float complex h[NUMEROLOGY_USED])
{
    cut(w, h_ls, mean_delay(h_ls), h);
    return w->kept;
}
