/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loss: one number per sample: squared error, commitment, cross-entropy. */
#include "nn/op.h"

#include <math.h>

typedef struct {
    float smoothing;
} entropy_state_t;

/* ---- squared error -------------------------------------------------------- */

enum { LEFT, RIGHT, WEIGHTS };

static double squared_distance(const float *restrict a, const float *restrict b, size_t count)
{
    enum { BLOCK = 1024 };
    double total = 0.0;
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t end = first + BLOCK < count ? first + BLOCK : count;
        float part = 0.0f;
#pragma omp simd reduction(+ : part)
        for (size_t i = first; i < end; i++) {
            part += (a[i] - b[i]) * (a[i] - b[i]);
        }
        total += (double)part;
    }
    return total;
}

static void mse_forward(graph_t *graph, op_node_t *node)
{
    size_t samples = zu(node->shape.n), each = node->input[LEFT]->count / samples;
    const float *weight = node->inputs > WEIGHTS ? node->input[WEIGHTS]->data : NULL;
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        double sum = squared_distance(node->input[LEFT]->data + n * each,
                                      node->input[RIGHT]->data + n * each, each);
        node->data[n] = (float)(sum / (double)each) * (weight ? weight[n] : 1.0f);
    }
}

static void mse_backward_side(const op_node_t *node, float sign, float *restrict d)
{
    size_t samples = zu(node->shape.n), each = node->input[LEFT]->count / samples;
    const float *weight = node->inputs > WEIGHTS ? node->input[WEIGHTS]->data : NULL;
    const float *a = node->input[LEFT]->data, *b = node->input[RIGHT]->data;
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        float factor = sign * 2.0f * node->grad[n] * (weight ? weight[n] : 1.0f) / (float)each;
#pragma omp simd
        for (size_t i = n * each; i < (n + 1) * each; i++) {
            d[i] = factor * (a[i] - b[i]);
        }
    }
}

static void mse_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    (void)graph;
    if (dx[LEFT]) {
        mse_backward_side(node, 1.0f, dx[LEFT]);
    }
    if (dx[RIGHT]) {
        mse_backward_side(node, -1.0f, dx[RIGHT]);
    }
}

static const op_t mse_op = {.kind = "mse", .forward = mse_forward, .backward = mse_backward};

static node_t mse_add(graph_t *graph, op_node_t *const *from, int inputs)
{
    for (int k = 0; k < inputs; k++) {
        if (!from[k]) {
            return NODE_NONE;
        }
    }
    if (from[LEFT]->count != from[RIGHT]->count || from[LEFT]->shape.c != from[RIGHT]->shape.c) {
        return graph_fail(graph, ERR_ARGUMENT, "mse of %dx%dx%d and %dx%dx%d",
                          from[LEFT]->shape.h, from[LEFT]->shape.w, from[LEFT]->shape.c,
                          from[RIGHT]->shape.h, from[RIGHT]->shape.w, from[RIGHT]->shape.c);
    }
    if (inputs > WEIGHTS && from[WEIGHTS]->count != zu(graph->batch)) {
        return graph_fail(graph, ERR_ARGUMENT, "mse: weights must be [N][1][1][1]");
    }
    op_node_t *node =
        graph_append(graph, &mse_op, NULL, from, inputs, (graph_shape_t){graph->batch, 1, 1, 1}, 0);
    if (!node) {
        return NODE_NONE;
    }
    node->blocked = 1u << WEIGHTS;
    return node->index;
}

node_t graph_mse(graph_t *graph, node_t a, node_t b)
{
    op_node_t *from[2] = {graph_node(graph, a), graph_node(graph, b)};
    return mse_add(graph, from, 2);
}

node_t graph_mse_weighted(graph_t *graph, node_t a, node_t b, node_t weight)
{
    op_node_t *from[3] = {graph_node(graph, a), graph_node(graph, b), graph_node(graph, weight)};
    return mse_add(graph, from, 3);
}

/* ---- commitment ----------------------------------------------------------- */

static void commitment_forward(graph_t *graph, op_node_t *node)
{
    const op_node_t *x = node->input[LEFT], *q = node->input[RIGHT];
    size_t pixels = node_pixels(x), channels = zu(x->shape.c);
    size_t used = graph_used(graph, x->shape.c);
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < zu(x->shape.n); n++) {
        double sum = 0.0;
        for (size_t p = 0; p < pixels; p++) {
            size_t at = (n * pixels + p) * channels;
            sum += squared_distance(x->data + at, q->data + at, 2 * used);
        }
        node->data[n] = (float)(sum / (double)(pixels * used));
    }
}

