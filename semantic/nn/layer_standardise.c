/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_standardise: batch norm (Ioffe and Szegedy, 2015) without its affine map and with a slow
 * running average: a batch's own statistics in training, the average in use.
 *
 *     y = (x - m) / sqrt(v + eps)
 *     dx = (dy - mean(dy) - y mean(dy y)) / sqrt(v + eps)
 */
#include "nn/op.h"

#include <math.h>

enum { MEAN, VARIANCE };

static const double epsilon = 1e-5;
static const float momentum = 0.01f;

typedef struct {
    double *sum, *sum2;                         /* [C] */
    float *mean, *inverse, *shift, *blend, *dc; /* [C]; mean and inverse of this forward */
} state_t;

static int finish(graph_t *graph, op_node_t *node, err_t *err)
{
    state_t *s = node->state;
    size_t c = zu(node->shape.c);
    double *d = graph_alloc(graph, 2 * c * sizeof(double), err);
    float *f = graph_alloc(graph, 5 * c * sizeof(float), err);
    if (!d || !f) {
        return -1;
    }
    *s = (state_t){d, d + c, f, f + c, f + 2 * c, f + 3 * c, f + 4 * c};
    return 0;
}

static void batch_statistics(graph_t *graph, op_node_t *node, state_t *s)
{
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    const float *x = node->input[0]->data;
    float *mean = node->param[MEAN]->value, *variance = node->param[VARIANCE]->value;
    graph_channel_sums(graph, x, NULL, rows, channels, s->sum);
    graph_channel_sums(graph, x, x, rows, channels, s->sum2);
    for (size_t c = 0; c < channels; c++) {
        double m = s->sum[c] / (double)rows;
        double v = fmax(s->sum2[c] / (double)rows - m * m, 0.0);
        float share = variance[c] > 0.0f ? momentum : 1.0f;
        s->mean[c] = (float)m;
        s->inverse[c] = (float)(1.0 / sqrt(v + epsilon));
        mean[c] += share * ((float)m - mean[c]);
        variance[c] += share * ((float)v - variance[c]);
    }
}

static void forward(graph_t *graph, op_node_t *node)
{
    state_t *s = node->state;
    size_t channels = zu(node->shape.c);
    if (graph->mode == GRAPH_TRAIN) {
        batch_statistics(graph, node, s);
    }
    for (size_t c = 0; c < channels; c++) {
        if (graph->mode == GRAPH_INFER) {
            s->mean[c] = node->param[MEAN]->value[c];
            s->inverse[c] = (float)(1.0 / sqrt((double)node->param[VARIANCE]->value[c] + epsilon));
        }
        s->shift[c] = -s->mean[c] * s->inverse[c];
    }
    rows_affine(node->input[0]->data, s->inverse, s->shift, node_rows(node), channels, node->data);
}

static void backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    state_t *s = node->state;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    if (!dx[0]) {
        return;
    }
    graph_channel_sums(graph, node->grad, NULL, rows, channels, s->sum);
    graph_channel_sums(graph, node->grad, node->data, rows, channels, s->sum2);
    for (size_t c = 0; c < channels; c++) {
        double inverse = (double)s->inverse[c];
        s->blend[c] = (float)(-inverse * s->sum2[c] / (double)rows);
        s->dc[c] = (float)(-inverse * s->sum[c] / (double)rows);
    }
    rows_blend(node->grad, node->data, s->inverse, s->blend, s->dc, rows, channels, dx[0]);
}

static const op_t op = {.kind = "standardise",
                        .finish = finish,
                        .forward = forward,
                        .backward = backward,
                        .in_place = true};

node_t graph_standardise(graph_t *graph, node_t in, const char *name)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    unsigned flags = PARAM_BUFFER | PARAM_NO_DECAY;
    op_node_t *node = graph_append(graph, &op, name, &from, 1, from->shape, sizeof(state_t));
    return graph_bind(graph, node, MEAN, "running_mean", 1, &from->shape.c, flags,
                      PARAM_INIT_CONSTANT, 0.0f) &&
                   graph_bind(graph, node, VARIANCE, "running_var", 1, &from->shape.c, flags,
                              PARAM_INIT_CONSTANT, 0.0f)
               ? node->index
               : NODE_NONE;
}
