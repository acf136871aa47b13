/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Eight xoshiro256++ streams, each seeded through common/rng under a stream
 * number of its own (the caller's shifted up by three bits).
 */
#include "air/noise.h"

#include "rng.h"

#include <math.h>
#include <string.h>

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

/* The next values of the batch, at most `count`; *n says how many. */
static const float *take(noise_t *noise, size_t count, size_t *n)
{
    if (noise->used == NOISE_BATCH) {
        noise->kernel->normal(&noise->rng, noise->batch, NOISE_ROUNDS);
        noise->used = 0;
    }
    const size_t ready = NOISE_BATCH - noise->used;
    const float *from = noise->batch + noise->used;
    *n = count < ready ? count : ready;
    noise->used += *n;
    return from;
}

void noise_add(noise_t *noise, float variance, float complex *samples, size_t count)
{
    const float scale = sqrtf(0.5f * variance);
    float *out = (float *)samples;
    size_t n;
    for (size_t left = 2 * count; left > 0; left -= n, out += n) {
        const float *from = take(noise, left, &n);
        for (size_t i = 0; i < n; i++) {
            out[i] += scale * from[i];
        }
    }
}

void noise_normal(noise_t *noise, float *out, size_t count)
{
    size_t n;
    for (size_t left = count; left > 0; left -= n, out += n) {
        const float *from = take(noise, left, &n);
        memcpy(out, from, n * sizeof *out);
    }
}
