/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * multipath: the fading filter of one link.  Its taps are real mixtures of the
 * gains of independent paths,
 *     h[k](t) = sum over p of W[p][k] g_p(t),
 * with W made once from the model's profile, and g from a Gaussian draw a block,
 * from Doppler oscillators, or from a recording.
 *
 * Moving taps are exact at knots.  A cubic through four knots gives them up to seven
 * times between two, and from there to there they are linear.  The distances are
 * such (2 pi f_D / rate times them at most 0.224 and 0.028) that the rms error stays
 * below -80 dB up to f_D = rate / 3000; at the largest, rate / 1000, below -60 dB.
 */
#ifndef AIR_MULTIPATH_H
#define AIR_MULTIPATH_H

#include "air/air.h"

enum { MULTIPATH_CHUNK = 512 }; /* samples at a time: all buffers stay in the first cache */

typedef struct multipath multipath_t;

/* Any model but none and awgn.  The configuration has been checked; more may be wrong with
   delays (ERR_ARGUMENT) and the recording. */
multipath_t *multipath_create(const air_config_t *config, err_t *err);
void multipath_destroy(multipath_t *m);

/* Empty, and the first block of another seed. */
void multipath_reset(multipath_t *m, uint64_t seed);

/* A new draw for what follows; the echoes of what was sent leave with the old one. */
void multipath_begin_block(multipath_t *m);

/* in (NULL: silence) -> out, count <= MULTIPATH_CHUNK; in may be out. */
void multipath_process(multipath_t *m, const float complex *in, float complex *out, size_t count);

/* The taps h[multipath_taps] at sample `at` of the block. */
void multipath_taps_at(const multipath_t *m, double at, double complex *h);

bool multipath_is_moving(const multipath_t *m);
size_t multipath_taps(const multipath_t *m);
size_t multipath_delay(const multipath_t *m);
double multipath_truncated(const multipath_t *m);

#endif
