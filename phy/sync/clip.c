/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The block's power is looked at in 16 parts of 16 samples.  Where the
 * strongest part exceeds six times the weakest (seldom in Gaussian noise: their
 * powers follow the gamma law of 16 degrees), the median part tells the level, which
 * impulses in up to seven parts or a burst of 112 samples cannot move, and
 * every sample is limited to 12 times that (noise passes it once in 160,000
 * samples).
 *
 * Limiting, not blanking: a frame that begins in the block's second half looks
 * like a burst as well.  The preamble's envelope is nearly constant, so that
 * limiting costs it strength and nothing else.
 */
#include "sync/clip.h"

#include <math.h>
#include <string.h>

enum { PARTS = 16, PART = CLIP_BLOCK / PARTS };

#define SUSPECT 6.0f
#define CREST   12.0f

/* Energy of the 16 parts, added in the same order on every machine. */
static void measure(const float complex *x, float part[PARTS])
{
    const float *at = (const float *)x;
    float half[PARTS][PART], quarter[PARTS][PART / 2];
    for (int i = 0; i < PARTS; i++) {
        for (int l = 0; l < PART; l++) {
            float low = at[2 * PART * i + l], high = at[2 * PART * i + PART + l];
            half[i][l] = low * low + high * high;
        }
    }
    for (int i = 0; i < PARTS; i++) {
        for (int l = 0; l < PART / 2; l++) {
            quarter[i][l] = half[i][l] + half[i][l + PART / 2];
        }
    }
    for (int i = 0; i < PARTS; i++) {
        const float *q = quarter[i];
        part[i] = ((q[0] + q[4]) + (q[1] + q[5])) + ((q[2] + q[6]) + (q[3] + q[7]));
    }
}

static void gather(const float part[PARTS], float energy[CLIP_GROUPS])
{
    for (int g = 0; g < CLIP_GROUPS; g++) {
        const float *of = part + g * (PARTS / CLIP_GROUPS);
        energy[g] = (of[0] + of[1]) + (of[2] + of[3]);
    }
}

static float median(const float part[PARTS])
{
    float sorted[PARTS];
    for (int i = 0; i < PARTS; i++) {
        int k = i;
        for (; k > 0 && sorted[k - 1] > part[i]; k--) {
            sorted[k] = sorted[k - 1];
        }
        sorted[k] = part[i];
    }
    return 0.5f * (sorted[PARTS / 2 - 1] + sorted[PARTS / 2]);
}

static void limit(const float complex *x, float complex *y, float most)
{
    for (int n = 0; n < CLIP_BLOCK; n++) {
        float power = crealf(x[n]) * crealf(x[n]) + cimagf(x[n]) * cimagf(x[n]);
        y[n] = power > most ? x[n] * sqrtf(most / power) : x[n];
    }
}

void clip_block(const float complex *x, float complex *y, float energy[CLIP_GROUPS])
{
    float part[PARTS];
    measure(x, part);
    gather(part, energy);
    float most = part[0], least = part[0];
    for (int i = 1; i < PARTS; i++) {
        most = part[i] > most ? part[i] : most;
        least = part[i] < least ? part[i] : least;
    }
    if (most > SUSPECT * least) {
        limit(x, y, CREST / PART * median(part));
        measure(y, part);
        gather(part, energy);
    } else if (y != x) {
        memcpy(y, x, CLIP_BLOCK * sizeof(*y));
    }
}
