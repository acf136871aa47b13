/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layers keep pointers into the store; they are moved to the tensor of the same
 * place in the other one.  Versions are unique over all stores (params.c), so a
 * convolution notices at its next forward that it has packed other weights.
 */
#include "nn/graph_params.h"

#include "nn/op.h"

#include <assert.h>

static param_t *same_place(const params_t *from, const params_t *to, const param_t *param)
{
    int count = params_count(from);
    for (int i = 0; i < count; i++) {
        if (params_at(from, i) == param) {
            param_t *other = params_at(to, i);
            assert(other->count == param->count && strcmp(other->name, param->name) == 0);
            return other;
        }
    }
    assert(!"a layer's tensor is in its store");
    return NULL;
}

void graph_use_params(graph_t *graph, params_t *params)
{
    if (graph->params == params) {
        return;
    }
    assert(graph->mode == GRAPH_INFER && params_count(params) == params_count(graph->params));
    for (int i = 0; i < graph->count; i++) {
        op_node_t *node = graph->nodes[i];
        for (int k = 0; k < OP_PARAMS_MAX; k++) {
            if (node->param[k] != NULL) {
                node->param[k] = same_place(graph->params, params, node->param[k]);
            }
        }
    }
    graph->params = params;
}
