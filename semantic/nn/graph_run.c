/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * graph_run: memory planning, and running the layers forward and backward.
 *
 * Training keeps all data.  Inference gives each node a buffer that is free again after its last
 * reader ran (greedy, best fit), and lets element-wise layers work in place.
 */
#include "nn/op.h"

#include <assert.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory --------------------------------------------------------------- */

typedef struct {
    size_t count;
    int busy_until; /* index of the last node that reads it */
    float *memory;
} buffer_t;

static void mark_gradients(graph_t *graph)
{
    for (int i = 0; i < graph->count; i++) {
        op_node_t *node = graph->nodes[i];
        node->trains = false;
        for (int k = 0; k < OP_PARAMS_MAX; k++) {
            node->trains |= param_wants_gradient(node->param[k]);
        }
        node->wants = node->trains || node->source;
        for (int k = 0; k < node->inputs; k++) {
            node->wants |= node->input[k]->wants && !(node->blocked >> k & 1u);
        }
    }
}

static int plan_training(graph_t *graph, err_t *err)
{
    size_t largest = 0;
    mark_gradients(graph);
    for (int i = 0; i < graph->count; i++) {
        op_node_t *node = graph->nodes[i];
        if (!(node->data = graph_alloc(graph, node->count * sizeof(float), err))) {
            return -1;
        }
        if (node->wants) {
            if (!(node->grad = graph_alloc(graph, node->count * sizeof(float), err))) {
                return -1;
            }
            largest = node->count > largest ? node->count : largest;
        }
    }
    graph->spare = graph_alloc(graph, largest * sizeof(float), err);
    return graph->spare ? params_need_gradients(graph->params, err) : -1;
}

static int last_reader(const graph_t *graph, const op_node_t *node)
{
    if (node->kept || node->readers == 0) {
        return graph->count;
    }
    int last = node->index;
    for (int i = node->index + 1; i < graph->count; i++) {
        for (int k = 0; k < graph->nodes[i]->inputs; k++) {
            last = graph->nodes[i]->input[k] == node ? i : last;
        }
    }
    return last;
}

/* The smallest free buffer that is large enough, else the largest free one, else a new one. */
static int choose_buffer(buffer_t *buffer, int *count, const op_node_t *node)
{
    int best = -1;
    for (int i = 0; i < *count; i++) {
        if (buffer[i].busy_until >= node->index) {
            continue;
        }
        if (best < 0) {
            best = i;
            continue;
        }
        bool fits = buffer[i].count >= node->count, best_fits = buffer[best].count >= node->count;
        bool smaller = buffer[i].count < buffer[best].count;
        if ((fits && (!best_fits || smaller)) || (!fits && !best_fits && !smaller)) {
            best = i;
        }
    }
    if (best < 0) {
        best = (*count)++;
        buffer[best].count = 0;
    }
    return best;
}

static int plan_inference(graph_t *graph, err_t *err)
{
    buffer_t *buffer = calloc(zu(graph->count), sizeof *buffer);
    int *owner = calloc(zu(graph->count), sizeof *owner);
    int buffers = 0, result = buffer && owner ? 0 : err_set(err, ERR_MEMORY, "no memory to plan");
    for (int i = 0; result == 0 && i < graph->count; i++) {
        op_node_t *node = graph->nodes[i];
        int slot = -1;
        if (node->op->in_place && buffer[owner[node->input[0]->index]].busy_until == i) {
            slot = owner[node->input[0]->index];
        } else {
            slot = choose_buffer(buffer, &buffers, node);
        }
        owner[i] = slot;
        buffer[slot].busy_until = last_reader(graph, node);
        buffer[slot].count = node->count > buffer[slot].count ? node->count : buffer[slot].count;
    }
    for (int b = 0; result == 0 && b < buffers; b++) {
        buffer[b].memory = graph_alloc(graph, buffer[b].count * sizeof(float), err);
        result = buffer[b].memory ? 0 : -1;
    }
    for (int i = 0; result == 0 && i < graph->count; i++) {
        graph->nodes[i]->data = buffer[owner[i]].memory;
    }
    free(buffer);
    free(owner);
    return result;
}

/* ---- finish --------------------------------------------------------------- */

static int finish_nodes(graph_t *graph, err_t *err)
{
    for (int i = 0; i < graph->count; i++) {
        op_node_t *node = graph->nodes[i];
        if ((size_t)node->shape.c > graph->partial_width) {
            graph->partial_width = (size_t)node->shape.c;
        }
        if (node->op->finish && node->op->finish(graph, node, err) < 0) {
            return err_prefix(err, "%s", node->name);
        }
    }
    graph->partial_width = (graph->partial_width + 7) / 8 * 8;
    graph->partial =
        graph_alloc(graph, zu(graph->threads) * graph->partial_width * sizeof(double), err);
    return graph->partial ? backend_finish(graph->backend, err) : -1;
}

