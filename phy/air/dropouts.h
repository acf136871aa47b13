/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dropouts: bursts of lost samples, which read as zeros (Gilbert, "Capacity of a
 * burst-noise channel", 1960): the lengths of gaps and of what is between them
 * are geometric.
 */
#ifndef AIR_DROPOUTS_H
#define AIR_DROPOUTS_H

#include "rng.h"

#include <stdbool.h>

typedef struct {
    rng_t rng;
    double log_stay[2]; /* ln of the probability that the next sample fares as this one: kept, lost */
    bool lost;
    uint64_t left; /* samples of the present run */
} dropouts_t;

/* rate: share of samples lost, 0 < rate <= 0.9; length: of a gap, mean, >= 1. */
void dropouts_init(dropouts_t *d, double rate, double length, uint64_t seed, uint64_t stream);
void dropouts_process(dropouts_t *d, float complex *samples, size_t count);

#endif
