/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * constellation: with a the soft assignment of one axis and y = sum a_i c_i,
 *     d a_i / dx = 2 sharpness a_i (c_i - y)      d y / dx = 2 sharpness (sum a_i c_i^2 - y^2)
 * and with P_ij = mean over symbols of a_i(re) b_j(im), KL = sum P_ij log(64 P_ij),
 *     d KL / d re = 1/M sum_i (d a_i / d re) sum_j (log(64 P_ij) + 1) b_j.
 */
#include "nn/constellation.h"

#include "nn/op.h"

#include <math.h>

enum { LEVELS = 8, POINTS = LEVELS * LEVELS };

typedef struct {
    float sharpness; /* first: graph_set_sharpness */
    double histogram[POINTS];
    double slope[POINTS]; /* log(64 P) + 1 */
} state_t;

static float level(int i)
{
    return (2.0f * (float)i - 7.0f) / sqrtf(42.0f);
}

/* Fills a[8]; returns the expected level. */
static float assign(float x, float sharpness, float *a)
{
    float nearest = 1e30f, sum = 0.0f, mean = 0.0f;
    for (int i = 0; i < LEVELS; i++) {
        a[i] = (x - level(i)) * (x - level(i));
        nearest = a[i] < nearest ? a[i] : nearest;
    }
    for (int i = 0; i < LEVELS; i++) {
        a[i] = expf(-sharpness * (a[i] - nearest));
        sum += a[i];
    }
    for (int i = 0; i < LEVELS; i++) {
        a[i] /= sum;
        mean += a[i] * level(i);
    }
    return mean;
}

void graph_set_sharpness(graph_t *graph, node_t node, float sharpness)
{
    ((state_t *)graph->nodes[node]->state)->sharpness = sharpness;
}

/* ---- the expected point ------------------------------------------------------ */

static void soft_forward(graph_t *graph, op_node_t *node)
{
    const state_t *state = node->state;
    size_t used = graph_used(graph, node->shape.c), channels = zu(node->shape.c);
    const float *x = node->input[0]->data;
    for (size_t r = 0; r < node_rows(node); r++) {
        float *y = node->data + r * channels, a[LEVELS];
        for (size_t c = 0; c < 2 * used; c++) {
            y[c] = assign(x[r * channels + c], state->sharpness, a);
        }
        memset(y + 2 * used, 0, (channels - 2 * used) * sizeof(float));
    }
}

static void soft_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const state_t *state = node->state;
    size_t used = graph_used(graph, node->shape.c), channels = zu(node->shape.c);
    const float *x = node->input[0]->data;
    for (size_t r = 0; dx[0] && r < node_rows(node); r++) {
        float *d = dx[0] + r * channels, a[LEVELS];
        for (size_t c = 0; c < 2 * used; c++) {
            float mean = assign(x[r * channels + c], state->sharpness, a), square = 0.0f;
            for (int i = 0; i < LEVELS; i++) {
                square += a[i] * (level(i) - mean) * (level(i) - mean);
            }
            d[c] = node->grad[r * channels + c] * 2.0f * state->sharpness * square;
        }
        memset(d + 2 * used, 0, (channels - 2 * used) * sizeof(float));
    }
}

static const op_t soft_op = {
    .kind = "quantise_soft", .forward = soft_forward, .backward = soft_backward};

static node_t add(graph_t *graph, const op_t *op, node_t in, bool scalar, float sharpness)
{
    op_node_t *from = graph_symbol_node(graph, in, op->kind);
    if (from && !(sharpness > 0.0f)) {
        return graph_fail(graph, ERR_ARGUMENT, "%s: sharpness %g is not > 0", op->kind,
                          (double)sharpness);
    }
    op_node_t *node =
        from ? graph_append(graph, op, NULL, &from, 1,
                            scalar ? (graph_shape_t){graph->batch, 1, 1, 1} : from->shape,
                            sizeof(state_t))
             : NULL;
    if (!node) {
        return NODE_NONE;
    }
    ((state_t *)node->state)->sharpness = sharpness;
    return node->index;
}

node_t graph_quantise_soft(graph_t *graph, node_t in, float sharpness)
{
    return add(graph, &soft_op, in, false, sharpness);
}

/* ---- divergence --------------------------------------------------------------- */

static void kl_forward(graph_t *graph, op_node_t *node)
{
    state_t *state = node->state;
    const op_node_t *in = node->input[0];
    size_t used = graph_used(graph, in->shape.c), channels = zu(in->shape.c);
    double symbols = (double)(node_rows(in) * used), kl = 0.0;
    memset(state->histogram, 0, sizeof(state->histogram));
    for (size_t r = 0; r < node_rows(in); r++) {
        float a[LEVELS], b[LEVELS];
        for (size_t c = 0; c < used; c++) {
            assign(in->data[r * channels + 2 * c], state->sharpness, a);
            assign(in->data[r * channels + 2 * c + 1], state->sharpness, b);
            for (int k = 0; k < POINTS; k++) {
                state->histogram[k] += (double)(a[k / LEVELS] * b[k % LEVELS]);
            }
        }
    }
    for (int k = 0; k < POINTS; k++) {
        double share = state->histogram[k] / symbols + 1e-12;
        state->slope[k] = log(POINTS * share) + 1.0;
        kl += share * log(POINTS * share);
    }
    for (size_t n = 0; n < node->count; n++) {
        node->data[n] = (float)kl;
    }
}

/* d KL / dx of one axis: `weight` is sum_j slope_ij b_j. */
static float axis_slope(const float *a, float mean, const float *weight, float sharpness)
{
    float sum = 0.0f;
    for (int i = 0; i < LEVELS; i++) {
        sum += 2.0f * sharpness * a[i] * (level(i) - mean) * weight[i];
    }
    return sum;
}

static void symbol_slope(const state_t *state, const float *x, float factor, float *d)
{
    float a[LEVELS], b[LEVELS], along[LEVELS] = {0}, across[LEVELS] = {0};
    float re = assign(x[0], state->sharpness, a), im = assign(x[1], state->sharpness, b);
    for (int k = 0; k < POINTS; k++) {
        float slope = (float)state->slope[k];
        along[k / LEVELS] += slope * b[k % LEVELS];
        across[k % LEVELS] += slope * a[k / LEVELS];
    }
    d[0] = factor * axis_slope(a, re, along, state->sharpness);
    d[1] = factor * axis_slope(b, im, across, state->sharpness);
}

static void kl_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const state_t *state = node->state;
    const op_node_t *in = node->input[0];
    size_t used = graph_used(graph, in->shape.c), channels = zu(in->shape.c);
    float total = 0.0f;
    for (size_t n = 0; n < node->count; n++) {
        total += node->grad[n];
    }
    float factor = total / (float)(node_rows(in) * used);
    for (size_t r = 0; dx[0] && r < node_rows(in); r++) {
        size_t at = r * channels;
        for (size_t c = 0; c < used; c++) {
            symbol_slope(state, in->data + at + 2 * c, factor, dx[0] + at + 2 * c);
        }
        memset(dx[0] + at + 2 * used, 0, (channels - 2 * used) * sizeof(float));
    }
}

static const op_t kl_op = {
    .kind = "constellation_kl", .forward = kl_forward, .backward = kl_backward};

node_t graph_constellation_kl(graph_t *graph, node_t in, float sharpness)
{
    return add(graph, &kl_op, in, true, sharpness);
}
