/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_conv: convolution (on dnnl_conv) and linear (a matrix product over all
 * positions at once).
 */
#include "nn/op.h"

#include <math.h>
#include <string.h>

enum { WEIGHT, BIAS };

typedef struct {
    conv_options_t options;
    conv_t *conv;
    uint64_t packed_version; /* of the store, when weights were last packed */
    double *bias_sum;        /* [O]; only where the bias trains and the weight does not */
} conv_state_t;

static int conv_finish(graph_t *graph, op_node_t *node, err_t *err)
{
    conv_state_t *state = node->state;
    const op_node_t *in = node->input[0];
    conv_shape_t shape = {
        .batch = node->shape.n,
        .in_h = in->shape.h, .in_w = in->shape.w, .in_c = in->shape.c,
        .out_h = node->shape.h, .out_w = node->shape.w, .out_c = node->shape.c,
        .kernel = state->options.kernel, .stride = state->options.stride,
        .padding = state->options.padding,
        .bias = node->param[BIAS] != NULL,
        .train_weight = graph->mode == GRAPH_TRAIN && param_wants_gradient(node->param[WEIGHT]),
        .train_input = graph->mode == GRAPH_TRAIN && in->wants,
        .bf16 = graph->bf16,
    };
    state->conv = conv_create(graph->backend, &shape, err);
    if (!state->conv) {
        return -1;
    }
    conv_bind(state->conv, in->data, node->data, node->param[BIAS] ? node->param[BIAS]->value : NULL);
    if (node->trains && !shape.train_weight) {
        state->bias_sum = graph_alloc(graph, zu(node->shape.c) * sizeof(double), err);
        return state->bias_sum ? 0 : -1;
    }
    return 0;
}

static void conv_run(graph_t *graph, op_node_t *node)
{
    conv_state_t *state = node->state;
    if (state->packed_version != params_version(graph->params)) {
        const param_t *bias = node->param[BIAS];
        conv_bind(state->conv, node->input[0]->data, node->data, bias ? bias->value : NULL);
        conv_pack(state->conv, node->param[WEIGHT]->value);
        state->packed_version = params_version(graph->params);
    }
    conv_forward(state->conv);
}

static void conv_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    conv_state_t *state = node->state;
    param_t *bias = node->param[BIAS];
    if (node->trains && param_wants_gradient(node->param[WEIGHT])) {
        conv_backward_weight(state->conv, node->grad, node->param[WEIGHT]->grad,
                             param_wants_gradient(bias) ? bias->grad : NULL);
    } else if (node->trains) {
        graph_channel_sums(graph, node->grad, NULL, node_rows(node), zu(node->shape.c),
                           state->bias_sum);
        for (size_t c = 0; c < zu(node->shape.c); c++) {
            bias->grad[c] += (float)state->bias_sum[c];
        }
    }
    if (dx[0]) {
        conv_backward_input(state->conv, node->grad, dx[0]);
    }
}

static void conv_release(op_node_t *node)
{
    conv_destroy(((conv_state_t *)node->state)->conv);
}

static const op_t conv_op = {.kind = "conv", .finish = conv_finish, .forward = conv_run,
                             .backward = conv_backward, .release = conv_release};

static float initial_deviation(float gain, bool zero, int fan_in)
{
    return zero ? 0.0f : (gain > 0.0f ? gain : sqrtf(2.0f)) / sqrtf((float)fan_in);
}

