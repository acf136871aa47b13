/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lora_levels: low-rank adapters in nested levels (J. Hu, G. Y. Li, "Distillation-Enabled Knowledge
 * Alignment Protocol for Semantic Communication in AI Agent Networks", III-A, equations (4), (5),
 * (7)). As lora.h, and in level l only the first r_m(l) rows of A_m and columns of B_m count:
 *
 *     W_m = W0_m + sum over i < r_m(l) of  B_m[:, i] A_m[i, :]
 *
 * so that a lower level's matrices are parts of a higher one's.  Ranks are spread evenly: with the
 * phases f_m = frac(m (sqrt 5 - 1) / 2),
 *
 *     r_m(l) = floor(x_l + f_m)    x_l the largest with  sum_m r_m(l) (I_m + O_m) <= l ratio sum_m
 * I_m O_m
 *
 * Start: B = 0 and A random, or, with an expert's weights, the largest singular vectors of what
 * it learned: B A = the best rank-r_m(L) approximation of W_expert - W0, largest first, so that
 * every level starts as the best of its rank.
 *
 *     lora_levels_t *l = lora_levels_create(merged, 5, 0.01, expert, seed, &err);
 *     each step:
 *         lora_levels_merge(l, level);
 *         params_zero_gradients(merged); graph_forward(g); graph_backward(g);
 *         lora_levels_gradients(l, level);    // 0 for what the level does not have
 *         optimizer_step(…);
 */
#ifndef SEMANTIC_NN_LORA_LEVELS_H
#define SEMANTIC_NN_LORA_LEVELS_H

#include "nn/params.h"

enum { LORA_LEVELS_MAX = 16 };

typedef struct lora_levels lora_levels_t;

/*
 * Pairs for every tensor of `merged` called `….weight` with 2 or 4 dimensions. Freezes everything
 * else in it and keeps a copy of the matrices as W0.  `merged` must outlive it.  `expert`: NULL, or
 * a store with the same matrices.  NULL on failure: levels outside 1 .. LORA_LEVELS_MAX, a ratio
 * that leaves level 1 without any pair.
 */
lora_levels_t *lora_levels_create(params_t *merged, int levels, double ratio,
                                  const params_t *expert, uint64_t seed, err_t *err);
void lora_levels_destroy(lora_levels_t *levels); /* NULL is fine */

/* The store with the pairs `LAYER.lora_A` [r_m(L)][in*k*k], `LAYER.lora_B` [out][r_m(L)]. */
params_t *lora_levels_params(lora_levels_t *levels);

void lora_levels_merge(lora_levels_t *levels, int level);     /* 0: W0 */
void lora_levels_gradients(lora_levels_t *levels, int level); /* of `merged` -> of the pairs */

int lora_levels_pairs(const lora_levels_t *levels);
/* r_m(l), and the layer's name. */
int lora_levels_rank(const lora_levels_t *levels, int pair, int level);
const char *lora_levels_layer(const lora_levels_t *levels, int pair);
/* Numbers of level l's matrices, and of all W_m. */
size_t lora_levels_size(const lora_levels_t *levels, int level);
size_t lora_levels_weights(const lora_levels_t *levels);

#endif
