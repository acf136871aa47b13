/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * noise: circular complex Gaussian noise, fast and reproducible.
 *
 * The sequence depends on seed and stream only, not on the block sizes nor on
 * the machine's vector width.
 */
#ifndef AIR_NOISE_H
#define AIR_NOISE_H

#include "air/kernel.h"

#include <complex.h>

#define NOISE_ROUNDS 16
#define NOISE_BATCH (32 * NOISE_ROUNDS) /* floats made at a time */

typedef struct {
    kernel_rng_t rng;
    const kernel_t *kernel;
    size_t used; /* floats of `batch` already given away */
    _Alignas(64) float batch[NOISE_BATCH];
} noise_t;

/* Starts the sequence of (seed, stream). */
void noise_seed(noise_t *noise, uint64_t seed, uint64_t stream);

/* samples[count] += noise with E|.|^2 = variance. */
void noise_add(noise_t *noise, float variance, float complex *samples, size_t count);

/* out[count]: the same sequence's next values, standard normal. */
void noise_normal(noise_t *noise, float *out, size_t count);

#endif
