/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * modulation: bits to points, Gray-mapped, unit mean energy, as 3GPP TS 38.211
 * section 5.1 has it.  Square QAM is two real axes: bits 0, 2, 4 … of a symbol
 * choose the real part, bits 1, 3, 5 … the imaginary part, the first bit of each
 * its sign.  BPSK lies on the diagonal: +-(1 + i)/sqrt 2.  Bits are bytes of 0 or 1.
 */
#ifndef MODEM_MODULATION_H
#define MODEM_MODULATION_H

#include <complex.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    MODULATION_BPSK,
    MODULATION_QPSK,
    MODULATION_QAM16,
    MODULATION_QAM64,
    MODULATION_QAM256,
    MODULATION_COUNT,
} modulation_t;

enum { MODULATION_MAX_BITS = 8, MODULATION_MAX_AXIS_BITS = 4 };

/* 1, 2, 4, 6 or 8 bits a symbol. */
int modulation_bits(modulation_t modulation);

/* "BPSK", "QPSK", "16QAM", "64QAM", "256QAM". */
const char *modulation_name(modulation_t modulation);

/* The modulation of that name, letters of either case; -1 when there is none. */
int modulation_find(const char *name);

/*
 * One axis: levels[2^axis_bits] by the axis's bits as a number, first bit highest.
 * Returns axis_bits: 1, 1, 2, 3, 4.  BPSK's one axis is the diagonal, levels +-1.
 */
int modulation_axis(modulation_t modulation, float *levels);

/* bits[modulation_bits * count] -> symbols[count]. */
void modulation_map(modulation_t modulation, const uint8_t *bits, size_t count,
                    float complex *symbols);

#endif