static void commitment_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const op_node_t *x = node->input[LEFT], *q = node->input[RIGHT];
    size_t rows = node_rows(x), pixels = node_pixels(x), channels = zu(x->shape.c);
    size_t used = graph_used(graph, x->shape.c);
    for (size_t r = 0; dx[LEFT] && r < rows; r++) {
        float factor = 2.0f * node->grad[r / pixels] / (float)(pixels * used);
        for (size_t c = 0; c < channels; c++) {
            size_t at = r * channels + c;
            dx[LEFT][at] = c < 2 * used ? factor * (x->data[at] - q->data[at]) : 0.0f;
        }
    }
}

static const op_t commitment_op = {.kind = "commitment", .forward = commitment_forward,
                                   .backward = commitment_backward};

node_t graph_commitment(graph_t *graph, node_t x, node_t q)
{
    op_node_t *from[2] = {graph_node(graph, x), graph_node(graph, q)};
    if (!from[0] || !from[1]) {
        return NODE_NONE;
    }
    if (from[0]->count != from[1]->count || from[0]->shape.c % 2) {
        return graph_fail(graph, ERR_ARGUMENT, "commitment: shapes differ or are not pairs");
    }
    op_node_t *node = graph_append(graph, &commitment_op, NULL, from, 2,
                                   (graph_shape_t){graph->batch, 1, 1, 1}, 0);
    if (!node) {
        return NODE_NONE;
    }
    node->blocked = 1u << RIGHT;
    return node->index;
}

/* ---- cross-entropy -------------------------------------------------------- */

/* Fills p with the softmax and returns log(sum(exp(z))). */
static double softmax(const float *z, size_t count, float *p)
{
    float top = z[0];
    double sum = 0.0;
    for (size_t k = 1; k < count; k++) {
        top = z[k] > top ? z[k] : top;
    }
    for (size_t k = 0; k < count; k++) {
        p[k] = expf(z[k] - top);
        sum += (double)p[k];
    }
    for (size_t k = 0; k < count; k++) {
        p[k] = (float)((double)p[k] / sum);
    }
    return log(sum) + (double)top;
}

/* -1 for anything that is not a class. */
static long class_of(float label, size_t classes)
{
    return label >= 0.0f && label < (float)classes ? (long)label : -1;
}

static void entropy_forward(graph_t *graph, op_node_t *node)
{
    const entropy_state_t *state = node->state;
    const op_node_t *logits = node->input[0];
    size_t classes = zu(logits->shape.c);
    double smoothing = (double)state->smoothing;
    float *p = (float *)((char *)node->state + sizeof *state); /* softmax, [N][K], for backward */
    (void)graph;
    for (size_t n = 0; n < zu(node->shape.n); n++) {
        const float *z = logits->data + n * classes;
        double log_sum = softmax(z, classes, p + n * classes), mean = 0.0;
        long label = class_of(node->input[1]->data[n], classes);
        for (size_t k = 0; k < classes; k++) {
            mean += (double)z[k] / (double)classes;
        }
        node->data[n] = label < 0 ? 0.0f
                                  : (float)(log_sum - (1.0 - smoothing) * (double)z[label] -
                                            smoothing * mean);
    }
}

static void entropy_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const entropy_state_t *state = node->state;
    size_t classes = zu(node->input[0]->shape.c);
    const float *p = (const float *)((const char *)node->state + sizeof *state);
    (void)graph;
    for (size_t n = 0; dx[0] && n < zu(node->shape.n); n++) {
        long label = class_of(node->input[1]->data[n], classes);
        for (size_t k = 0; k < classes; k++) {
            float want = state->smoothing / (float)classes +
                         ((long)k == label ? 1.0f - state->smoothing : 0.0f);
            dx[0][n * classes + k] =
                label < 0 ? 0.0f : node->grad[n] * (p[n * classes + k] - want);
        }
    }
}

static const op_t entropy_op = {.kind = "cross_entropy", .forward = entropy_forward,
                                .backward = entropy_backward};

node_t graph_cross_entropy(graph_t *graph, node_t logits, node_t labels, float smoothing)
{
    op_node_t *from[2] = {graph_node(graph, logits), graph_node(graph, labels)};
    if (!from[0] || !from[1]) {
        return NODE_NONE;
    }
    if (from[0]->shape.h != 1 || from[0]->shape.w != 1 || from[1]->count != zu(graph->batch) ||
        !(smoothing >= 0.0f && smoothing < 1.0f)) {
        return graph_fail(graph, ERR_ARGUMENT,
                          "cross_entropy needs logits [N][1][1][K], labels [N][1][1][1] and "
                          "smoothing in [0, 1)");
    }
    op_node_t *node = graph_append(graph, &entropy_op, NULL, from, 2,
                                   (graph_shape_t){graph->batch, 1, 1, 1},
                                   sizeof(entropy_state_t) + from[0]->count * sizeof(float));
    if (!node) {
        return NODE_NONE;
    }
    ((entropy_state_t *)node->state)->smoothing = smoothing;
    node->blocked = 1u << 1;
    return node->index;
}
