/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "waveform/symbols.h"

#include <math.h>

enum { SIGN_PERIOD = 127 };

void symbols_known(int which, float complex used[NUMEROLOGY_USED])
{
    /* Length 132 is even: exp(i pi r u^2 / 132) with r coprime to 132 (Chu 1972). */
    unsigned root = which == 0 ? 5 : 61;
    for (unsigned u = 0; u < NUMEROLOGY_USED; u++) {
        unsigned turns = root * u * u % (2 * NUMEROLOGY_USED);
        double angle = M_PI * turns / NUMEROLOGY_USED;
        used[u] = CMPLXF((float)cos(angle), (float)sin(angle));
    }
}

static float complex quadrant(unsigned which)
{
    float a = (float)M_SQRT1_2;
    return CMPLXF(which & 1 ? -a : a, which & 2 ? -a : a);
}

void symbols_pilots(float complex pilots[NUMEROLOGY_PILOTS])
{
    static const uint8_t which[NUMEROLOGY_PILOTS] = {0, 1, 3, 0, 2, 2, 1, 0, 0, 3, 1, 2};
    for (int p = 0; p < NUMEROLOGY_PILOTS; p++) {
        pilots[p] = quadrant(which[p]);
    }
}

float symbols_pilot_sign(size_t t)
{
    /* The sequence of x^7 + x^4 + 1 from all ones, as in IEEE 802.11. */
    static const uint8_t bits[(SIGN_PERIOD + 7) / 8] = {
        0x70, 0x4f, 0x93, 0x40, 0x64, 0x74, 0x6d, 0x30, 0x2b, 0xe7, 0x2d, 0x54, 0x5f, 0x8a, 0x1d, 0x7f};
    size_t i = t % SIGN_PERIOD;
    return bits[i / 8] >> (i % 8) & 1 ? -1.0f : 1.0f;
}

float complex symbols_filler(int d)
{
    return quadrant((unsigned)(d * 7 + d * d * 3) >> 1);
}
