/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xoshiro256++ 1.0 (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 2021) and the Box-Muller transform.
 */
#include "rng.h"

#include <assert.h>
#include <math.h>

static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void rng_seed(rng_t *rng, uint64_t seed, uint64_t stream)
{
    uint64_t mix = stream;
    uint64_t start = seed ^ split_mix(&mix);
    for (int i = 0; i < 4; i++) {
        rng->state[i] = split_mix(&start);
    }
}

static inline uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t rng_bits(rng_t *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rotate_left(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

float rng_uniform(rng_t *rng)
{
    return (float)(rng_bits(rng) >> 40) * 0x1p-24f;
}

uint32_t rng_below(rng_t *rng, uint32_t bound)
{
    assert(bound >= 1);
    /* Lemire's multiplication with rejection of the short remainder. */
    uint32_t threshold = (0u - bound) % bound;
    for (;;) {
        uint64_t product = (rng_bits(rng) >> 32) * bound;
        if ((uint32_t)product >= threshold) {
            return (uint32_t)(product >> 32);
        }
    }
}

/* Two independent standard normal values from 64 bits. */
static inline void box_muller(rng_t *rng, float *a, float *b)
{
    uint64_t bits = rng_bits(rng);
    /* (0, 1]: the logarithm never sees zero; 32 bits reach beyond 6.6 sigma. */
    float u = ((float)(bits >> 32) + 1.0f) * 0x1p-32f;
    float angle = (float)((bits >> 8) & 0xffffff) * (0x1p-24f * 6.28318530718f);
    float radius = sqrtf(-2.0f * logf(fminf(u, 1.0f)));
    *a = radius * cosf(angle);
    *b = radius * sinf(angle);
}

void rng_normal(rng_t *rng, float *out, size_t count)
{
    size_t i = 0;
    for (; i + 1 < count; i += 2) {
        box_muller(rng, &out[i], &out[i + 1]);
    }
    if (i < count) {
        float spare;
        box_muller(rng, &out[i], &spare);
    }
}

void rng_complex_normal(rng_t *rng, float variance, float complex *out, size_t count)
{
    float scale = sqrtf(0.5f * variance);
    for (size_t i = 0; i < count; i++) {
        float re, im;
        box_muller(rng, &re, &im);
        out[i] = CMPLXF(scale * re, scale * im);
    }
}
