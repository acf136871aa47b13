/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The equaliser's multiplication for one symbol's 120 points, in the first-level
 * cache, beside liquid's plain product of two vectors (which turns no phase).
 */
#include "bench_phy.h"
#include "eq/mmse.h"
#include "rng.h"
#include "waveform/numerology.h"

#include <liquid/liquid.h>
#include <stdlib.h>

enum { POINTS = NUMEROLOGY_DATA, REPEAT = 256 };

typedef struct {
    float complex weight[POINTS], y[POINTS], out[POINTS];
} equaliser_t;

static void *create(err_t *err)
{
    equaliser_t *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    rng_t rng;
    rng_seed(&rng, 9, 0);
    rng_complex_normal(&rng, 1.0f, e->weight, POINTS);
    rng_complex_normal(&rng, 1.0f, e->y, POINTS);
    return e;
}

static double ours(void *state)
{
    equaliser_t *e = state;
    for (int i = 0; i < REPEAT; i++) {
        mmse_apply(e->weight, 1.0f, e->y, POINTS, e->out);
    }
    return REPEAT * (double)POINTS;
}

static double peer(void *state)
{
    equaliser_t *e = state;
    for (int i = 0; i < REPEAT; i++) {
        liquid_vectorcf_mul(e->weight, e->y, POINTS, e->out);
    }
    return REPEAT * (double)POINTS;
}

const bench_row_t bench_mmse = {
    .name = "mmse",
    .what = "equaliser weights applied, millions of points in a second",
    .unit = BENCH_MS,
    .peer_name = "liquid vectorcf_mul",
    .create = create,
    .destroy = free,
    .ours = ours,
    .peer = peer,
};
