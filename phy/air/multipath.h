/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * multipath: the fading filter of one link, with the taps of a trajectory.h, and its
 * blocks: the echoes of what was sent before a block leave with the gains of then.
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
