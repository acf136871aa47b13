/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codebook: vector quantisation as a layer (A. van den Oord and others, "Neural discrete
 * representation learning", NeurIPS 2017):
 *
 *     k(r) = argmin_k |x_r - e_k|^2        y_r = e_k(r)        dx = dy (straight through)
 *
 * The codebook is not trained by gradients but follows what is assigned to it, a running k-means:
 * with n_k the count and m_k the mean of the vectors of a batch that chose code k,
 *
 *     N_k <- g N_k + (1 - g) n_k        e_k <- e_k + (1 - g) n_k / N_k (m_k - e_k)        g = 0.97
 *
 * In training the first batch seeds the codes with vectors of its own, and a code that less than
 * 1/50 of its fair share chooses is moved to a random vector of the batch.  Which one depends on
 * how many batches there were alone.  A frozen codebook (PARAM_FROZEN) stays as it is.
 *
 * Add a commitment yourself: graph_mse(x, graph_detach(y)).
 */
#ifndef SEMANTIC_NN_CODEBOOK_H
#define SEMANTIC_NN_CODEBOOK_H

#include "nn/graph.h"

enum { CODEBOOK_CODES_MAX = 4096 };

/*
 * The channels of every place are one vector.  Tensors: `name.codebook` [codes][C], `name.usage`
 * [codes] (N_k), `name.batches` [1]; all of them buffers.  2 <= codes <= CODEBOOK_CODES_MAX.
 */
node_t graph_codebook(graph_t *graph, node_t in, const char *name, int codes);

/* After forward: which code each place [N][H][W] got.  `node`: what graph_codebook returned. */
const int *graph_codes(const graph_t *graph, node_t node);

#endif
