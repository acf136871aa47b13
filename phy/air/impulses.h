/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * impulses: Bernoulli-Gaussian noise (Ghosh, "Analysis of the effect of impulse noise
 * on multicarrier and single carrier QAM systems", 1996): each sample is hit
 * with a fixed probability, by a circular Gaussian value.
 */
#ifndef AIR_IMPULSES_H
#define AIR_IMPULSES_H

#include "rng.h"

typedef struct {
    rng_t rng;
    double log_miss; /* ln(1 - probability) */
    float power;
    uint64_t wait; /* samples before the next one */
} impulses_t;

/* probability per sample: above 0, up to 1.  power: E|impulse|^2. */
void impulses_init(impulses_t *p, double probability, double power, uint64_t seed,
                   uint64_t stream);
void impulses_add(impulses_t *p, float complex *samples, size_t count);

#endif
