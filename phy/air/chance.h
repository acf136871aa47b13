/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chance: waiting times of independent events. */
#ifndef AIR_CHANCE_H
#define AIR_CHANCE_H

#include "rng.h"

#include <math.h>

/* How often an event of probability 1 - exp(log_miss) fails before it comes; log_miss < 0. */
static inline uint64_t chance_geometric(rng_t *rng, double log_miss)
{
    const double u = ((double)(rng_bits(rng) >> 11) + 0.5) * 0x1p-53; /* in (0, 1) */
    const double wait = log(u) / log_miss;
    return wait < 0x1p62 ? (uint64_t)wait : UINT64_C(1) << 62;
}

#endif
