/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gradient_surgery: PCGrad (T. Yu et al., "Gradient surgery for multi-task learning", NeurIPS
 * 2020). Where the gradients of two tasks conflict, each loses its component along the other:
 *
 *     for every task i, the others j in random order: if g_i . g_j < 0
 *         g_i <- g_i - (g_i . g_j) / |g_j|^2 g_j        (g_j as it was)
 *
 * and the step follows the mean of the g_i.
 *
 *     gradient_surgery_t *s = gradient_surgery_create(params, 5, &err);
 *     each step: for each task: params_zero_gradients; forward; backward; gradient_surgery_take(s,
 * i); gradient_surgery_finish(s, &rng);   // the result is in the store's gradients
 */
#ifndef SEMANTIC_NN_GRADIENT_SURGERY_H
#define SEMANTIC_NN_GRADIENT_SURGERY_H

#include "nn/params.h"
#include "rng.h"

enum { GRADIENT_SURGERY_TASKS_MAX = 16 };

typedef struct gradient_surgery gradient_surgery_t;

/* For the gradients the store has now (params_need_gradients). */
gradient_surgery_t *gradient_surgery_create(params_t *params, int tasks, err_t *err);
void gradient_surgery_destroy(gradient_surgery_t *surgery); /* NULL is fine */

/* Copies the store's gradients as those of `task`, 0 .. tasks-1. */
void gradient_surgery_take(gradient_surgery_t *surgery, int task);
/* Projects, and writes the mean into the store's gradients. */
void gradient_surgery_finish(gradient_surgery_t *surgery, rng_t *rng);

#endif
