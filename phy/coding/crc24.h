/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crc24: CRC24A of 3GPP TS 38.212 section 5.1, generator 0x864cfb, start 0, most
 * significant bit first.  An undetected error passes with probability 6e-8.
 */
#ifndef CODING_CRC24_H
#define CODING_CRC24_H

#include <stddef.h>
#include <stdint.h>

/* Of bytes[count]; 24 bits. */
uint32_t crc24(const uint8_t *bytes, size_t count);

#endif
