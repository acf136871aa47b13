/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Eight xoshiro256++ streams, each seeded through common/rng under a stream
 * number of its own (the caller's shifted up by three bits).
 */
#include "air/noise.h"

#include "rng.h"

#include <math.h>

void noise_seed(noise_t *noise, uint64_t seed, uint64_t stream)
{
    for (unsigned j = 0; j < 8; j++) {
        rng_t lane;
        rng_seed(&lane, seed, stream * 8 + j);
        for (int i = 0; i < 4; i++) {
            noise->rng.state[i][j] = lane.state[i];
        }
    }
    noise->kernel = kernel_best();
    noise->used = NOISE_BATCH;
}

void noise_add(noise_t *noise, float variance, float complex *samples, size_t count)
{
    const float scale = sqrtf(0.5f * variance);
    float *out = (float *)samples;
    size_t left = 2 * count;
    while (left > 0) {
        if (noise->used == NOISE_BATCH) {
            noise->kernel->normal(&noise->rng, noise->batch, NOISE_ROUNDS);
            noise->used = 0;
        }
        const size_t ready = NOISE_BATCH - noise->used;
        const size_t n = left < ready ? left : ready;
        const float *from = noise->batch + noise->used;
        for (size_t i = 0; i < n; i++) {
            out[i] += scale * from[i];
        }
        noise->used += n;
        out += n;
        left -= n;
    }
}
