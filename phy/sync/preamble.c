/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The phases come from 400 random starts of the clip-and-project iteration
 * (Gerchberg and Saxton 1972; used on multitone signals by van der Ouderaa,
 * Schoukens and Renneboog 1988), rounded to 1/256 of a turn, kept where the
 * ambiguity was below 0.3 and the peak lowest.
 */
#include "sync/preamble.h"

#include <math.h>

const float preamble_sign[PREAMBLE_SEGMENTS] = {1.0f, 1.0f, -1.0f, 1.0f};

/* Phase of used carrier u in 1/256 of a turn. */
static const uint8_t phase[NUMEROLOGY_USED] = {
    25, 158, 198, 63, 230, 185, 167, 19, 251, 158, 98, 209, 30, 157, 8, 116,
    178, 149, 234, 239, 103, 73, 210, 189, 79, 105, 60, 170, 215, 168, 108, 228,
    231, 109, 47, 0, 189, 12, 65, 138, 189, 110, 181, 229, 4, 171, 122, 125,
    158, 66, 69, 175, 190, 131, 148, 123, 202, 43, 160, 100, 42, 173, 52, 76,
    160, 58, 209, 34, 149, 135, 59, 8, 113, 193, 222, 2, 227, 182, 179, 153,
    156, 148, 233, 53, 30, 7, 207, 203, 186, 52, 48, 83, 245, 107, 118, 141,
    233, 194, 247, 166, 50, 151, 178, 252, 155, 210, 186, 61, 146, 93, 48, 82,
    125, 2, 142, 252, 232, 2, 249, 221, 24, 137, 35, 181, 57, 210, 71, 79,
    57, 86, 28, 132,
};

void preamble_spectrum(float complex spectrum[NUMEROLOGY_USED])
{
    for (int u = 0; u < NUMEROLOGY_USED; u++) {
        double angle = 2.0 * M_PI * phase[u] / 256.0;
        spectrum[u] = CMPLXF((float)cos(angle), (float)sin(angle));
    }
}
