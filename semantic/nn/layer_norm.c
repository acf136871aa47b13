/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_norm: batch norm (Ioffe and Szegedy) and group norm (Wu and He).  Both
 * are per-channel affine maps once the statistics are known, and both backward
 * passes have the form dx = a*dy + b*x + k with per-channel constants.
 */
#include "nn/op.h"

#include <math.h>

enum { WEIGHT, BIAS, MEAN, VARIANCE };

static const float epsilon = 1e-5f;
static const float momentum = 0.1f;

/* ---- batch norm ----------------------------------------------------------- */

typedef struct {
    double *sum, *sum2;                 /* [C] */
    float *mean, *inverse;              /* [C]: of this forward */
    float *scale, *shift, *blend;       /* [C] */
    bool running;                       /* use the running statistics */
} batch_state_t;

static int batch_finish(graph_t *graph, op_node_t *node, err_t *err)
{
    batch_state_t *s = node->state;
    size_t c = zu(node->shape.c);
    s->running = graph->mode == GRAPH_INFER || !param_wants_gradient(node->param[WEIGHT]);
    double *d = graph_alloc(graph, 2 * c * sizeof(double), err);
    float *f = graph_alloc(graph, 5 * c * sizeof(float), err);
    if (!d || !f) {
        return -1;
    }
    s->sum = d;
    s->sum2 = d + c;
    s->mean = f;
    s->inverse = f + c;
    s->scale = f + 2 * c;
    s->shift = f + 3 * c;
    s->blend = f + 4 * c;
    return 0;
}

static void batch_statistics(graph_t *graph, op_node_t *node, batch_state_t *s)
{
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    float *running_mean = node->param[MEAN]->value, *running_var = node->param[VARIANCE]->value;
    graph_channel_sums(graph, node->input[0]->data, NULL, rows, channels, s->sum);
    graph_channel_sums(graph, node->input[0]->data, node->input[0]->data, rows, channels, s->sum2);
    for (size_t c = 0; c < channels; c++) {
        double mean = s->sum[c] / (double)rows;
        double variance = fmax(s->sum2[c] / (double)rows - mean * mean, 0.0);
        double unbiased = rows > 1 ? variance * (double)rows / (double)(rows - 1) : variance;
        s->mean[c] = (float)mean;
        s->inverse[c] = (float)(1.0 / sqrt(variance + (double)epsilon));
        running_mean[c] += momentum * ((float)mean - running_mean[c]);
        running_var[c] += momentum * ((float)unbiased - running_var[c]);
    }
}

static void batch_forward(graph_t *graph, op_node_t *node)
{
    batch_state_t *s = node->state;
    size_t samples = zu(node->shape.n), each = node->count / samples, channels = zu(node->shape.c);
    const float *weight = node->param[WEIGHT]->value, *bias = node->param[BIAS]->value;
    if (!s->running) {
        batch_statistics(graph, node, s);
    }
    for (size_t c = 0; c < channels; c++) {
        if (s->running) {
            s->mean[c] = node->param[MEAN]->value[c];
            s->inverse[c] = 1.0f / sqrtf(node->param[VARIANCE]->value[c] + epsilon);
        }
        s->scale[c] = weight[c] * s->inverse[c];
        s->shift[c] = bias[c] - s->mean[c] * s->scale[c];
    }
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        rows_affine(node->input[0]->data + n * each, s->scale, s->shift, node_pixels(node),
                    channels, node->data + n * each);
    }
}

static void batch_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    batch_state_t *s = node->state;
    size_t samples = zu(node->shape.n), each = node->count / samples, channels = zu(node->shape.c);
    size_t rows = node_rows(node);
    const float *x = node->input[0]->data;
    graph_channel_sums(graph, node->grad, NULL, rows, channels, s->sum);
    graph_channel_sums(graph, node->grad, x, rows, channels, s->sum2);
    for (size_t c = 0; c < channels; c++) {
        double inverse = (double)s->inverse[c], mean = (double)s->mean[c];
        double dy = s->sum[c], dy_xhat = inverse * (s->sum2[c] - mean * s->sum[c]);
        double blend = -(double)s->scale[c] * inverse * dy_xhat / (double)rows;
        s->blend[c] = s->running ? 0.0f : (float)blend;
        s->shift[c] = s->running
                          ? 0.0f
                          : (float)(-(double)s->scale[c] * dy / (double)rows - blend * mean);
        if (node->trains && param_wants_gradient(node->param[WEIGHT])) {
            node->param[WEIGHT]->grad[c] += (float)dy_xhat;
        }
        if (node->trains && param_wants_gradient(node->param[BIAS])) {
            node->param[BIAS]->grad[c] += (float)dy;
        }
    }
    if (!dx[0]) {
        return;
    }
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        rows_blend(node->grad + n * each, x + n * each, s->scale, s->blend, s->shift,
                   node_pixels(node), channels, dx[0] + n * each);
    }
}

