/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * interpolator: from the channel at the 12 pilots to the channel at all 132
 * carriers, for any delay profile within the prefix.
 *
 * Linear minimum-mean-square-error estimate (Edfors et al. 1998, section II, for pilots
 * apart from each other): with R the carriers' assumed correlation, P the mean
 * |h|^2 and v the variance of the pilots' errors,
 *
 *     h = P R_hp (P R_pp + v I)^-1 z,    error = P - mean diag(W P R_ph)
 *
 * The pilots are 330 kHz apart: delays longer than 3 us fold back.
 */
#ifndef CHEST_INTERPOLATOR_H
#define CHEST_INTERPOLATOR_H

#include "err.h"
#include "waveform/numerology.h"

typedef struct interpolator interpolator_t;

/* For a prefix of `cp` samples, delays counted from the FFT window's start. */
interpolator_t *interpolator_create(int cp, err_t *err);
void interpolator_destroy(interpolator_t *it); /* NULL is fine */

/* Solves for mean power `power` and pilot errors of variance `error`, both > 0; about 30 us. */
void interpolator_prepare(interpolator_t *it, double power, double error);

/* z[12] at the pilots -> h[132]. */
void interpolator_apply(const interpolator_t *it, const float complex z[NUMEROLOGY_PILOTS],
                        float complex h[NUMEROLOGY_USED]);

/* Error variance per carrier to be expected, mean over the carriers. */
double interpolator_error(const interpolator_t *it);

#endif
