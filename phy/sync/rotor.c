/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Coarse times fine: a few sines and cosines, and one product per entry. */
#include "sync/rotor.h"

#include <math.h>

enum { SIDE = 16, RUN = 11 };

void rotor_fill(float complex table[ROTOR_SIZE], double f)
{
    double complex fine[SIDE];
    for (int i = 0; i < SIDE; i++) {
        fine[i] = cexp(-2.0 * I * M_PI * f * i / ROTOR_SIZE);
    }
    for (int i = 0; i < SIDE; i++) {
        double complex coarse = cexp(-2.0 * I * M_PI * f * i / SIDE);
        for (int k = 0; k < SIDE; k++) {
            table[i * SIDE + k] = (float complex)(coarse * fine[k]);
        }
    }
}

void rotor_ramp(float complex ramp[NUMEROLOGY_USED], double delay)
{
    /* Twelve runs of eleven carriers; none crosses the empty one in the middle. */
    float complex fine[RUN];
    double step = 2.0 * M_PI * delay / NUMEROLOGY_FFT;
    for (int i = 0; i < RUN; i++) {
        fine[i] = CMPLXF(cosf((float)(step * i)), sinf((float)(step * i)));
    }
    for (int u = 0; u < NUMEROLOGY_USED; u += RUN) {
        float angle = (float)remainder(delay * numerology_radians(u), 2.0 * M_PI);
        float complex coarse = CMPLXF(cosf(angle), sinf(angle));
        for (int i = 0; i < RUN; i++) {
            ramp[u + i] = coarse * fine[i];
        }
    }
}