static const op_t batch_op = {.kind = "batch_norm", .finish = batch_finish,
                              .forward = batch_forward, .backward = batch_backward,
                              .in_place = true};

node_t graph_batch_norm(graph_t *graph, node_t in, const char *name)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    const int *c = &from->shape.c;
    unsigned buffer = PARAM_BUFFER | PARAM_NO_DECAY;
    op_node_t *node = graph_append(graph, &batch_op, name, &from, 1, from->shape,
                                   sizeof(batch_state_t));
    return graph_bind(graph, node, WEIGHT, "weight", 1, c, PARAM_NO_DECAY, PARAM_INIT_CONSTANT,
                      1.0f) &&
                   graph_bind(graph, node, BIAS, "bias", 1, c, PARAM_NO_DECAY, PARAM_INIT_CONSTANT,
                              0.0f) &&
                   graph_bind(graph, node, MEAN, "running_mean", 1, c, buffer,
                              PARAM_INIT_CONSTANT, 0.0f) &&
                   graph_bind(graph, node, VARIANCE, "running_var", 1, c, buffer,
                              PARAM_INIT_CONSTANT, 1.0f)
               ? node->index
               : NODE_NONE;
}

/* ---- group norm ----------------------------------------------------------- */

typedef struct {
    size_t groups;
    double eps;
    double *sum, *sum2;           /* [N][C] */
    float *mean, *inverse;        /* [N][groups] */
    float *scale, *shift, *blend; /* [N][C] */
} group_state_t;

static int group_finish(graph_t *graph, op_node_t *node, err_t *err)
{
    group_state_t *s = node->state;
    size_t n = zu(node->shape.n), all = n * zu(node->shape.c);
    double *d = graph_alloc(graph, 2 * all * sizeof(double), err);
    float *f = graph_alloc(graph, (3 * all + 2 * n * s->groups) * sizeof(float), err);
    if (!d || !f) {
        return -1;
    }
    s->sum = d;
    s->sum2 = d + all;
    s->scale = f;
    s->shift = f + all;
    s->blend = f + 2 * all;
    s->mean = f + 3 * all;
    s->inverse = s->mean + n * s->groups;
    return 0;
}

static void group_forward_sample(const op_node_t *node, const group_state_t *s, size_t n)
{
    size_t pixels = node_pixels(node), channels = zu(node->shape.c), wide = channels / s->groups;
    const float *x = node->input[0]->data + n * pixels * channels;
    double *sum = s->sum + n * channels, *sum2 = s->sum2 + n * channels;
    float *scale = s->scale + n * channels, *shift = s->shift + n * channels;
    memset(sum, 0, channels * sizeof *sum);
    memset(sum2, 0, channels * sizeof *sum2);
    add_channel_sums(x, NULL, pixels, channels, sum);
    add_channel_sums(x, x, pixels, channels, sum2);
    for (size_t g = 0; g < s->groups; g++) {
        double total = 0.0, total2 = 0.0, count = (double)(pixels * wide);
        for (size_t c = g * wide; c < (g + 1) * wide; c++) {
            total += sum[c];
            total2 += sum2[c];
        }
        double mean = total / count, variance = fmax(total2 / count - mean * mean, 0.0);
        float inverse = (float)(1.0 / sqrt(variance + s->eps));
        s->mean[n * s->groups + g] = (float)mean;
        s->inverse[n * s->groups + g] = inverse;
        for (size_t c = g * wide; c < (g + 1) * wide; c++) {
            scale[c] = node->param[WEIGHT]->value[c] * inverse;
            shift[c] = node->param[BIAS]->value[c] - (float)mean * scale[c];
        }
    }
    rows_affine(x, scale, shift, pixels, channels, node->data + n * pixels * channels);
}

