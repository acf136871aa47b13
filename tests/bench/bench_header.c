/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header's code alone: fields to 2,400 points, and 4,800 soft bits at 3 dB
 * back to fields.  No peer: nobody else codes a header this low.
 */
#include "bench_phy.h"
#include "rng.h"
#include "waveform/header.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    frame_header_t header;
    float complex points[HEADER_SYMBOLS];
    float soft[HEADER_SOFT_BITS];
    unsigned long calls, right;
} coder_t;

static void *create(err_t *err)
{
    coder_t *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    rng_t rng;
    rng_seed(&rng, 10, 0);
    c->header = (frame_header_t){
        .images = 1, .width = 32, .height = 32, .rate = 1, .image_id = 123456, .symbols = 512};
    header_encode(&c->header, c->points);
    rng_complex_normal(&rng, 0.5f, (float complex *)c->soft, HEADER_SYMBOLS);
    for (int i = 0; i < HEADER_SYMBOLS; i++) {
        c->soft[2 * i] += crealf(c->points[i]);
        c->soft[2 * i + 1] += cimagf(c->points[i]);
    }
    return c;
}

static double encode(void *state)
{
    coder_t *c = state;
    header_encode(&c->header, c->points);
    return 1.0;
}

static double decode(void *state)
{
    coder_t *c = state;
    frame_header_t header;
    c->calls++;
    c->right += header_decode(c->soft, &header) && header.image_id == c->header.image_id;
    return 1.0;
}

static int verify(void *state, err_t *err)
{
    const coder_t *c = state;
    return c->right == c->calls
               ? 0
               : err_set(err, ERR_STATE, "%lu of %lu headers decoded", c->right, c->calls);
}

const bench_row_t bench_header_encode = {
    .name = "header_encode",
    .what = "header, fields to points",
    .unit = BENCH_US,
    .create = create,
    .destroy = free,
    .verify = verify,
    .ours = encode,
};

const bench_row_t bench_header_decode = {
    .name = "header_decode",
    .what = "header, soft bits to fields",
    .unit = BENCH_US,
    .create = create,
    .destroy = free,
    .verify = verify,
    .ours = decode,
};
