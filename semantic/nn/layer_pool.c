/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layer_pool: maxima and means over windows that do not overlap. */
#include "nn/op.h"

typedef struct {
    size_t rh, rw; /* window */
} pool_state_t;

/* ---- max ------------------------------------------------------------------ */

/* Works for any window; used with 2x2 and with the whole image. */
static void max_forward(graph_t *graph, op_node_t *node)
{
    const pool_state_t *state = node->state;
    const float *x = node->input[0]->data;
    float *y = node->data;
    size_t rows = zu(node->shape.n) * zu(node->shape.h), w = zu(node->shape.w);
    size_t channels = zu(node->shape.c), in_row = zu(node->input[0]->shape.w) * channels;
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < rows; row++) {
        for (size_t col = 0; col < w; col++) {
            float *restrict to = y + (row * w + col) * channels;
            const float *restrict from = x + row * state->rh * in_row + col * state->rw * channels;
            memcpy(to, from, channels * sizeof(float));
            for (size_t k = 1; k < state->rh * state->rw; k++) {
                const float *restrict v = from + k / state->rw * in_row + k % state->rw * channels;
#pragma omp simd
                for (size_t c = 0; c < channels; c++) {
                    to[c] = v[c] > to[c] ? v[c] : to[c];
                }
            }
        }
    }
}

/* The first element of the window that equals the maximum gets the gradient, as in PyTorch. */
static void max_backward_window(const float *restrict y, const float *restrict dy, const float *x,
                                float *d, const pool_state_t *state, size_t in_row, size_t channels)
{
    enum { CHUNK = 64 };
    for (size_t c0 = 0; c0 < channels; c0 += CHUNK) {
        size_t width = channels - c0 < CHUNK ? channels - c0 : CHUNK;
        float left[CHUNK];
        memcpy(left, dy + c0, width * sizeof(float));
        for (size_t k = 0; k < state->rh * state->rw; k++) {
            size_t at = k / state->rw * in_row + k % state->rw * channels + c0;
            const float *restrict v = x + at;
            float *restrict to = d + at;
#pragma omp simd
            for (size_t c = 0; c < width; c++) {
                float given = v[c] == y[c0 + c] ? left[c] : 0.0f;
                to[c] = given;
                left[c] -= given;
            }
        }
    }
}

static void max_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const pool_state_t *state = node->state;
    size_t rows = zu(node->shape.n) * zu(node->shape.h), w = zu(node->shape.w);
    size_t channels = zu(node->shape.c), in_row = zu(node->input[0]->shape.w) * channels;
    (void)graph;
    if (!dx[0]) {
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < rows; row++) {
        for (size_t col = 0; col < w; col++) {
            size_t out = (row * w + col) * channels;
            size_t in = row * state->rh * in_row + col * state->rw * channels;
            max_backward_window(node->data + out, node->grad + out, node->input[0]->data + in,
                                dx[0] + in, state, in_row, channels);
        }
    }
}

static const op_t max_op = {.kind = "max_pool", .forward = max_forward, .backward = max_backward};

/* ---- mean ----------------------------------------------------------------- */

static void avg_forward(graph_t *graph, op_node_t *node)
{
    const pool_state_t *state = node->state;
    const float *x = node->input[0]->data;
    float *y = node->data, part = 1.0f / (float)(state->rh * state->rw);
    size_t rows = zu(node->shape.n) * zu(node->shape.h), w = zu(node->shape.w);
    size_t channels = zu(node->shape.c), in_row = zu(node->input[0]->shape.w) * channels;
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < rows; row++) {
        for (size_t col = 0; col < w; col++) {
            float *restrict to = y + (row * w + col) * channels;
            const float *restrict from = x + row * state->rh * in_row + col * state->rw * channels;
            memset(to, 0, channels * sizeof(float));
            for (size_t k = 0; k < state->rh * state->rw; k++) {
                const float *restrict v = from + k / state->rw * in_row + k % state->rw * channels;
#pragma omp simd
                for (size_t c = 0; c < channels; c++) {
                    to[c] += v[c] * part;
                }
            }
        }
    }
}

static void avg_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const pool_state_t *state = node->state;
    float *d = dx[0], part = 1.0f / (float)(state->rh * state->rw);
    size_t rows = zu(node->shape.n) * zu(node->shape.h), w = zu(node->shape.w);
    size_t channels = zu(node->shape.c), in_row = zu(node->input[0]->shape.w) * channels;
    (void)graph;
    if (!d) {
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < rows; row++) {
        for (size_t col = 0; col < w; col++) {
            const float *restrict dy = node->grad + (row * w + col) * channels;
            float *restrict to = d + row * state->rh * in_row + col * state->rw * channels;
            for (size_t k = 0; k < state->rh * state->rw; k++) {
                float *restrict at = to + k / state->rw * in_row + k % state->rw * channels;
#pragma omp simd
                for (size_t c = 0; c < channels; c++) {
                    at[c] = dy[c] * part;
                }
            }
        }
    }
}

static const op_t avg_op = {.kind = "avg_pool", .forward = avg_forward, .backward = avg_backward};

/* ---- builders ------------------------------------------------------------- */

static node_t pool(graph_t *graph, node_t in, const op_t *op, int rh, int rw)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    graph_shape_t s = from->shape;
    rh = rh ? rh : s.h; /* 0: the whole image */
    rw = rw ? rw : s.w;
    if (rh < 1 || rw < 1 || s.h % rh || s.w % rw) {
        return graph_fail(graph, ERR_ARGUMENT, "%s: %dx%d does not divide %dx%d", op->kind, rh, rw,
                          s.h, s.w);
    }
    op_node_t *node = graph_append(graph, op, NULL, &from, 1,
                                   (graph_shape_t){s.n, s.h / rh, s.w / rw, s.c},
                                   sizeof(pool_state_t));
    if (!node) {
        return NODE_NONE;
    }
    *(pool_state_t *)node->state = (pool_state_t){zu(rh), zu(rw)};
    return node->index;
}

node_t graph_max_pool(graph_t *graph, node_t in)
{
    return pool(graph, in, &max_op, 2, 2);
}

node_t graph_avg_pool(graph_t *graph, node_t in, int r)
{
    return r < 1 ? graph_fail(graph, ERR_ARGUMENT, "avg_pool: window %d", r)
                 : pool(graph, in, &avg_op, r, r);
}

node_t graph_global_avg_pool(graph_t *graph, node_t in)
{
    return pool(graph, in, &avg_op, 0, 0);
}

node_t graph_global_max_pool(graph_t *graph, node_t in)
{
    return pool(graph, in, &max_op, 0, 0);
}
