/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sixteen times sixteen: 32 sines and cosines, and one product per entry, in double. */
#include "sync/rotor.h"

#include <math.h>

enum { SIDE = 16 };

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
