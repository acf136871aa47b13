/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * smoother: turns a least-squares channel estimate into a better one by what
 * is known beforehand: the paths' delays lie within the cyclic prefix.
 *
 * Linear minimum-mean-square-error estimate for an assumed delay profile, in
 * the low-rank form of Edfors, Sandell, van de Beek, Wilson and Boerjesson
 * (IEEE Trans. Commun. 46(7), 1998): with R = U L U^H the assumed correlation
 * of the 132 carriers, h = U diag(l P / (l P + v)) U^H h_ls, P the mean
 * |h|^2 and v the noise of h_ls per carrier.  Unlike cutting a 256-point
 * inverse FFT, this knows that only 132 carriers were seen: no edge leakage.
 */
#ifndef CHEST_SMOOTHER_H
#define CHEST_SMOOTHER_H

#include "err.h"
#include "waveform/numerology.h"

typedef struct smoother smoother_t;

/* For a prefix of `cp` samples, delays counted from the FFT window's start. */
smoother_t *smoother_create(int cp, err_t *err);
void smoother_destroy(smoother_t *s); /* NULL is fine */

/* Dimensions of the subspace that channels are assumed to lie in. */
int smoother_rank(const smoother_t *s);

/* Energy of h outside that subspace; noise of variance v gives v * (132 - rank) on average. */
double smoother_residual(const smoother_t *s, const float complex *h);

/*
 * h_ls[132] with noise variance `noise` per carrier and mean power `power` ->
 * h[132] (may be the same array).  Returns the error variance per carrier
 * that is to be expected, at most `noise`.
 */
double smoother_apply(const smoother_t *s, const float complex *h_ls, double power, double noise,
                      float complex *h);

#endif
