/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * segments: the channel's impulse response as each of the preamble's four
 * segments shows it.
 *
 *     r_m(d) = sign_m sum_k X_m(k) conj(P(k)) exp(2 pi i k d / 256)
 *
 * X_m: the FFT of samples 256 m … 256 m + 255, impulses clipped, the carrier
 * offset taken off (counted from x[0]); P: the preamble's carriers.
 */
#ifndef SYNC_SEGMENTS_H
#define SYNC_SEGMENTS_H

#include "err.h"
#include "sync/preamble.h"

#include <stdbool.h>

typedef struct segments segments_t;

segments_t *segments_create(err_t *err);
void segments_destroy(segments_t *s); /* NULL is fine */

/*
 * x[1024], finite; cfo in sub-carriers.  `level`: every segment and each of 12
 * sub-bands of 11 carriers is brought to the same energy, 528 together, so
 * that noise of any spectrum or gain gives E|sum_m r_m(d)|^2 = 528.
 */
void segments_take(segments_t *s, const float complex *x, double cfo, bool level);

/* r_m(d), m = 0 … 3, for d = -128 … 127. */
void segments_at(const segments_t *s, int d, float complex r[PREAMBLE_SEGMENTS]);

/*
 * Power of the segments' mean response at d = 0 … 255 (negative delays at the
 * end), after segments_take with the offset known.  The band's edges are tapered,
 * so that a path is not felt far away: with the sine it is 3 samples wide to either
 * side and leaves 10^-3 of its energy beyond, with the sine's square (Hann) 4
 * and 10^-5.
 */
typedef enum { SEGMENTS_SINE = 0, SEGMENTS_HANN } segments_taper_t;
void segments_profile(segments_t *s, segments_taper_t taper, float power[PREAMBLE_SEGMENT]);

#endif
