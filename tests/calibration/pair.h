/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pair: two imperfect radios and the air between them, for the estimator's tests.  Small enough to
 * trust at sight; the sample clocks differ by interpolation with a windowed sinc.
 */
#ifndef TESTS_CALIBRATION_PAIR_H
#define TESTS_CALIBRATION_PAIR_H

#include "rng.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double complex tx_dc, tx_image, rx_dc, rx_image;
    double carrier, clock_ppm, delay; /* as in estimate.h */
    double complex gain;
    double noise; /* variance of each received sample */
} pair_t;

/* `image` of a gain (dB) and phase (degrees) difference: y = cos-like I, g sin-like Q. */
static inline double complex pair_image(double gain_db, double phase_deg)
{
    const double complex q = pow(10.0, gain_db / 20.0) * cexp(I * phase_deg * M_PI / 180.0);
    return (1.0 - q) / (1.0 + conj(q));
}

enum { PAIR_TAPS = 24, PAIR_PHASES = 2048 };

/* Raised-cosine windowed sinc; between its phases the taps are interpolated linearly. */
static inline const double *pair_taps(int phase)
{
    static double taps[PAIR_PHASES + 1][2 * PAIR_TAPS];
    if (taps[0][PAIR_TAPS - 1] == 0.0) {
        for (int i = 0; i <= PAIR_PHASES; i++) {
            for (int k = 0; k < 2 * PAIR_TAPS; k++) {
                const double u = k - PAIR_TAPS + 1 - (double)i / PAIR_PHASES;
                const double sinc = fabs(u) < 1e-12 ? 1.0 : sin(M_PI * u) / (M_PI * u);
                taps[i][k] = sinc * (0.5 + 0.5 * cos(M_PI * u / (PAIR_TAPS + 1)));
            }
        }
    }
    return taps[phase];
}

static inline double complex pair_at(const float complex *s, size_t count, double t)
{
    const long base = (long)floor(t) - PAIR_TAPS + 1;
    const double place = (t - floor(t)) * PAIR_PHASES, part = place - floor(place);
    const double *low = pair_taps((int)place), *high = pair_taps((int)place + 1);
    double re = 0.0, im = 0.0;
    for (long k = 0; k < 2 * PAIR_TAPS; k++) {
        if (base + k >= 0 && base + k < (long)count) {
            const double tap = low[k] + part * (high[k] - low[k]);
            re += tap * (double)crealf(s[base + k]);
            im += tap * (double)cimagf(s[base + k]);
        }
    }
    return CMPLX(re, im);
}

/* What the transmitter makes of it. */
static inline void pair_send(const pair_t *p, const float complex *t, float complex *s,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const double complex x = t[i];
        s[i] = (float complex)(x + p->tx_image * conj(x) + p->tx_dc);
    }
}

/* What the receiver hands out; sample 0 of s arrives at `delay`. */
static inline void pair_receive(const pair_t *p, const float complex *s, size_t sent,
                                float complex *y, size_t count, rng_t *rng)
{
    rng_complex_normal(rng, (float)p->noise, y, count);
    for (size_t n = 0; n < count; n++) {
        const double t = ((double)n - p->delay) * (1.0 + 1e-6 * p->clock_ppm);
        const double turns = p->carrier * (double)n;
        const double complex x =
            p->gain * pair_at(s, sent, t) * cexp(2.0 * M_PI * I * (turns - floor(turns))) +
            (double complex)y[n];
        y[n] = (float complex)(x + p->rx_image * conj(x) + p->rx_dc);
    }
}

#endif
