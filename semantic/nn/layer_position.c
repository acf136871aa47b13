/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_position: what transformers and architecture search add.
 *
 * Layer norm (Ba, Kiros, Hinton, 2016) over the channels of one position:
 *     xhat = (x - m) / sqrt(v + eps)        y = w xhat + b
 *     dx = (g - mean(g) - xhat mean(g xhat)) / sqrt(v + eps),   g = w dy
 *
 * Mixture (Liu, Simonyan, Yang, "DARTS", 2018, eq. 2): with p = softmax(alpha / T),
 *     y = sum_j p_j x_j      dx_j = p_j dy      dalpha_j = p_j (<dy, x_j> - <dy, y>) / T
 */
#include "nn/op.h"
#include "nn/vector.h"

#include <math.h>

/* ---- layer norm ------------------------------------------------------------- */

enum { WEIGHT, BIAS };

typedef struct {
    bool plain; /* no tensors: weight 1, bias 0 */
    double eps;
    float *mean, *inverse; /* [rows] */
} norm_state_t;

static int norm_finish(graph_t *graph, op_node_t *node, err_t *err)
{
    norm_state_t *s = node->state;
    size_t bytes = node_rows(node) * sizeof(float);
    s->mean = graph_alloc(graph, bytes, err);
    s->inverse = s->mean ? graph_alloc(graph, bytes, err) : NULL;
    return s->inverse ? 0 : -1;
}

static void norm_row(const norm_state_t *s, const float *x, size_t channels, float *mean,
                     float *inverse)
{
    double sum = 0.0, sum2 = 0.0;
    for (size_t c = 0; c < channels; c++) {
        sum += (double)x[c];
    }
    double m = sum / (double)channels;
    for (size_t c = 0; c < channels; c++) {
        sum2 += ((double)x[c] - m) * ((double)x[c] - m);
    }
    *mean = (float)m;
    *inverse = (float)(1.0 / sqrt(sum2 / (double)channels + s->eps));
}

static void norm_forward(graph_t *graph, op_node_t *node)
{
    const norm_state_t *s = node->state;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    const float *weight = s->plain ? NULL : node->param[WEIGHT]->value;
    const float *bias = s->plain ? NULL : node->param[BIAS]->value;
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        const float *x = node->input[0]->data + r * channels;
        float *y = node->data + r * channels;
        norm_row(s, x, channels, &s->mean[r], &s->inverse[r]);
        for (size_t c = 0; c < channels; c++) {
            float hat = (x[c] - s->mean[r]) * s->inverse[r];
            y[c] = weight ? weight[c] * hat + bias[c] : hat;
        }
    }
}

static void norm_backward_row(const op_node_t *node, size_t r, float *dx)
{
    const norm_state_t *s = node->state;
    size_t channels = zu(node->shape.c);
    const float *weight = s->plain ? NULL : node->param[WEIGHT]->value;
    const float *x = node->input[0]->data + r * channels, *dy = node->grad + r * channels;
    double sum = 0.0, sum_hat = 0.0;
    for (size_t c = 0; c < channels; c++) {
        double g = (double)(weight ? weight[c] * dy[c] : dy[c]);
        sum += g;
        sum_hat += g * (double)((x[c] - s->mean[r]) * s->inverse[r]);
    }
    float mean = (float)(sum / (double)channels), mean_hat = (float)(sum_hat / (double)channels);
    for (size_t c = 0; c < channels; c++) {
        float hat = (x[c] - s->mean[r]) * s->inverse[r];
        dx[c] = s->inverse[r] * ((weight ? weight[c] * dy[c] : dy[c]) - mean - hat * mean_hat);
    }
}

static void norm_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const norm_state_t *s = node->state;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    (void)graph;
    for (size_t r = 0; node->trains && r < rows; r++) {
        const float *x = node->input[0]->data + r * channels, *dy = node->grad + r * channels;
        for (size_t c = 0; c < channels; c++) {
            if (param_wants_gradient(node->param[WEIGHT])) {
                node->param[WEIGHT]->grad[c] += dy[c] * (x[c] - s->mean[r]) * s->inverse[r];
            }
            if (param_wants_gradient(node->param[BIAS])) {
                node->param[BIAS]->grad[c] += dy[c];
            }
        }
    }
    if (dx[0]) {
#pragma omp parallel for schedule(static)
        for (size_t r = 0; r < rows; r++) {
            norm_backward_row(node, r, dx[0] + r * channels);
        }
    }
}

