/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_act: element-wise activations.  exp is a polynomial (Cody-Waite reduction,
 * degree 6, 2 ulp) written so that the compiler vectorises it; libm's would not be.
 */
#include "nn/op.h"

#include <math.h>
#include <string.h>

static inline float fast_exp(float x)
{
    x = x < -87.0f ? -87.0f : x > 87.0f ? 87.0f : x;
    /* Adding and subtracting 1.5*2^23 rounds to an integer. */
    float n = x * 1.44269504f + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &n, sizeof bits);
    n -= 12582912.0f;
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t scale_bits = (int32_t)(((uint32_t)bits - 0x4B400000u + 127u) << 23);
    float scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return p * scale;
}

static inline float sigmoid(float x)
{
    return 1.0f / (1.0f + fast_exp(-x));
}

/* 1 - 2/(e^2x + 1) loses digits near 0, where the odd series is exact enough. */
static inline float fast_tanh(float x)
{
    float big = 1.0f - 2.0f / (fast_exp(2.0f * x) + 1.0f);
    float x2 = x * x;
    float small = x * (1.0f - x2 * (1.0f / 3.0f - x2 * (2.0f / 15.0f - x2 * (17.0f / 315.0f))));
    return x2 < 0.01f ? small : big;
}

typedef struct {
    float bound;
} tanh_state_t;

#define EACH(count) _Pragma("omp parallel for simd schedule(static)") \
    for (size_t i = 0; i < (count); i++)

static void relu_forward(graph_t *graph, op_node_t *node)
{
    const float *x = node->input[0]->data;
    float *y = node->data;
    (void)graph;
    EACH(node->count) { y[i] = x[i] > 0.0f ? x[i] : 0.0f; }
}

static void relu_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const float *restrict y = node->data, *restrict dy = node->grad;
    float *restrict d = dx[0];
    (void)graph;
    if (d) {
        EACH(node->count) { d[i] = y[i] > 0.0f ? dy[i] : 0.0f; }
    }
}

static void silu_forward(graph_t *graph, op_node_t *node)
{
    const float *x = node->input[0]->data;
    float *y = node->data;
    (void)graph;
    EACH(node->count) { y[i] = x[i] * sigmoid(x[i]); }
}

static void silu_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const float *restrict x = node->input[0]->data, *restrict dy = node->grad;
    float *restrict d = dx[0];
    (void)graph;
    if (d) {
        EACH(node->count)
        {
            float s = sigmoid(x[i]);
            d[i] = dy[i] * s * (1.0f + x[i] * (1.0f - s));
        }
    }
}

static void sigmoid_forward(graph_t *graph, op_node_t *node)
{
    const float *x = node->input[0]->data;
    float *y = node->data;
    (void)graph;
    EACH(node->count) { y[i] = sigmoid(x[i]); }
}

static void sigmoid_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const float *restrict y = node->data, *restrict dy = node->grad;
    float *restrict d = dx[0];
    (void)graph;
    if (d) {
        EACH(node->count) { d[i] = dy[i] * y[i] * (1.0f - y[i]); }
    }
}

static void tanh_forward(graph_t *graph, op_node_t *node)
{
    float bound = ((tanh_state_t *)node->state)->bound, inverse = 1.0f / bound;
    const float *x = node->input[0]->data;
    float *y = node->data;
    (void)graph;
    EACH(node->count) { y[i] = bound * fast_tanh(x[i] * inverse); }
}

static void tanh_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    float bound = ((tanh_state_t *)node->state)->bound, inverse = 1.0f / bound;
    const float *restrict y = node->data, *restrict dy = node->grad;
    float *restrict d = dx[0];
    (void)graph;
    if (d) {
        EACH(node->count)
        {
            float t = y[i] * inverse;
            d[i] = dy[i] * (1.0f - t * t);
        }
    }
}

static const op_t relu_op = {.kind = "relu", .forward = relu_forward, .backward = relu_backward,
                             .in_place = true};
static const op_t silu_op = {.kind = "silu", .forward = silu_forward, .backward = silu_backward,
                             .in_place = true};
static const op_t sigmoid_op = {.kind = "sigmoid", .forward = sigmoid_forward,
                                .backward = sigmoid_backward, .in_place = true};
static const op_t tanh_op = {.kind = "tanh", .forward = tanh_forward, .backward = tanh_backward,
                             .in_place = true};

static op_node_t *add_activation(graph_t *graph, node_t in, const op_t *op, size_t state)
{
    op_node_t *from = graph_node(graph, in);
    return from ? graph_append(graph, op, NULL, &from, 1, from->shape, state) : NULL;
}

node_t graph_relu(graph_t *graph, node_t in)
{
    op_node_t *node = add_activation(graph, in, &relu_op, 0);
    return node ? node->index : NODE_NONE;
}

node_t graph_silu(graph_t *graph, node_t in)
{
    op_node_t *node = add_activation(graph, in, &silu_op, 0);
    return node ? node->index : NODE_NONE;
}

node_t graph_sigmoid(graph_t *graph, node_t in)
{
    op_node_t *node = add_activation(graph, in, &sigmoid_op, 0);
    return node ? node->index : NODE_NONE;
}

node_t graph_tanh(graph_t *graph, node_t in, float bound)
{
    if (!(bound > 0.0f)) {
        return graph_fail(graph, ERR_ARGUMENT, "tanh: the bound is %g, not above 0", (double)bound);
    }
    op_node_t *node = add_activation(graph, in, &tanh_op, sizeof(tanh_state_t));
    if (!node) {
        return NODE_NONE;
    }
    ((tanh_state_t *)node->state)->bound = bound;
    return node->index;
}

/* ---- PReLU ---------------------------------------------------------------- */

static void prelu_forward(graph_t *graph, op_node_t *node)
{
    const float *restrict slope = node->param[0]->value;
    const float *x = node->input[0]->data;
    float *y = node->data;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            float v = x[r * channels + c];
            y[r * channels + c] = v > 0.0f ? v : slope[c] * v;
        }
    }
}

/* The slope's gradient is sum(dy * min(x, 0)); that product is formed in the state's buffer. */
static void prelu_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const float *restrict slope = node->param[0]->value;
    const float *restrict x = node->input[0]->data, *restrict dy = node->grad;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    float *restrict d = dx[0];
    if (node->trains) {
        double *sum = node->state;
        graph_negative_sums(graph, x, dy, rows, channels, sum);
        for (size_t c = 0; c < channels; c++) {
            node->param[0]->grad[c] += (float)sum[c];
        }
    }
    if (!d) {
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            size_t at = r * channels + c;
            d[at] = x[at] > 0.0f ? dy[at] : slope[c] * dy[at];
        }
    }
}

static const op_t prelu_op = {.kind = "prelu", .forward = prelu_forward,
                              .backward = prelu_backward, .in_place = true};

node_t graph_prelu(graph_t *graph, node_t in, const char *name)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    op_node_t *node = graph_append(graph, &prelu_op, name, &from, 1, from->shape,
                                   zu(from->shape.c) * sizeof(double));
    return graph_bind(graph, node, 0, "weight", 1, &from->shape.c, PARAM_NO_DECAY,
                      PARAM_INIT_CONSTANT, 0.25f)
               ? node->index
               : NODE_NONE;
}
