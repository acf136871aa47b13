/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * batches: training batches from one or two data sets, augmented.
 *
 * What step s of a run holds depends on the seed and s alone, so a resumed run
 * sees the pictures it would have seen.  Each epoch visits every picture of the
 * main set once in a fresh order (the last incomplete batch is left out); with
 * the probability `mix_share` a picture is replaced by a random one of the second set.
 */
#ifndef SEMANTIC_TRAIN_BATCHES_H
#define SEMANTIC_TRAIN_BATCHES_H

#include "err.h"
#include "images/dataset.h"

#include <stdbool.h>
#include <stdint.h>

enum { BATCHES_SIDE = 32 };

typedef struct {
    const char *main_spec; /* dataset_open's words; 32x32 pictures */
    const char *mix_spec;  /* or NULL */
    double mix_share;      /* 0 .. 1 */
    int batch;
    bool flip;     /* mirrored left-right with probability 1/2 */
    int crop_pad;  /* 0 .. 8: shifted by up to this many pixels, edges reflected */
    uint64_t seed;
} batches_options_t;

typedef struct batches batches_t;

batches_t *batches_create(const batches_options_t *options, err_t *err);
void batches_destroy(batches_t *batches); /* NULL is fine */

/* Steps of one epoch, >= 1. */
int64_t batches_per_epoch(const batches_t *batches);

/* Pictures of `step` as [batch][32][32][3] in 0 .. 1; classes as floats (labels may be NULL). */
void batches_fill(batches_t *batches, int64_t step, float *pictures, float *labels);

#endif