static void group_forward(graph_t *graph, op_node_t *node)
{
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < zu(node->shape.n); n++) {
        group_forward_sample(node, node->state, n);
    }
}

/* Leaves sum = sum of dy and sum2 = sum of dy * xhat per channel, for the tensors' gradients. */
static void group_backward_sample(const op_node_t *node, const group_state_t *s, size_t n,
                                  float *dx)
{
    size_t pixels = node_pixels(node), channels = zu(node->shape.c), wide = channels / s->groups;
    size_t at = n * pixels * channels;
    const float *x = node->input[0]->data + at, *dy = node->grad + at;
    const float *weight = node->param[WEIGHT]->value;
    double *sum = s->sum + n * channels, *sum2 = s->sum2 + n * channels;
    float *shift = s->shift + n * channels, *blend = s->blend + n * channels;
    memset(sum, 0, channels * sizeof *sum);
    memset(sum2, 0, channels * sizeof *sum2);
    add_channel_sums(dy, NULL, pixels, channels, sum);
    add_channel_sums(dy, x, pixels, channels, sum2);
    for (size_t g = 0; g < s->groups; g++) {
        double mean = (double)s->mean[n * s->groups + g];
        double inverse = (double)s->inverse[n * s->groups + g];
        double total = 0.0, total2 = 0.0, count = (double)(pixels * wide);
        for (size_t c = g * wide; c < (g + 1) * wide; c++) {
            sum2[c] = inverse * (sum2[c] - mean * sum[c]);
            total += (double)weight[c] * sum[c];
            total2 += (double)weight[c] * sum2[c];
        }
        float b = (float)(-inverse * inverse * total2 / count);
        float k = (float)(-inverse * total / count - (double)b * mean);
        for (size_t c = g * wide; c < (g + 1) * wide; c++) {
            blend[c] = b;
            shift[c] = k;
        }
    }
    if (dx) {
        rows_blend(dy, x, s->scale + n * channels, blend, shift, pixels, channels, dx + at);
    }
}

static void group_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const group_state_t *s = node->state;
    size_t samples = zu(node->shape.n), channels = zu(node->shape.c);
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        group_backward_sample(node, s, n, dx[0]);
    }
    if (!node->trains) {
        return;
    }
    for (size_t n = 0; n < samples; n++) {
        for (size_t c = 0; c < channels; c++) {
            if (param_wants_gradient(node->param[WEIGHT])) {
                node->param[WEIGHT]->grad[c] += (float)s->sum2[n * channels + c];
            }
            if (param_wants_gradient(node->param[BIAS])) {
                node->param[BIAS]->grad[c] += (float)s->sum[n * channels + c];
            }
        }
    }
}

static const op_t group_op = {.kind = "group_norm", .finish = group_finish,
                              .forward = group_forward, .backward = group_backward,
                              .in_place = true};

node_t graph_group_norm_with(graph_t *graph, node_t in, const char *name, int groups, float eps)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    const int *c = &from->shape.c;
    if (groups < 1 || *c % groups) {
        return graph_fail(graph, ERR_ARGUMENT, "%s: %d groups do not divide %d channels", name,
                          groups, *c);
    }
    op_node_t *node = graph_append(graph, &group_op, name, &from, 1, from->shape,
                                   sizeof(group_state_t));
    if (!graph_bind(graph, node, WEIGHT, "weight", 1, c, PARAM_NO_DECAY, PARAM_INIT_CONSTANT,
                    1.0f) ||
        !graph_bind(graph, node, BIAS, "bias", 1, c, PARAM_NO_DECAY, PARAM_INIT_CONSTANT, 0.0f)) {
        return NODE_NONE;
    }
    ((group_state_t *)node->state)->groups = zu(groups);
    ((group_state_t *)node->state)->eps = (double)eps;
    return node->index;
}

node_t graph_group_norm(graph_t *graph, node_t in, const char *name, int groups)
{
    return graph_group_norm_with(graph, in, name, groups, epsilon);
}