node_t graph_conv_with(graph_t *graph, node_t in, const char *name, const conv_options_t *options)
{
    op_node_t *from = graph_node(graph, in);
    conv_options_t o = *options;
    if (!from) {
        return NODE_NONE;
    }
    o.stride = o.stride ? o.stride : 1;
    o.padding = o.padding == PADDING_NONE ? 0 : o.padding ? o.padding : o.kernel / 2;
    if (o.kernel < 1 || o.kernel > 15 || o.stride < 1 || o.stride > 2 || o.padding < 0 ||
        o.padding >= o.kernel + (o.kernel == 1) || o.out_channels < 1) {
        return graph_fail(graph, ERR_ARGUMENT,
                          "%s: %d channels, kernel %d, stride %d, padding %d is not offered", name,
                          o.out_channels, o.kernel, o.stride, o.padding);
    }
    graph_shape_t shape = {graph->batch, (from->shape.h + 2 * o.padding - o.kernel) / o.stride + 1,
                           (from->shape.w + 2 * o.padding - o.kernel) / o.stride + 1,
                           o.out_channels};
    op_node_t *node = graph_append(graph, &conv_op, name, &from, 1, shape, sizeof(conv_state_t));
    const int weight[4] = {o.out_channels, from->shape.c, o.kernel, o.kernel};
    int fan_in = from->shape.c * o.kernel * o.kernel;
    if (!graph_bind(graph, node, WEIGHT, "weight", 4, weight, 0, PARAM_INIT_NORMAL,
                    initial_deviation(o.gain, o.zero_init, fan_in)) ||
        (!o.no_bias && !graph_bind(graph, node, BIAS, "bias", 1, &o.out_channels, PARAM_NO_DECAY,
                                   PARAM_INIT_CONSTANT, 0.0f))) {
        return NODE_NONE;
    }
    ((conv_state_t *)node->state)->options = o;
    return node->index;
}

node_t graph_conv(graph_t *graph, node_t in, const char *name, int out_channels, int kernel)
{
    return graph_conv_with(graph, in, name,
                           &(conv_options_t){.out_channels = out_channels, .kernel = kernel});
}

node_t graph_conv_gain(graph_t *graph, node_t in, const char *name, int out_channels, int kernel,
                       float gain)
{
    return graph_conv_with(
        graph, in, name,
        &(conv_options_t){.out_channels = out_channels, .kernel = kernel, .gain = gain});
}

/* ---- linear --------------------------------------------------------------- */

static void linear_forward(graph_t *graph, op_node_t *node)
{
    size_t rows = node_rows(node), out = zu(node->shape.c), in = zu(node->input[0]->shape.c);
    const float *bias = node->param[BIAS]->value;
    (void)graph;
    for (size_t r = 0; r < rows; r++) {
        memcpy(node->data + r * out, bias, out * sizeof(float));
    }
    matrix_product(false, true, rows, out, in, node->input[0]->data, node->param[WEIGHT]->value,
                   1.0f, node->data);
}

static void linear_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    size_t rows = node_rows(node), out = zu(node->shape.c), in = zu(node->input[0]->shape.c);
    param_t *weight = node->param[WEIGHT], *bias = node->param[BIAS];
    if (node->trains && param_wants_gradient(weight)) {
        matrix_product(true, false, out, in, rows, node->grad, node->input[0]->data, 1.0f,
                       weight->grad);
    }
    if (node->trains && param_wants_gradient(bias)) {
        double *sum = node->state;
        graph_channel_sums(graph, node->grad, NULL, rows, out, sum);
        for (size_t c = 0; c < out; c++) {
            bias->grad[c] += (float)sum[c];
        }
    }
    if (dx[0]) {
        matrix_product(false, false, rows, in, out, node->grad, weight->value, 0.0f, dx[0]);
    }
}

static const op_t linear_op = {.kind = "linear", .forward = linear_forward,
                               .backward = linear_backward};

node_t graph_linear_with(graph_t *graph, node_t in, const char *name, int out_features,
                         float gain, bool zero_init)
{
    op_node_t *from = graph_node(graph, in);
    if (!from) {
        return NODE_NONE;
    }
    graph_shape_t shape = from->shape;
    shape.c = out_features;
    const int weight[2] = {out_features, from->shape.c};
    op_node_t *node = graph_append(graph, &linear_op, name, &from, 1, shape,
                                   zu(out_features > 0 ? out_features : 1) * sizeof(double));
    if (!graph_bind(graph, node, WEIGHT, "weight", 2, weight, 0, PARAM_INIT_NORMAL,
                    initial_deviation(gain, zero_init, from->shape.c)) ||
        !graph_bind(graph, node, BIAS, "bias", 1, &out_features, PARAM_NO_DECAY,
                    PARAM_INIT_CONSTANT, 0.0f)) {
        return NODE_NONE;
    }
    return node->index;
}

node_t graph_linear(graph_t *graph, node_t in, const char *name, int out_features)
{
    return graph_linear_with(graph, in, name, out_features, 0.0f, false);
}
