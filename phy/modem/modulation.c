/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The nested formula of TS 38.211 section 5.1, one axis at a time. */
#include "modem/modulation.h"

#include "rng.h" /* CMPLXF */

#include <assert.h>
#include <math.h>
#include <strings.h>

static const struct {
    const char *name;
    int bits, axis_bits;
    float energy; /* of the points with odd coordinates */
} table[MODULATION_COUNT] = {
    {"BPSK", 1, 1, 1.0f},   {"QPSK", 2, 1, 2.0f},     {"16QAM", 4, 2, 10.0f},
    {"64QAM", 6, 3, 42.0f}, {"256QAM", 8, 4, 170.0f},
};

int modulation_bits(modulation_t modulation)
{
    assert(modulation >= 0 && modulation < MODULATION_COUNT);
    return table[modulation].bits;
}

const char *modulation_name(modulation_t modulation)
{
    assert(modulation >= 0 && modulation < MODULATION_COUNT);
    return table[modulation].name;
}

int modulation_find(const char *name)
{
    for (int m = 0; m < MODULATION_COUNT; m++) {
        if (strcasecmp(name, table[m].name) == 0) {
            return m;
        }
    }
    return -1;
}

int modulation_axis(modulation_t modulation, float *levels)
{
    assert(modulation >= 0 && modulation < MODULATION_COUNT);
    int bits = table[modulation].axis_bits;
    for (int label = 0; label < 1 << bits; label++) {
        int level = 0; /* from the last bit to the first: s (2^k - level) */
        for (int bit = 0; bit < bits; bit++) {
            level = (1 - 2 * (label >> bit & 1)) * ((1 << bit) - level);
        }
        levels[label] = (float)level / sqrtf(table[modulation].energy);
    }
    return bits;
}

void modulation_map(modulation_t modulation, const uint8_t *bits, size_t count,
                    float complex *symbols)
{
    float levels[1 << MODULATION_MAX_AXIS_BITS];
    int axis_bits = modulation_axis(modulation, levels);
    if (modulation == MODULATION_BPSK) {
        for (size_t i = 0; i < count; i++) {
            float part = levels[bits[i] & 1] * (float)M_SQRT1_2;
            symbols[i] = CMPLXF(part, part);
        }
        return;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned re = 0, im = 0;
        for (int bit = 0; bit < axis_bits; bit++, bits += 2) {
            re = re << 1 | (bits[0] & 1u);
            im = im << 1 | (bits[1] & 1u);
        }
        symbols[i] = CMPLXF(levels[re], levels[im]);
    }
}
