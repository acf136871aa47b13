/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The waits between impulses are geometric: one logarithm an impulse, nothing a sample. */
#include "air/impulses.h"

#include "air/chance.h"

#include <math.h>

void impulses_init(impulses_t *p, double probability, double power, uint64_t seed, uint64_t stream)
{
    rng_seed(&p->rng, seed, stream);
    p->log_miss = log1p(-probability);
    p->power = (float)power;
    p->wait = chance_geometric(&p->rng, p->log_miss);
}

void impulses_add(impulses_t *p, float complex *samples, size_t count)
{
    while (p->wait < count) {
        float complex impulse;
        rng_complex_normal(&p->rng, p->power, &impulse, 1);
        samples[p->wait] += impulse;
        samples += p->wait + 1;
        count -= p->wait + 1;
        p->wait = chance_geometric(&p->rng, p->log_miss);
    }
    p->wait -= count;
}
