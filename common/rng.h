/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rng: reproducible random numbers (xoshiro256++ of Blackman and Vigna, seeded
 * through SplitMix64).  The same seed and stream give the same sequence on
 * every machine.  Not for keys.
 *
 * A stream number separates independent uses under one seed: one for the
 * fading, one for the noise, one per worker.  One rng_t per thread.
 */
#ifndef COMMON_RNG_H
#define COMMON_RNG_H

#include "cmplx.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t state[4];
} rng_t;

/* Starts the sequence of (seed, stream). */
void rng_seed(rng_t *rng, uint64_t seed, uint64_t stream);

/* 64 uniform bits. */
uint64_t rng_bits(rng_t *rng);

/* Uniform in [0, 1), 24 bits of resolution. */
float rng_uniform(rng_t *rng);

/* Uniform integer in [0, bound), bound >= 1, without modulo bias. */
uint32_t rng_below(rng_t *rng, uint32_t bound);

/* out[count]: independent standard normal values (mean 0, variance 1). */
void rng_normal(rng_t *rng, float *out, size_t count);

/*
 * out[count]: circular complex normal values, E|x|^2 = variance (half of it on
 * each axis).  `variance` >= 0.
 */
void rng_complex_normal(rng_t *rng, float variance, float complex *out, size_t count);

#endif
