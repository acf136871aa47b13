/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * channel: the air with its equaliser, and what the decoder sees of it.
 *
 *     y = h s + n      s_hat = conj(h) y / (|h|^2 + N0)
 *
 * is the MMSE estimate for E|s|^2 = 1; its error variance is N0 / (|h|^2 + N0).
 * d s_hat / d s is the real number |h|^2 / (|h|^2 + N0).
 */
#include "nn/op.h"

#include <math.h>

/* ---- channel -------------------------------------------------------------- */

enum { SENT, NOISE, N0, GAIN };

static void channel_row(const float *restrict s, const float *restrict h, const float *restrict noise,
                        float n0, size_t used, size_t all, float *restrict out)
{
    for (size_t c = 0; c < used; c++) {
        float hr = h ? h[2 * c] : 1.0f, hi = h ? h[2 * c + 1] : 0.0f;
        float yr = hr * s[2 * c] - hi * s[2 * c + 1] + noise[2 * c];
        float yi = hr * s[2 * c + 1] + hi * s[2 * c] + noise[2 * c + 1];
        float inverse = 1.0f / (hr * hr + hi * hi + n0);
        out[2 * c] = (hr * yr + hi * yi) * inverse;
        out[2 * c + 1] = (hr * yi - hi * yr) * inverse;
        out[2 * all + c] = n0 * inverse;
    }
    for (size_t c = used; c < all; c++) {
        out[2 * c] = out[2 * c + 1] = 0.0f;
        out[2 * all + c] = 1.0f;
    }
}

static void channel_forward(graph_t *graph, op_node_t *node)
{
    const op_node_t *sent = node->input[SENT];
    size_t rows = node_rows(node), all = zu(sent->shape.c) / 2, pixels = node_pixels(node);
    size_t used = graph_used(graph, sent->shape.c);
    const float *h = node->inputs > GAIN ? node->input[GAIN]->data : NULL;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        channel_row(sent->data + r * 2 * all, h ? h + r * 2 * all : NULL,
                    node->input[NOISE]->data + r * 2 * all, node->input[N0]->data[r / pixels],
                    used, all, node->data + r * 3 * all);
    }
}

static void channel_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const op_node_t *sent = node->input[SENT];
    size_t rows = node_rows(node), all = zu(sent->shape.c) / 2, pixels = node_pixels(node);
    size_t used = graph_used(graph, sent->shape.c);
    const float *h = node->inputs > GAIN ? node->input[GAIN]->data : NULL;
    float *d = dx[SENT];
    if (!d) {
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        float n0 = node->input[N0]->data[r / pixels];
        for (size_t c = 0; c < all; c++) {
            float hr = h ? h[(r * all + c) * 2] : 1.0f, hi = h ? h[(r * all + c) * 2 + 1] : 0.0f;
            float power = hr * hr + hi * hi;
            float slope = c < used ? power / (power + n0) : 0.0f;
            d[(r * all + c) * 2] = slope * node->grad[r * 3 * all + 2 * c];
            d[(r * all + c) * 2 + 1] = slope * node->grad[r * 3 * all + 2 * c + 1];
        }
    }
}

static const op_t channel_op = {.kind = "channel", .forward = channel_forward,
                                .backward = channel_backward};

node_t graph_channel(graph_t *graph, node_t s, node_t h, node_t n, node_t n0)
{
    op_node_t *from[4] = {graph_symbol_node(graph, s, "channel"), graph_node(graph, n),
                          graph_node(graph, n0), h == NODE_NONE ? NULL : graph_node(graph, h)};
    int inputs = h == NODE_NONE ? 3 : 4;
    if (!from[SENT] || !from[NOISE] || !from[N0] || (inputs == 4 && !from[GAIN])) {
        return NODE_NONE;
    }
    if (from[NOISE]->count != from[SENT]->count || from[N0]->count != zu(graph->batch) ||
        (inputs == 4 && from[GAIN]->count != from[SENT]->count)) {
        return graph_fail(graph, ERR_ARGUMENT,
                          "channel: gain and noise must be shaped as the symbols, n0 [N][1][1][1]");
    }
    graph_shape_t shape = from[SENT]->shape;
    shape.c = shape.c / 2 * 3;
    op_node_t *node = graph_append(graph, &channel_op, NULL, from, inputs, shape, 0);
    if (!node) {
        return NODE_NONE;
    }
    node->blocked = ~1u;
    return node->index;
}

/* ---- the decoder's view of the noise -------------------------------------- */

static void noise_log_forward(graph_t *graph, op_node_t *node)
{
    const float *x = node->input[0]->data;
    float *y = node->data;
    size_t rows = node_rows(node), all = zu(node->shape.c) / 3;
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        const float *from = x + r * 3 * all;
        float *to = y + r * 3 * all;
        memmove(to, from, 2 * all * sizeof(float));
        for (size_t c = 2 * all; c < 3 * all; c++) {
            float v = from[c] < 1.0f ? from[c] : 1.0f;
            to[c] = -log10f(v > 1e-4f ? v : 1e-4f);
        }
    }
}

static void noise_log_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    size_t rows = node_rows(node), all = zu(node->shape.c) / 3;
    (void)graph;
    for (size_t r = 0; dx[0] && r < rows; r++) {
        memcpy(dx[0] + r * 3 * all, node->grad + r * 3 * all, 2 * all * sizeof(float));
        memset(dx[0] + r * 3 * all + 2 * all, 0, all * sizeof(float));
    }
}

static const op_t noise_log_op = {.kind = "noise_log", .forward = noise_log_forward,
                                  .backward = noise_log_backward, .in_place = true};

node_t graph_noise_log(graph_t *graph, node_t soft)
{
    op_node_t *from = graph_node(graph, soft);
    if (!from) {
        return NODE_NONE;
    }
    if (from->shape.c % 3) {
        return graph_fail(graph, ERR_ARGUMENT, "noise_log: %d channels are not 2C + C",
                          from->shape.c);
    }
    op_node_t *node = graph_append(graph, &noise_log_op, NULL, &from, 1, from->shape, 0);
    return node ? node->index : NODE_NONE;
}
