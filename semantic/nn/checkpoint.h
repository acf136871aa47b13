/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * checkpoint: everything a training run needs to go on as if it had not stopped:
 * weights, running statistics, the optimiser's moments, average and step,
 * random generators, and the trainer's own counters.  Resuming gives bit for
 * bit the run that was not interrupted, at the same thread count.
 *
 * The file is a safetensors file: weights under their own names, moments as
 * `optimizer.m.NAME`, `optimizer.v.NAME`, the average as `optimizer.ema.NAME`,
 * the rest in `__metadata__`.  Written atomically: temporary file, fsync, rename.
 */
#ifndef SEMANTIC_NN_CHECKPOINT_H
#define SEMANTIC_NN_CHECKPOINT_H

#include "err.h"
#include "nn/optimizer.h"
#include "nn/params.h"
#include "rng.h"

typedef struct {
    params_t *params;
    optimizer_t *optimizer;
    rng_t *const *rngs; /* rng_count pointers, saved and restored in this order */
    int rng_count;      /* 0 .. 8 */
    int64_t *counters;  /* counter_count numbers of the trainer: epoch, position … */
    int counter_count;  /* 0 .. 16 */
    const char *recipe; /* text identifying the run; a file with another is refused.  May be NULL */
} checkpoint_t;

/* 0 or -1; on failure an existing file at `path` is untouched. */
int checkpoint_save(const char *path, const checkpoint_t *state, err_t *err);

/*
 * Restores into existing objects (same network, same optimiser options).  0 or
 * -1; errors name the file and the tensor; on failure nothing has changed.
 */
int checkpoint_load(const char *path, checkpoint_t *state, err_t *err);

#endif