static const op_t norm_op = {.kind = "layer_norm",
                             .finish = norm_finish,
                             .forward = norm_forward,
                             .backward = norm_backward};

node_t graph_layer_norm(graph_t *graph, node_t in, const char *name, float eps)
{
    op_node_t *from = graph_node(graph, in);
    op_node_t *node =
        from ? graph_append(graph, &norm_op, name, &from, 1, from->shape, sizeof(norm_state_t))
             : NULL;
    if (!node) {
        return NODE_NONE;
    }
    norm_state_t *s = node->state;
    s->plain = name == NULL;
    s->eps = (double)eps;
    const int *c = &from->shape.c;
    if (!s->plain &&
        (!graph_bind(graph, node, WEIGHT, "weight", 1, c, PARAM_NO_DECAY, PARAM_INIT_CONSTANT,
                     1.0f) ||
         !graph_bind(graph, node, BIAS, "bias", 1, c, PARAM_NO_DECAY, PARAM_INIT_CONSTANT, 0.0f))) {
        return NODE_NONE;
    }
    return node->index;
}

/* ---- mixture ---------------------------------------------------------------- */

typedef struct {
    double temperature;
    float share[OP_INPUTS_MAX];
} mixture_state_t;

static void mixture_shares(const op_node_t *node)
{
    mixture_state_t *s = node->state;
    const float *alpha = node->param[0]->value;
    double sum = 0.0, top = (double)alpha[0];
    for (int j = 1; j < node->inputs; j++) {
        top = fmax(top, (double)alpha[j]);
    }
    for (int j = 0; j < node->inputs; j++) {
        s->share[j] = (float)exp(((double)alpha[j] - top) / s->temperature);
        sum += (double)s->share[j];
    }
    for (int j = 0; j < node->inputs; j++) {
        s->share[j] = (float)((double)s->share[j] / sum);
    }
}

static void mixture_forward(graph_t *graph, op_node_t *node)
{
    const mixture_state_t *s = node->state;
    (void)graph;
    mixture_shares(node);
    for (int j = 0; j < node->inputs; j++) {
        const float *restrict x = node->input[j]->data;
        float *restrict y = node->data, share = s->share[j];
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < node->count; i++) {
            y[i] = share * x[i] + (j > 0 ? y[i] : 0.0f);
        }
    }
}

static void mixture_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const mixture_state_t *s = node->state;
    (void)graph;
    double mean = node->trains ? vector_dot(node->grad, node->data, node->count) : 0.0;
    for (int j = 0; j < node->inputs; j++) {
        if (node->trains) {
            double own = vector_dot(node->grad, node->input[j]->data, node->count);
            node->param[0]->grad[j] += (float)((double)s->share[j] * (own - mean) / s->temperature);
        }
        float *restrict d = dx[j], share = s->share[j];
        const float *restrict dy = node->grad;
        for (size_t i = 0; d && i < node->count; i++) {
            d[i] = share * dy[i];
        }
    }
}

static const op_t mixture_op = {
    .kind = "mixture", .forward = mixture_forward, .backward = mixture_backward};

node_t graph_mixture(graph_t *graph, const node_t *in, int count, const char *name,
                     float temperature)
{
    op_node_t *from[OP_INPUTS_MAX];
    if (count < 1 || count > OP_INPUTS_MAX || !(temperature > 0.0f)) {
        return graph_fail(graph, ERR_ARGUMENT, "%s: a mixture of %d at temperature %g", name, count,
                          (double)temperature);
    }
    for (int j = 0; j < count; j++) {
        from[j] = graph_node(graph, in[j]);
        if (!from[j]) {
            return NODE_NONE;
        }
        if (from[j]->count != from[0]->count || from[j]->shape.c != from[0]->shape.c) {
            return graph_fail(graph, ERR_ARGUMENT, "%s: parts 0 and %d differ in shape", name, j);
        }
    }
    op_node_t *node = graph_append(graph, &mixture_op, name, from, count, from[0]->shape,
                                   sizeof(mixture_state_t));
    if (!node || !graph_bind(graph, node, 0, "alpha", 1, &count, PARAM_NO_DECAY,
                             PARAM_INIT_CONSTANT, 0.0f)) {
        return NODE_NONE;
    }
    ((mixture_state_t *)node->state)->temperature = (double)temperature;
    return node->index;
}
