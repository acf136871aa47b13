/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * graph_params: the same network with other weights.
 *
 *     params_t *other = params_clone(params, &err);     // same tensors, same order
 *     … change values …  params_changed(other);
 *     graph_use_params(graph, other);
 *     graph_forward(graph);                             // packs the new weights first
 *
 * `params` must hold the tensors of the graph's store in the same order and
 * shapes, as params_clone gives (assert), and outlive its use.  Costs the
 * re-packing of the convolutions at the next forward, no allocation.  Weights that
 * come back bring back the results bit for bit.
 */
#ifndef SEMANTIC_NN_GRAPH_PARAMS_H
#define SEMANTIC_NN_GRAPH_PARAMS_H

#include "nn/graph.h"

void graph_use_params(graph_t *graph, params_t *params);

#endif
