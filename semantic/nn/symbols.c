/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * symbols: what the encoder's last layers do to complex symbols: power normalisation and
 * the 64-QAM quantiser.
 *
 * Power: with P = mean |x|^2 over the M used symbols of the batch, y = x / sqrt(P)
 *     dx = (dy - x * sum(dy x) / (M P)) / sqrt(P)
 * so that the gradient along x itself is zero: scaling x changes nothing.
 */
#include "nn/op.h"

#include <math.h>

/* ---- power normalisation -------------------------------------------------- */

typedef struct {
    double power;    /* of this forward */
    double *partial; /* [N] */
} power_state_t;

/* out[n] = sum over the used prefix of a * b. */
static double prefix_dot(const float *a, const float *b, graph_shape_t shape, size_t used,
                         double *partial)
{
    size_t pixels = zu(shape.h) * zu(shape.w), channels = zu(shape.c);
    double total = 0.0;
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < zu(shape.n); n++) {
        double sum = 0.0;
        for (size_t p = 0; p < pixels; p++) {
            size_t at = (n * pixels + p) * channels;
            float part = 0.0f;
#pragma omp simd reduction(+ : part)
            for (size_t c = 0; c < 2 * used; c++) {
                part += a[at + c] * b[at + c];
            }
            sum += (double)part;
        }
        partial[n] = sum;
    }
    for (size_t n = 0; n < zu(shape.n); n++) {
        total += partial[n];
    }
    return total;
}

static int power_finish(graph_t *graph, op_node_t *node, err_t *err)
{
    power_state_t *state = node->state;
    state->partial = graph_alloc(graph, zu(node->shape.n) * sizeof(double), err);
    return state->partial ? 0 : -1;
}

/* Chooses this forward's power and, in training, moves the running mean of its prefix. */
static void power_measure(graph_t *graph, op_node_t *node, size_t used)
{
    power_state_t *state = node->state;
    float *running = &node->param[0]->value[used - 1];
    double symbols = (double)(node_rows(node) * used);
    if (graph->mode == GRAPH_INFER && *running > 0.0f) {
        state->power = (double)*running;
        return;
    }
    const float *x = node->input[0]->data;
    state->power = prefix_dot(x, x, node->shape, used, state->partial) / symbols;
    if (!(state->power > 1e-20)) {
        state->power = 1.0; /* all zero: leave it so */
    } else if (graph->mode == GRAPH_TRAIN) {
        float power = (float)state->power;
        *running = *running > 0.0f ? *running + 0.05f * (power - *running) : power;
    }
}

static void power_forward(graph_t *graph, op_node_t *node)
{
    power_state_t *state = node->state;
    size_t used = graph_used(graph, node->shape.c), channels = zu(node->shape.c);
    const float *x = node->input[0]->data;
    float *y = node->data;
    power_measure(graph, node, used);
    float factor = (float)(1.0 / sqrt(state->power));
    size_t rows = node_rows(node);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        size_t at = r * channels;
        for (size_t c = 0; c < 2 * used; c++) {
            y[at + c] = x[at + c] * factor;
        }
        memset(y + at + 2 * used, 0, (channels - 2 * used) * sizeof(float));
    }
}

static void power_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    power_state_t *state = node->state;
    size_t used = graph_used(graph, node->shape.c), channels = zu(node->shape.c);
    size_t rows = node_rows(node);
    const float *restrict x = node->input[0]->data, *restrict dy = node->grad;
    float *restrict d = dx[0];
    if (!d) {
        return;
    }
    double along = prefix_dot(dy, x, node->shape, used, state->partial);
    float factor = (float)(1.0 / sqrt(state->power));
    float pull = (float)(along / ((double)(rows * used) * state->power));
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        size_t at = r * channels;
        for (size_t c = 0; c < 2 * used; c++) {
            d[at + c] = factor * (dy[at + c] - x[at + c] * pull);
        }
        memset(d + at + 2 * used, 0, (channels - 2 * used) * sizeof(float));
    }
}

static const op_t power_op = {.kind = "power_norm", .finish = power_finish,
                              .forward = power_forward, .backward = power_backward,
                              .in_place = true};

op_node_t *graph_symbol_node(graph_t *graph, node_t in, const char *what)
{
    op_node_t *from = graph_node(graph, in);
    if (from && from->shape.c % 2) {
        graph_fail(graph, ERR_ARGUMENT, "%s: %d channels are not pairs of real and imaginary", what,
                   from->shape.c);
        return NULL;
    }
    return from;
}

node_t graph_power_norm(graph_t *graph, node_t in, const char *name)
{
    op_node_t *from = graph_symbol_node(graph, in, name);
    if (!from) {
        return NODE_NONE;
    }
    const int rates = from->shape.c / 2;
    op_node_t *node =
        graph_append(graph, &power_op, name, &from, 1, from->shape, sizeof(power_state_t));
    return graph_bind(graph, node, 0, "running_power", 1, &rates, PARAM_BUFFER | PARAM_NO_DECAY,
                      PARAM_INIT_CONSTANT, 0.0f)
               ? node->index
               : NODE_NONE;
}

/* ---- quantiser ------------------------------------------------------------ */

static void quantise_forward(graph_t *graph, op_node_t *node)
{
    const float root = sqrtf(42.0f), inverse = 1.0f / sqrtf(42.0f);
    size_t used = graph_used(graph, node->shape.c), channels = zu(node->shape.c);
    size_t rows = node_rows(node);
    const float *x = node->input[0]->data;
    float *y = node->data;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        size_t at = r * channels;
        for (size_t c = 0; c < 2 * used; c++) {
            float index = (x[at + c] * root + 7.0f) * 0.5f + 0.5f;
            index = index > 0.0f ? index : 0.0f; /* a NaN becomes 0 too */
            index = index < 7.0f ? index : 7.0f;
            y[at + c] = (2.0f * (float)(int)index - 7.0f) * inverse;
        }
        memset(y + at + 2 * used, 0, (channels - 2 * used) * sizeof(float));
    }
}

static void quantise_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    size_t used = graph_used(graph, node->shape.c), channels = zu(node->shape.c);
    size_t rows = node_rows(node);
    for (size_t r = 0; dx[0] && r < rows; r++) {
        size_t at = r * channels;
        memcpy(dx[0] + at, node->grad + at, 2 * used * sizeof(float));
        memset(dx[0] + at + 2 * used, 0, (channels - 2 * used) * sizeof(float));
    }
}

static const op_t quantise_op = {.kind = "quantise", .forward = quantise_forward,
                                 .backward = quantise_backward, .in_place = true};

node_t graph_quantise(graph_t *graph, node_t in)
{
    op_node_t *from = graph_symbol_node(graph, in, "quantise");
    op_node_t *node =
        from ? graph_append(graph, &quantise_op, NULL, &from, 1, from->shape, 0) : NULL;
    return node ? node->index : NODE_NONE;
}
