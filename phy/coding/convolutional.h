/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * convolutional: the rate-1/3 code of constraint length 9 with generators
 * 557, 663, 711 (octal; 3GPP TS 25.212 section 4.2.3.1, free distance 18), and
 * its soft-decision Viterbi decoder.  Bits are bytes of 0 or 1.
 */
#ifndef CODING_CONVOLUTIONAL_H
#define CODING_CONVOLUTIONAL_H

#include <stddef.h>
#include <stdint.h>

enum {
    CONVOLUTIONAL_TAIL = 8, /* zero bits that end every block; the coder adds them */
    CONVOLUTIONAL_RATE = 3,
    CONVOLUTIONAL_MAX_BITS = 512,
};

/* bits[count] -> coded[3 * (count + 8)].  count <= CONVOLUTIONAL_MAX_BITS. */
void convolutional_encode(const uint8_t *bits, size_t count, uint8_t *coded);

/*
 * soft[3 * (count + 8)], each -127 … 127, positive for a 1 -> bits[count], the
 * most likely ones.
 */
void convolutional_decode(const int8_t *soft, size_t count, uint8_t *bits);

#endif
