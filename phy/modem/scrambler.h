/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scrambler: the length-31 Gold sequence of 3GPP TS 38.211 section 5.2.1.  Coded bits
 * are XORed with it, so that no payload (all zeros, say) makes a row of equal points.
 */
#ifndef MODEM_SCRAMBLER_H
#define MODEM_SCRAMBLER_H

#include <stddef.h>
#include <stdint.h>

/* bits[count] of the sequence with that start value c_init, below 2^31. */
void scrambler_sequence(uint32_t c_init, uint8_t *bits, size_t count);

#endif
