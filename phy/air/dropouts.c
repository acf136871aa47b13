/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "air/dropouts.h"

#include "air/chance.h"

#include <math.h>
#include <string.h>

void dropouts_init(dropouts_t *d, double rate, double length, uint64_t seed, uint64_t stream)
{
    rng_seed(&d->rng, seed, stream);
    const double kept = fmax(1.0, length * (1.0 - rate) / rate); /* the mean run between gaps */
    d->log_stay[0] = log1p(-1.0 / kept);
    d->log_stay[1] = log1p(-1.0 / length);
    d->lost = false;
    d->left = 1 + chance_geometric(&d->rng, d->log_stay[0]);
}

void dropouts_process(dropouts_t *d, float complex *samples, size_t count)
{
    while (count > 0) {
        const size_t n = d->left < count ? (size_t)d->left : count;
        if (d->lost) {
            memset(samples, 0, n * sizeof *samples);
        }
        samples += n;
        count -= n;
        d->left -= n;
        if (d->left == 0) {
            d->lost = !d->lost;
            d->left = 1 + chance_geometric(&d->rng, d->log_stay[d->lost]);
        }
    }
}
