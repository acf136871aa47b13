/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * delay: the root-mean-square delay spread of a channel, from its 132 carriers.
 * The band's own width is taken off; what is left below about half a sample is
 * not seen, and noise of the estimate adds to it.
 */
#ifndef WAVEFORM_DELAY_H
#define WAVEFORM_DELAY_H

#include "err.h"
#include "waveform/numerology.h"

typedef struct delay delay_t;

delay_t *delay_create(err_t *err);
void delay_destroy(delay_t *d); /* NULL is fine */

/* In samples. */
double delay_spread(delay_t *d, const float complex h[NUMEROLOGY_USED]);

#endif
