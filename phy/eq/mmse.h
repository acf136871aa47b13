/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mmse: one complex weight per carrier.  With y = h s + w, E|s|^2 = 1,
 *
 *     s_hat = h* y / (|h|^2 + n0),    E|s_hat - s|^2 = n0 / (|h|^2 + n0)
 *
 * the linear estimate of least mean square error.  It is biased towards zero
 * by |h|^2 / (|h|^2 + n0); divide by 1 - noise_var for the unbiased one.
 */
#ifndef EQ_MMSE_H
#define EQ_MMSE_H

#include <complex.h>

/* h[count], n0 >= 0 -> weight[count] and noise_var[count], in [0, 1]. */
void mmse_weights(const float complex *h, double n0, int count, float complex *weight,
                  float *noise_var);

/* out = turn * weight * y, element by element. */
void mmse_apply(const float complex *weight, float complex turn, const float complex *y, int count,
                float complex *out);

#endif
