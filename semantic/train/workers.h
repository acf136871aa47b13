/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * workers: one training step on several threads at once, each with its own copy
 * of the network and its share of the batch.
 *
 * The threads meet once a step, when gradients are averaged.  Splitting every
 * layer over threads instead would make them meet hundreds of times a step, and
 * on a machine that others use too, each meeting waits for the slower core.
 *
 * The result depends on the number of workers (each normalises over its own
 * share), not on timing.
 */
#ifndef SEMANTIC_TRAIN_WORKERS_H
#define SEMANTIC_TRAIN_WORKERS_H

#include "nn/graph.h"

enum { WORKERS_MAX = 64 };

typedef struct workers workers_t;

/* Builds a network on `params` for `batch` pictures and finishes it.  NULL on failure; called
   `count` times, in order, with the same nodes every time. */
typedef graph_t *(*workers_build_t)(void *context, params_t *params, int batch, err_t *err);
/* Puts pictures [first, first + count) of the batch of `step` into a graph. */
typedef void (*workers_fill_t)(void *context, graph_t *graph, int64_t step, int first, int count);

/* `batch` pictures a step, a multiple of `count`.  `params` is the master store. */
workers_t *workers_create(int count, int batch, params_t *params, workers_build_t build,
                          workers_fill_t fill, void *context, err_t *err);
void workers_destroy(workers_t *workers); /* NULL is fine */

/* Forward and backward: leaves the batch's mean gradient and buffers in the master store.
   Returns the loss. */
double workers_step(workers_t *workers, int64_t step);

/* The first worker's network, for a look at its nodes after a step. */
graph_t *workers_graph(workers_t *workers);

#endif
