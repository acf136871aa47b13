/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crops: training batches of square cuts from photos of any size.
 *
 * Crop i of step s depends on the seed, s and i alone: a photo (all alike likely), with
 * probability 1/5 at half its size (more detail per pixel), a place, a mirror image or not.
 * Photos are held in memory; those whose shorter side has 2 x CROPS_SHORT_SIDE pixels or more are
 * reduced by a whole number first (a camera's full resolution is smooth and large).  Reducing
 * is the mean over r x r pixels.
 */
#ifndef SEMANTIC_TRAIN_CROPS_H
#define SEMANTIC_TRAIN_CROPS_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CROPS_SHORT_SIDE = 640, CROPS_BATCH_MAX = 4096 };

typedef struct {
    const char *spec; /* dataset_open's words */
    int side;         /* pixels of a crop; photos smaller than this are an error */
    bool flip;        /* mirrored left-right with probability 1/2 */
    uint64_t seed;
} crops_options_t;

typedef struct crops crops_t;

crops_t *crops_create(const crops_options_t *options, err_t *err);
void crops_destroy(crops_t *crops); /* NULL is fine */

size_t crops_photos(const crops_t *crops);

/* Crops [first, first + count) of the batch of `step` as [count][side][side][3] in 0 .. 1.
   Any number of threads at once. */
void crops_fill(const crops_t *crops, int64_t step, int first, int count, float *out);

#endif
