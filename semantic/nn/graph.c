/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * graph: holds the layers while they are listed, and what they share.  Running
 * them is graph_run.c.
 */
#include "nn/graph.h"

#include "nn/op.h"

#include <assert.h>
#include <omp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

graph_t *graph_create(params_t *params, graph_mode_t mode, int batch, int threads, err_t *err)
{
    if (batch < 1 || threads < 0) {
        err_set(err, ERR_ARGUMENT, "a graph needs batch >= 1 and threads >= 0, not %d and %d",
                batch, threads);
        return NULL;
    }
    graph_t *graph = calloc(1, sizeof *graph);
    if (!graph) {
        err_set(err, ERR_MEMORY, "no memory for a graph");
        return NULL;
    }
    graph->params = params;
    graph->mode = mode;
    graph->batch = batch;
    graph->threads = threads ? threads : omp_get_max_threads();
    graph->backend = backend_create(err);
    if (!graph->backend) {
        free(graph);
        return NULL;
    }
    return graph;
}

void graph_destroy(graph_t *graph)
{
    if (!graph) {
        return;
    }
    for (int i = 0; i < graph->count; i++) {
        op_node_t *node = graph->nodes[i];
        if (node->op->release) {
            node->op->release(node);
        }
        free(node->state);
        free(node);
    }
    for (int i = 0; i < graph->block_count; i++) {
        free(graph->blocks[i]);
    }
    backend_destroy(graph->backend);
    free(graph->blocks);
    free(graph->nodes);
    free(graph);
}

node_t graph_fail(graph_t *graph, err_code_t code, const char *format, ...)
{
    if (!graph->failed) {
        char text[400];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        err_set(&graph->failure, code, "%s", text);
        graph->failed = true;
    }
    return NODE_NONE;
}

op_node_t *graph_node(graph_t *graph, node_t in)
{
    if (in == NODE_NONE) {
        graph_fail(graph, ERR_ARGUMENT, "a layer was given no input");
        return NULL;
    }
    assert(in >= 0 && in < graph->count);
    return graph->nodes[in];
}

void *graph_alloc(graph_t *graph, size_t bytes, err_t *err)
{
    if (graph->block_count == graph->block_capacity) {
        int capacity = graph->block_capacity ? 2 * graph->block_capacity : 64;
        void **grown = realloc(graph->blocks, zu(capacity) * sizeof *grown);
        if (!grown) {
            err_set(err, ERR_MEMORY, "no memory for %d blocks", capacity);
            return NULL;
        }
        graph->blocks = grown;
        graph->block_capacity = capacity;
    }
    size_t rounded = (bytes + 63) / 64 * 64;
    void *block = aligned_alloc(64, rounded ? rounded : 64);
    if (!block) {
        err_set(err, ERR_MEMORY, "no memory for a block of %zu bytes", bytes);
        return NULL;
    }
    memset(block, 0, rounded);
    graph->blocks[graph->block_count++] = block;
    return block;
}

static int nodes_grow(graph_t *graph)
{
    if (graph->count < graph->capacity) {
        return 0;
    }
    int capacity = graph->capacity ? 2 * graph->capacity : 64;
    op_node_t **grown = realloc(graph->nodes, zu(capacity) * sizeof *grown);
    if (!grown) {
        return -1;
    }
    graph->nodes = grown;
    graph->capacity = capacity;
    return 0;
}

static bool shape_fits(graph_shape_t shape)
{
    const int side[4] = {shape.n, shape.h, shape.w, shape.c};
    size_t count = 1;
    for (int i = 0; i < 4; i++) {
        if (side[i] < 1 || (count *= zu(side[i])) > (size_t)1 << 31) {
            return false;
        }
    }
    return true;
}

