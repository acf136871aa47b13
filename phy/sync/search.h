/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * search: looks for preambles in a stream, cheaply; acquire.h then tests each hit.
 *
 * A matched filter for one preamble segment at a few carrier offsets (FFT,
 * overlap-save), its power summed over the four segments without their phases
 * and over neighbouring delays, compared with the energy of the same samples:
 * independent of gain.  Impulses are clipped first (clip.h).
 *
 * The stream comes in steps of SEARCH_STEP samples: search_step sees
 * SEARCH_SPAN samples from the present position and then moves on by
 * SEARCH_STEP.  A step judges the candidates that lie SEARCH_BACK before its
 * position up to SEARCH_STEP - SEARCH_BACK after it; the first step after
 * search_restart starts at its position.
 */
#ifndef SYNC_SEARCH_H
#define SYNC_SEARCH_H

#include "err.h"
#include "waveform/numerology.h"

#include <stdbool.h>

enum {
    SEARCH_SPAN = 2048,
    SEARCH_STEP = SEARCH_SPAN - 256,
    SEARCH_BACK = 832,
    SEARCH_GROUP = 64,
    SEARCH_MAX_HITS = 6,
};

typedef struct search search_t;

typedef struct {
    int offset;  /* where a path may begin, from the step's position; may be < 0 */
    double cfo;  /* nearest offset tried, sub-carriers */
    float ratio; /* rank: statistic over the gate's threshold for four segments as strong as the
                    strongest */
} search_hit_t;

/* Offsets within +- range sub-carriers, 0.25 … 2. */
search_t *search_create(double range, err_t *err);
void search_destroy(search_t *s); /* NULL is fine */
void search_restart(search_t *s);

/*
 * x[SEARCH_SPAN], finite -> hits in rising order, at most one per group of 64
 * candidates, and the strongest SEARCH_MAX_HITS of them, so that no signal makes
 * acquire.h's test run all the time; returns how many.  A path lies 0 … 3 samples
 * after the hit's offset, or the first of many within 8 of it.
 */
int search_step(search_t *s, const float complex *x, search_hit_t hits[SEARCH_MAX_HITS]);

#endif
