/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * params: the named tensors of a network, fp32, in PyTorch's names and layouts
 * (`encoder.0.weight` OIHW, linear `weight` [out][in], `bias`, `running_mean` …).
 *
 * The store is the master copy.  Graphs (graph.h) ask it for tensors by name
 * while they are built: the first graph to ask creates and initialises a
 * tensor, later graphs (another batch, another image size, an inference
 * thread) share it.  Initial values depend on the store's seed and the
 * tensor's name only, not on the order of creation.
 *
 *     params_t *p = params_create(1, &err);            // training: graphs fill it
 *     params_t *q = params_open("codec.safetensors", &err);   // inference: sealed
 *
 * Threads: a store that nobody writes may be shared by any number of graphs in
 * any number of threads.  A store that is being trained belongs to one thread.
 * To change weights under running inference threads, open a second store,
 * build graphs on it, and switch graphs.
 */
#ifndef SEMANTIC_NN_PARAMS_H
#define SEMANTIC_NN_PARAMS_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PARAM_RANK_MAX = 4, PARAM_NAME_MAX = 160 };

/* What a tensor is; or-ed together. */
enum {
    PARAM_NO_DECAY = 1, /* weight decay leaves it alone: bias, norm, PReLU, scales */
    PARAM_BUFFER = 2,   /* not trained: running statistics; no gradient */
    PARAM_FROZEN = 4,   /* graphs finished now compute no gradient for it, and a batch norm
                           whose weight is frozen uses its running statistics */
};

typedef struct {
    char name[PARAM_NAME_MAX];
    int rank;                   /* 1 .. 4 */
    int shape[PARAM_RANK_MAX];  /* unused dimensions are 1 */
    size_t count;               /* elements */
    unsigned flags;
    float *value; /* count, row-major */
    float *grad;  /* count; NULL until a training graph is finished, and for buffers */
} param_t;

/* How a new tensor is filled. */
typedef enum {
    PARAM_INIT_CONSTANT, /* every element = amount */
    PARAM_INIT_NORMAL,   /* normal, standard deviation = amount (He: sqrt(2 / fan_in)) */
    PARAM_INIT_UNIFORM,  /* uniform in [-amount, amount] */
} param_init_t;

typedef struct params params_t;

/* An empty store; `seed` decides every initial value.  NULL on failure. */
params_t *params_create(uint64_t seed, err_t *err);

/*
 * A sealed store holding every tensor of a safetensors file (F16, BF16, F64
 * and I64 are converted to fp32; `num_batches_tracked` is skipped).  Errors
 * name the file and the tensor.
 */
params_t *params_open(const char *path, err_t *err);

void params_destroy(params_t *params); /* NULL is fine */

/* A deep copy (values and flags, no gradients), unsealed. */
params_t *params_clone(const params_t *params, err_t *err);

/*
 * The tensor called `name`, created if the store lacks it.  ERR_ARGUMENT if it
 * exists with another shape, or does not exist and the store is sealed.
 * `flags` apply to a new tensor only.
 */
param_t *params_add(params_t *params, const char *name, int rank, const int *shape,
                    unsigned flags, param_init_t init, float amount, err_t *err);

/* NULL if there is none. */
param_t *params_find(const params_t *params, const char *name);

int params_count(const params_t *params);
param_t *params_at(const params_t *params, int index); /* in order of creation */
size_t params_trainable(const params_t *params);       /* elements neither buffer nor frozen */

/* From now on params_add creates nothing: a graph asking for an unknown tensor fails. */
void params_seal(params_t *params);

/*
 * Sets or clears PARAM_FROZEN on every tensor whose name starts with `prefix`
 * ("" = all); returns how many.  It holds for graphs finished afterwards.
 */
int params_freeze(params_t *params, const char *prefix, bool frozen);

/* Gives every trained tensor a zeroed gradient; graph_finish calls it. */
int params_need_gradients(params_t *params, err_t *err);
void params_zero_gradients(params_t *params);

/*
 * Say so after writing values by hand: graphs copy weights into the layout the
 * hardware likes and redo so at their next forward when this count moved.
 */
void params_changed(params_t *params);
uint64_t params_version(const params_t *params);

typedef enum {
    PARAMS_EXACT,   /* file and store hold the same names */
    PARAMS_SUBSET,  /* the file may hold more than the store */
    PARAMS_PARTIAL, /* either may hold more: warm start */
} params_match_t;

/*
 * Reads values from a safetensors file.  Only tensors whose name starts with
 * `prefix` ("" = all) are looked at on either side.  On failure the store is
 * unchanged.  Returns how many tensors were set, or -1.
 */
int params_load(params_t *params, const char *path, const char *prefix, params_match_t match,
                err_t *err);

/*
 * Writes every tensor whose name starts with `prefix` ("" = all) as fp32, atomically (temporary file,
 * fsync, rename).  `keys`/`values`: `notes` strings for `__metadata__`; may be NULL when 0.
 */
int params_save(const params_t *params, const char *path, const char *prefix,
                const char *const *keys, const char *const *values, int notes, err_t *err);

#endif
