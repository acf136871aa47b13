/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lora: low-rank adapters of a network's matrices (E. Hu et al., "LoRA", ICLR 2022):
 *
 *     W = W0 + s B A        s = alpha / rank
 *     dB = s dW A^T         dA = s B^T dW
 *
 * W [out][in*k*k] is a convolution's or a linear layer's weight, A `LAYER.lora_A`
 * [rank][in*k*k], B `LAYER.lora_B` [out][rank].  The product is merged into W
 * before a step and the ordinary gradient dW is taken, so layers know nothing of it.
 *
 *     params_t *merged = params_clone(base, &err);
 *     lora_t *lora = lora_create(merged, 4, 4.0f, seed, &err);  // before graph_finish
 *     graph = graph_create(merged, GRAPH_TRAIN, …) …            // frozen but for the matrices
 *     optimizer = optimizer_create(lora_params(lora), …);
 *     each step:
 *         lora_merge(lora);
 *         params_zero_gradients(merged);
 *         graph_forward(graph); graph_backward(graph);
 *         lora_gradients(lora);                                 // dW -> dA, dB
 *         optimizer_step(optimizer, rate);
 *
 * A starts as N(0, 1/in*k*k), B as zeros: the adapted network starts as its base.
 */
#ifndef SEMANTIC_NN_LORA_H
#define SEMANTIC_NN_LORA_H

#include "nn/params.h"

/* w[out][in] += scale * b[out][rank] a[rank][in].  Summed in a fixed order: the
   same bits wherever it runs on one machine. */
void lora_add(float *w, int out, int in, int rank, float scale, const float *a, const float *b);

typedef struct lora lora_t;

/*
 * Pairs for every tensor of `merged` called `….weight` with 2 or 4 dimensions.
 * Freezes everything else in it, and keeps a copy of the matrices as W0.
 * `merged` must outlive it.  NULL on failure.
 */
lora_t *lora_create(params_t *merged, int rank, float alpha, uint64_t seed, err_t *err);
void lora_destroy(lora_t *lora); /* NULL is fine */

/* The store with the pairs; owned by `lora`. */
params_t *lora_params(lora_t *lora);

void lora_merge(lora_t *lora);     /* pairs -> matrices of `merged` */
void lora_gradients(lora_t *lora); /* gradients of `merged` -> of the pairs (overwritten) */

#endif
