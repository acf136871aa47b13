/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_resize: zeros around a picture, a different number on each side, and enlargement by
 * repeating pixels.  Backward: the cut, and the sum over the repeats.
 */
#include "nn/op.h"

typedef struct {
    size_t top, left;
} pad_state_t;

typedef struct {
    size_t r;
} repeat_state_t;

/* ---- pad ------------------------------------------------------------------ */

/* Rows of the small picture at their places in the large one, of sample n. */
static size_t pad_offset(const op_node_t *node, size_t n, size_t y)
{
    const pad_state_t *s = node->state;
    size_t row = n * zu(node->shape.h) + s->top + y;
    return (row * zu(node->shape.w) + s->left) * zu(node->shape.c);
}

static void pad_forward(graph_t *graph, op_node_t *node)
{
    const op_node_t *in = node->input[0];
    size_t h = zu(in->shape.h), row = zu(in->shape.w) * zu(in->shape.c);
    (void)graph;
    memset(node->data, 0, node->count * sizeof(float)); /* inference reuses memory */
    for (size_t i = 0; i < zu(in->shape.n) * h; i++) {
        memcpy(node->data + pad_offset(node, i / h, i % h), in->data + i * row,
               row * sizeof(float));
    }
}

static void pad_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const op_node_t *in = node->input[0];
    size_t h = zu(in->shape.h), row = zu(in->shape.w) * zu(in->shape.c);
    (void)graph;
    for (size_t i = 0; dx[0] && i < zu(in->shape.n) * h; i++) {
        memcpy(dx[0] + i * row, node->grad + pad_offset(node, i / h, i % h), row * sizeof(float));
    }
}

static const op_t pad_op = {.kind = "pad", .forward = pad_forward, .backward = pad_backward};

node_t graph_pad(graph_t *graph, node_t in, int top, int bottom, int left, int right)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    if (top < 0 || bottom < 0 || left < 0 || right < 0) {
        return graph_fail(graph, ERR_ARGUMENT, "pad by %d %d %d %d", top, bottom, left, right);
    }
    graph_shape_t shape = from->shape;
    shape.h += top + bottom;
    shape.w += left + right;
    op_node_t *node = graph_append(graph, &pad_op, NULL, &from, 1, shape, sizeof(pad_state_t));
    if (!node) {
        return NODE_NONE;
    }
    *(pad_state_t *)node->state = (pad_state_t){zu(top), zu(left)};
    return node->index;
}

/* ---- repeat --------------------------------------------------------------- */

static void repeat_forward(graph_t *graph, op_node_t *node)
{
    const op_node_t *in = node->input[0];
    size_t r = ((const repeat_state_t *)node->state)->r;
    size_t c = zu(in->shape.c), w = zu(in->shape.w), row = w * r * c;
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < zu(in->shape.n) * zu(in->shape.h); i++) {
        const float *from = in->data + i * w * c;
        float *to = node->data + i * r * row;
        for (size_t x = 0; x < w * r; x++) {
            memcpy(to + x * c, from + x / r * c, c * sizeof(float));
        }
        for (size_t y = 1; y < r; y++) {
            memcpy(to + y * row, to, row * sizeof(float));
        }
    }
}

static void repeat_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const op_node_t *in = node->input[0];
    size_t r = ((const repeat_state_t *)node->state)->r;
    size_t c = zu(in->shape.c), w = zu(in->shape.w), row = w * r * c;
    (void)graph;
    if (!dx[0]) {
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < zu(in->shape.n) * zu(in->shape.h); i++) {
        float *to = dx[0] + i * w * c;
        memset(to, 0, w * c * sizeof(float));
        for (size_t k = 0; k < r * w * r; k++) {
            const float *from = node->grad + i * r * row + k * c;
            float *at = to + k % (w * r) / r * c;
            for (size_t j = 0; j < c; j++) {
                at[j] += from[j];
            }
        }
    }
}

static const op_t repeat_op = {
    .kind = "repeat", .forward = repeat_forward, .backward = repeat_backward};

node_t graph_repeat(graph_t *graph, node_t in, int r)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    if (r < 1 || r > 16) {
        return graph_fail(graph, ERR_ARGUMENT, "repeat of pixels %d times", r);
    }
    graph_shape_t shape = from->shape;
    shape.h *= r;
    shape.w *= r;
    op_node_t *node =
        graph_append(graph, &repeat_op, NULL, &from, 1, shape, sizeof(repeat_state_t));
    if (!node) {
        return NODE_NONE;
    }
    ((repeat_state_t *)node->state)->r = zu(r);
    return node->index;
}
