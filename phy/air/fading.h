/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fading: draws of an exponential power-delay profile as filter taps.
 *
 * The channel h(t) = integral of g(tau) w(t - delay - tau) dtau, with white
 * circular Gaussian g of power P(tau) = exp(-tau / spread) / spread and the
 * interpolation kernel w, has taps h[k] that are jointly circular Gaussian with
 *     R[k, k'] = integral of P(tau) w(k - delay - tau) w(k' - delay - tau) dtau.
 * A draw is F g with R = F F' and g of iid CN(0, 1) values: no discrete paths
 * are chosen, and the statistics are the profile's.
 */
#ifndef AIR_FADING_H
#define AIR_FADING_H

#include <stddef.h>

#define FADING_MAX_TAPS 64
#define FADING_MAX_SPREAD 8.0 /* samples */
#define FADING_KERNEL 8       /* taps of the interpolation kernel (interpolation.h) */

typedef struct {
    size_t taps;      /* 1 (flat), or a multiple of 8 */
    size_t rank;      /* columns of F */
    size_t delay;     /* the tap of an echo at tau = 0 */
    double truncated; /* the profile's energy beyond the last tap */
    float factor[FADING_MAX_TAPS][FADING_MAX_TAPS]; /* F[tap][column] */
} fading_t;

/* spread: rms delay spread in samples, 0 … FADING_MAX_SPREAD.  E|H(0)|^2 = 1. */
void fading_init(fading_t *fading, double spread);

#endif
