/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * batches: training batches from one or two data sets, augmented.
 *
 * What step s of a run holds depends on the seed and s alone (not on threads), so a resumed run
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

enum { BATCHES_SIDE = 32, BATCHES_PICTURES_MAX = 4096 /* of one batch */ };

typedef struct {
    const char *main_spec; /* dataset_open's words; 32x32 pictures */
    const char *mix_spec;  /* or NULL */
    double mix_share;      /* 0 .. 1 */
    int batch;
    bool flip;    /* mirrored left-right with probability 1/2 */
    int crop_pad; /* 0 .. 8: shifted by up to this many pixels, edges reflected */
    uint64_t seed;
} batches_options_t;

typedef struct batches batches_t;

batches_t *batches_create(const batches_options_t *options, err_t *err);
void batches_destroy(batches_t *batches); /* NULL is fine */

/* Steps of one epoch, >= 1. */
int64_t batches_per_epoch(const batches_t *batches);

/* Call before the batches_fill of a step, from one thread: shuffles when an epoch begins. */
void batches_begin(batches_t *batches, int64_t step);

/*
 * Pictures [first, first + count) of the batch of `step` as [count][32][32][3] in 0 .. 1, and
 * their classes as floats (labels may be NULL).  Any number of threads at once.
 */
void batches_fill(const batches_t *batches, int64_t step, int first, int count, float *pictures,
                  float *labels);

/*
 * Which picture of the main set, and whether mirrored, each of those pictures is: 2 * index +
 * mirrored, or -1 for one of the second set.
 */
void batches_views(const batches_t *batches, int64_t step, int first, int count, int64_t *views);

size_t batches_count(const batches_t *batches);            /* pictures of the main set */
int batches_label(const batches_t *batches, size_t index); /* of the main set's picture */

#endif
