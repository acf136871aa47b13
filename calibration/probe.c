/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe.h"

#include "rng.h"

#include <math.h>
#include <string.h>

void probe_make_sync(float complex *x)
{
    rng_t rng;
    rng_seed(&rng, 2024, 3);
    const float level = PROBE_LEVEL_SYNC * (float)M_SQRT1_2;
    for (int i = 0; i < PROBE_SYNC; i++) {
        const uint32_t bits = rng_below(&rng, 4);
        x[i] = CMPLXF(bits & 1 ? level : -level, bits & 2 ? level : -level);
    }
}

void probe_make(float complex *x)
{
    memset(x, 0, PROBE_LENGTH * sizeof *x);
    probe_make_sync(x);
    /* Both frequencies repeat after 32 samples. */
    const size_t first = PROBE_SYNC + PROBE_GUARD;
    for (size_t i = first; i < first + PROBE_TONES; i++) {
        const double turn = 2.0 * M_PI * (double)(i % 32);
        x[i] = (float complex)(PROBE_LEVEL_A * cexp(I * PROBE_FREQ_A * turn) +
                               PROBE_LEVEL_B * cexp(I * PROBE_FREQ_B * turn));
    }
}