int graph_finish(graph_t *graph, err_t *err)
{
    assert(!graph->finished);
    if (graph->failed) {
        return err_set(err, graph->failure.code, "%s", graph->failure.text);
    }
    if (graph->count == 0) {
        return err_set(err, ERR_ARGUMENT, "the graph is empty");
    }
    int before = omp_get_max_threads();
    omp_set_num_threads(graph->threads);
    int result = graph->mode == GRAPH_TRAIN ? plan_training(graph, err)
                                            : plan_inference(graph, err);
    if (result == 0) {
        result = finish_nodes(graph, err);
    }
    omp_set_num_threads(before);
    graph->finished = result == 0;
    return result;
}

/* ---- run ------------------------------------------------------------------ */

void graph_forward(graph_t *graph)
{
    assert(graph->finished);
    int before = omp_get_max_threads();
    omp_set_num_threads(graph->threads);
    for (int i = 0; i < graph->count; i++) {
        graph->nodes[i]->op->forward(graph, graph->nodes[i]);
    }
    omp_set_num_threads(before);
}

static void add_into(float *restrict to, const float *restrict from, size_t count)
{
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
    }
}

/* One contribution per input: the first is written in place, later ones through `spare`. */
static void backward_node(graph_t *graph, op_node_t *node)
{
    float *dx[OP_INPUTS_MAX] = {NULL};
    int late = -1;
    for (int k = 0; k < node->inputs; k++) {
        op_node_t *in = node->input[k];
        if (!in->wants || node->blocked >> k & 1u) {
            continue;
        }
        if (!in->has_grad) {
            dx[k] = in->grad;
            in->has_grad = true;
        } else if (late < 0) {
            dx[k] = graph->spare;
            late = k;
        }
    }
    node->op->backward(graph, node, dx);
    if (late >= 0) {
        add_into(node->input[late]->grad, graph->spare, node->input[late]->count);
    }
    /* Rare: several inputs that already had a gradient.  Run again for each of the rest. */
    for (int k = late + 1; late >= 0 && k < node->inputs; k++) {
        op_node_t *in = node->input[k];
        if (!in->wants || node->blocked >> k & 1u || dx[k]) {
            continue;
        }
        float *again[OP_INPUTS_MAX] = {NULL};
        again[k] = graph->spare;
        bool trains = node->trains;
        node->trains = false; /* tensors got their share the first time */
        node->op->backward(graph, node, again);
        node->trains = trains;
        add_into(in->grad, graph->spare, in->count);
    }
}

static void backward_all(graph_t *graph)
{
    for (int i = graph->count - 1; i >= 0; i--) {
        op_node_t *node = graph->nodes[i];
        if (node->wants && node->has_grad) {
            backward_node(graph, node);
        } else if (node->grad) {
            memset(node->grad, 0, node->count * sizeof(float));
        }
    }
}

static void backward_start(graph_t *graph)
{
    assert(graph->finished && graph->mode == GRAPH_TRAIN);
    for (int i = 0; i < graph->count; i++) {
        graph->nodes[i]->has_grad = false;
    }
}

void graph_backward(graph_t *graph)
{
    int before = omp_get_max_threads();
    omp_set_num_threads(graph->threads);
    backward_start(graph);
    for (int i = 0; i < graph->losses; i++) {
        op_node_t *node = graph->loss[i];
        if (!node->wants) {
            continue;
        }
        for (size_t k = 0; k < node->count; k++) {
            float share = graph->loss_weight[i] / (float)node->count;
            node->grad[k] = node->has_grad ? node->grad[k] + share : share;
        }
        node->has_grad = true;
    }
    backward_all(graph);
    omp_set_num_threads(before);
}

void graph_backward_from(graph_t *graph, node_t from, const float *seed)
{
    op_node_t *node = graph->nodes[from];
    int before = omp_get_max_threads();
    omp_set_num_threads(graph->threads);
    backward_start(graph);
    if (node->wants) {
        memcpy(node->grad, seed, node->count * sizeof(float));
        node->has_grad = true;
    }
    backward_all(graph);
    omp_set_num_threads(before);
}

/* ---- losses --------------------------------------------------------------- */

void graph_add_loss(graph_t *graph, node_t loss, float weight)
{
    op_node_t *node = graph_node(graph, loss);
    if (!node) {
        return;
    }
    if (graph->losses == (int)(sizeof graph->loss / sizeof graph->loss[0])) {
        graph_fail(graph, ERR_ARGUMENT, "more than %d losses", graph->losses);
        return;
    }
    node->kept = true;
    graph->loss[graph->losses] = node;
    graph->loss_weight[graph->losses++] = weight;
}

void graph_set_loss_weight(graph_t *graph, node_t loss, float weight)
{
    for (int i = 0; i < graph->losses; i++) {
        if (graph->loss[i]->index == loss) {
            graph->loss_weight[i] = weight;
        }
    }
}

double graph_mean(graph_t *graph, node_t node)
{
    const op_node_t *of = graph->nodes[node];
    double sum = 0.0;
    for (size_t i = 0; i < of->count; i++) {
        sum += (double)of->data[i];
    }
    return sum / (double)of->count;
}

double graph_total_loss(graph_t *graph)
{
    double total = 0.0;
    for (int i = 0; i < graph->losses; i++) {
        total += (double)graph->loss_weight[i] * graph_mean(graph, graph->loss[i]->index);
    }
    return total;
}
