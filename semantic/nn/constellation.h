/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * constellation: what the other training objectives of quantised codecs need, for
 * 64-QAM with the points c_m = (2i-7, 2j-7)/sqrt(42).
 *
 * Every symbol x is assigned softly, w_m = softmax over m of -sharpness |x - c_m|^2, which
 * factorises into the two axes (T.-Y. Tung et al., "DeepJSCC-Q", IEEE JSAIT 3(4), 2022).
 * Channels are symbols as in graph.h; beyond the prefix there are none.
 */
#ifndef SEMANTIC_NN_CONSTELLATION_H
#define SEMANTIC_NN_CONSTELLATION_H

#include "nn/graph.h"

/* The expected point sum w_m c_m, differentiable; graph_quantise in the limit of large sharpness.
 */
node_t graph_quantise_soft(graph_t *graph, node_t in, float sharpness);

/*
 * KL divergence in nats of the mean assignment over the batch's symbols from the uniform
 * distribution over the 64 points; [N][1][1][1], the same number for every sample.
 */
node_t graph_constellation_kl(graph_t *graph, node_t in, float sharpness);

/* Changes the sharpness of either, > 0. */
void graph_set_sharpness(graph_t *graph, node_t node, float sharpness);

#endif
