/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fading: frequency responses for training and evaluating codecs without a waveform.
 *
 * Block Rayleigh fading with an exponential power-delay profile: tap l at delay
 * l*omega/4, power proportional to exp(-l/4), E|h|^2 = 1 on every sub-carrier.
 * Symbol k of a picture rides on data sub-carrier k mod 120, 30 kHz apart, and
 * sees h[k mod 120]; the whole picture sees one draw.
 */
#ifndef SEMANTIC_TRAIN_FADING_H
#define SEMANTIC_TRAIN_FADING_H

#include "rng.h"

enum { FADING_CARRIERS = 120 };

/* Draws h[120] with delay spread omega, seconds > 0. */
void fading_draw(rng_t *rng, double delay_spread_s, float complex *h);

#endif
