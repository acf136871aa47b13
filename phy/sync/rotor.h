/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rotor: the table exp(-2 pi i f n / 256), n = 0 … 255, that takes a carrier
 * offset of f sub-carriers off 256 samples.
 */
#ifndef SYNC_ROTOR_H
#define SYNC_ROTOR_H

#include <complex.h>

enum { ROTOR_SIZE = 256 };

void rotor_fill(float complex table[ROTOR_SIZE], double f);

#endif
