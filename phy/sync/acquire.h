/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * acquire: decides whether a preamble starts here, and measures its carrier
 * offset and the position of its first path.
 */
#ifndef SYNC_ACQUIRE_H
#define SYNC_ACQUIRE_H

#include "err.h"
#include "waveform/numerology.h"

/* Samples that must be readable before and after the preamble's 1024. */
enum { ACQUIRE_MARGIN = 32 };

typedef struct acquire acquire_t;

/*
 * strength above 1: a preamble.  In noise of any spectrum, at any gain, steady
 * or not, that happens less than once in 10^9 samples (acquire.c).
 */
typedef struct {
    double strength; /* the better of the two statistics over its threshold */
    double metric;   /* part of the energy in our band that is the preamble, 0 … 1 */
    double cfo;      /* sub-carriers */
    int offset;      /* of the strongest path from x, within ACQUIRE_MARGIN */
} acquire_result_t;

acquire_t *acquire_create(err_t *err);
void acquire_destroy(acquire_t *a); /* NULL is fine */

/* x at the candidate, finite; cfo within 0.5 sub-carrier. */
acquire_result_t acquire_test(acquire_t *a, const float complex *x, double cfo);

/*
 * x at the strongest path, cfo as acquire_test found it: the offset, measured
 * as well as the preamble allows.
 */
double acquire_refine(acquire_t *a, const float complex *x, double cfo);

/*
 * Where to start counting time, relative to x (the strongest path), for a
 * cyclic prefix of `cp` samples: see timing.h.  In -ACQUIRE_MARGIN …
 * ACQUIRE_MARGIN.
 */
int acquire_timing(acquire_t *a, const float complex *x, double cfo, int cp);

#endif