op_node_t *graph_append(graph_t *graph, const op_t *op, const char *name,
                        op_node_t *const *inputs, int count, graph_shape_t shape,
                        size_t state_size)
{
    assert(!graph->finished && count <= OP_INPUTS_MAX);
    for (int i = 0; i < count; i++) {
        if (!inputs[i]) {
            return NULL;
        }
    }
    if (name && strlen(name) + 20 > PARAM_NAME_MAX) {
        graph_fail(graph, ERR_ARGUMENT, "layer name %.40s... is too long", name);
        return NULL;
    }
    if (!shape_fits(shape)) {
        graph_fail(graph, ERR_ARGUMENT, "%s: impossible shape %dx%dx%dx%d",
                   name ? name : op->kind, shape.n, shape.h, shape.w, shape.c);
        return NULL;
    }
    op_node_t *node = calloc(1, sizeof *node);
    void *state = calloc(1, state_size + 1);
    if (!node || !state || nodes_grow(graph) < 0) {
        free(node);
        free(state);
        graph_fail(graph, ERR_MEMORY, "no memory for a layer");
        return NULL;
    }
    node->op = op;
    node->state = state;
    snprintf(node->name, sizeof node->name, "%s", name ? name : op->kind);
    node->shape = shape;
    node->count = zu(shape.n) * zu(shape.h) * zu(shape.w) * zu(shape.c);
    node->index = graph->count;
    node->inputs = count;
    for (int i = 0; i < count; i++) {
        node->input[i] = inputs[i];
        inputs[i]->readers++;
    }
    graph->nodes[graph->count++] = node;
    return node;
}

bool param_wants_gradient(const param_t *param)
{
    return param && !(param->flags & (PARAM_BUFFER | PARAM_FROZEN));
}

param_t *graph_bind(graph_t *graph, op_node_t *node, int slot, const char *suffix, int rank,
                    const int *shape, unsigned flags, param_init_t init, float amount)
{
    char name[PARAM_NAME_MAX + 24];
    err_t err = ERR_INIT;
    if (!node) {
        return NULL;
    }
    snprintf(name, sizeof name, "%s.%s", node->name, suffix);
    param_t *param =
        params_add(graph->params, name, rank, shape, flags, init, amount, &err);
    if (!param) {
        graph_fail(graph, err.code, "%s", err.text);
        return NULL;
    }
    node->param[slot] = param;
    return param;
}

graph_shape_t graph_shape(const graph_t *graph, node_t node)
{
    assert(node >= 0 && node < graph->count);
    return graph->nodes[node]->shape;
}

size_t graph_count(const graph_t *graph, node_t node)
{
    assert(node >= 0 && node < graph->count);
    return graph->nodes[node]->count;
}

float *graph_data(graph_t *graph, node_t node)
{
    assert(graph->finished && node >= 0 && node < graph->count);
    return graph->nodes[node]->data;
}

const float *graph_grad(const graph_t *graph, node_t node)
{
    assert(graph->finished && node >= 0 && node < graph->count);
    return graph->nodes[node]->grad;
}

void graph_use_bf16(graph_t *graph, bool on)
{
    graph->bf16 = on;
}

void graph_keep(graph_t *graph, node_t node)
{
    if (node != NODE_NONE) {
        assert(!graph->finished && node < graph->count);
        graph->nodes[node]->kept = true;
    }
}

void graph_set_prefix(graph_t *graph, int complex_channels)
{
    graph->prefix = complex_channels;
}

int graph_prefix(const graph_t *graph)
{
    return graph->prefix;
}

/* ---- inputs --------------------------------------------------------------- */

static void input_forward(graph_t *graph, op_node_t *node)
{
    (void)graph;
    (void)node;
}

static void input_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    (void)graph;
    (void)node;
    (void)dx;
}

static const op_t input_op = {.kind = "input", .forward = input_forward, .backward = input_backward};

static node_t input_add(graph_t *graph, int h, int w, int c, bool gradient)
{
    op_node_t *node = graph_append(graph, &input_op, NULL, NULL, 0,
                                   (graph_shape_t){graph->batch, h, w, c}, 0);
    if (!node) {
        return NODE_NONE;
    }
    node->source = gradient;
    node->kept = true;
    return node->index;
}

node_t graph_input(graph_t *graph, int h, int w, int c)
{
    return input_add(graph, h, w, c, false);
}

node_t graph_input_with_gradient(graph_t *graph, int h, int w, int c)
{
    return input_add(graph, h, w, c, true);
}
