/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * x1: x^31 + x^3 + 1 from state 1; x2: x^31 + x^3 + x^2 + x + 1 from state c_init; the
 * first 1600 steps are dropped.  Bit i of a state is x(n + i).
 */
#include "modem/scrambler.h"

enum { DROPPED = 1600 };

void scrambler_sequence(uint32_t c_init, uint8_t *bits, size_t count)
{
    uint32_t x1 = 1, x2 = c_init & 0x7fffffff;
    for (size_t n = 0; n < DROPPED + count; n++) {
        if (n >= DROPPED) {
            bits[n - DROPPED] = (uint8_t)((x1 ^ x2) & 1);
        }
        uint32_t new1 = (x1 >> 3 ^ x1) & 1, new2 = (x2 >> 3 ^ x2 >> 2 ^ x2 >> 1 ^ x2) & 1;
        x1 = x1 >> 1 | new1 << 30;
        x2 = x2 >> 1 | new2 << 30;
    }
}
