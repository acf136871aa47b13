/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_mix: layers that join or modulate: add, scaled add, constant affine,
 * FiLM, detach.
 */
#include "nn/op.h"

typedef struct {
    float *scale, *shift; /* [C], inside the graph's memory */
} affine_state_t;

/* ---- detach --------------------------------------------------------------- */

static void copy_forward(graph_t *graph, op_node_t *node)
{
    (void)graph;
    if (node->data != node->input[0]->data) {
        memcpy(node->data, node->input[0]->data, node->count * sizeof(float));
    }
}

static void no_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    (void)graph;
    (void)node;
    (void)dx;
}

static const op_t detach_op = {.kind = "detach", .forward = copy_forward, .backward = no_backward,
                               .in_place = true};

node_t graph_detach(graph_t *graph, node_t in)
{
    op_node_t *from = graph_node(graph, in);
    op_node_t *node = from ? graph_append(graph, &detach_op, NULL, &from, 1, from->shape, 0) : NULL;
    if (!node) {
        return NODE_NONE;
    }
    node->blocked = 1;
    return node->index;
}

/* ---- add ------------------------------------------------------------------ */

static void add_forward(graph_t *graph, op_node_t *node)
{
    const float *a = node->input[0]->data, *b = node->input[1]->data;
    float *y = node->data;
    (void)graph;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < node->count; i++) {
        y[i] = a[i] + b[i];
    }
}

static void copy_gradient(const op_node_t *node, float *to)
{
    const float *restrict from = node->grad;
    float *restrict d = to;
    if (d) {
#pragma omp parallel for simd schedule(static)
        for (size_t i = 0; i < node->count; i++) {
            d[i] = from[i];
        }
    }
}

static void add_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    (void)graph;
    copy_gradient(node, dx[0]);
    copy_gradient(node, dx[1]);
}

static const op_t add_op = {.kind = "add", .forward = add_forward, .backward = add_backward,
                            .in_place = true};

static bool same_shape(const op_node_t *a, const op_node_t *b)
{
    return a->shape.n == b->shape.n && a->shape.h == b->shape.h && a->shape.w == b->shape.w &&
           a->shape.c == b->shape.c;
}

static op_node_t *join(graph_t *graph, node_t a, node_t b, const op_t *op, const char *name,
                       size_t state)
{
    op_node_t *from[2] = {graph_node(graph, a), graph_node(graph, b)};
    if (!from[0] || !from[1]) {
        return NULL;
    }
    if (!same_shape(from[0], from[1])) {
        graph_fail(graph, ERR_ARGUMENT, "%s: %dx%dx%d and %dx%dx%d do not add",
                   name ? name : op->kind, from[0]->shape.h, from[0]->shape.w, from[0]->shape.c,
                   from[1]->shape.h, from[1]->shape.w, from[1]->shape.c);
        return NULL;
    }
    return graph_append(graph, op, name, from, 2, from[0]->shape, state);
}

node_t graph_add(graph_t *graph, node_t a, node_t b)
{
    op_node_t *node = join(graph, a, b, &add_op, NULL, 0);
    return node ? node->index : NODE_NONE;
}

/* ---- scaled add ----------------------------------------------------------- */

static void add_scaled_forward(graph_t *graph, op_node_t *node)
{
    const float *a = node->input[0]->data, *b = node->input[1]->data;
    const float *restrict scale = node->param[0]->value;
    float *y = node->data;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            size_t at = r * channels + c;
            y[at] = a[at] + scale[c] * b[at];
        }
    }
}

static void add_scaled_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const float *restrict scale = node->param[0]->value, *restrict dy = node->grad;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    float *restrict d = dx[1];
    copy_gradient(node, dx[0]);
    if (node->trains) {
        double *sum = node->state;
        graph_channel_sums(graph, node->grad, node->input[1]->data, rows, channels, sum);
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
            d[r * channels + c] = scale[c] * dy[r * channels + c];
        }
    }
}

static const op_t add_scaled_op = {.kind = "add_scaled", .forward = add_scaled_forward,
                                   .backward = add_scaled_backward, .in_place = true};

node_t graph_add_scaled(graph_t *graph, node_t a, node_t b, const char *name, float start)
{
    op_node_t *from = graph_node(graph, b);
    op_node_t *node = from ? join(graph, a, b, &add_scaled_op, name,
                                  zu(from->shape.c) * sizeof(double))
                           : NULL;
    return node && graph_bind(graph, node, 0, "scale", 1, &from->shape.c, PARAM_NO_DECAY,
                              PARAM_INIT_CONSTANT, start)
               ? node->index
               : NODE_NONE;
}

/* ---- constant affine ------------------------------------------------------ */

static void affine_forward(graph_t *graph, op_node_t *node)
{
    const affine_state_t *state = node->state;
    size_t samples = zu(node->shape.n), each = node->count / samples;
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        rows_affine(node->input[0]->data + n * each, state->scale, state->shift,
                    node_pixels(node), zu(node->shape.c), node->data + n * each);
    }
}

static void affine_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const affine_state_t *state = node->state;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    (void)graph;
    for (size_t r = 0; dx[0] && r < rows; r++) {
        for (size_t c = 0; c < channels; c++) {
            dx[0][r * channels + c] = node->grad[r * channels + c] * state->scale[c];
        }
    }
}

static const op_t affine_op = {.kind = "affine", .forward = affine_forward,
                               .backward = affine_backward, .in_place = true};

node_t graph_affine(graph_t *graph, node_t in, const float *scale, const float *shift)
{
    op_node_t *from = graph_node(graph, in);
    op_node_t *node = from ? graph_append(graph, &affine_op, NULL, &from, 1, from->shape,
                                          sizeof(affine_state_t))
                           : NULL;
    if (!node) {
        return NODE_NONE;
    }
    affine_state_t *state = node->state;
    size_t bytes = zu(node->shape.c) * sizeof(float);
    err_t err = ERR_INIT;
    state->scale = graph_alloc(graph, bytes, &err);
    state->shift = graph_alloc(graph, bytes, &err);
    if (!state->scale || !state->shift) {
        return graph_fail(graph, err.code, "%s", err.text);
    }
    memcpy(state->scale, scale, bytes);
    memcpy(state->shift, shift, bytes);
    return node->index;
}

/* ---- FiLM ----------------------------------------------------------------- */

static void film_forward(graph_t *graph, op_node_t *node)
{
    const float *x = node->input[0]->data, *modulation = node->input[1]->data;
    float *y = node->data;
    size_t samples = zu(node->shape.n), pixels = node_pixels(node), channels = zu(node->shape.c);
    (void)graph;
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        const float *restrict m = modulation + n * 2 * channels;
        for (size_t p = 0; p < pixels; p++) {
            size_t at = (n * pixels + p) * channels;
#pragma omp simd
            for (size_t c = 0; c < channels; c++) {
                y[at + c] = x[at + c] * (1.0f + m[c]) + m[channels + c];
            }
        }
    }
}

static void film_backward_input(const op_node_t *node, float *restrict d)
{
    const float *restrict dy = node->grad, *modulation = node->input[1]->data;
    size_t samples = zu(node->shape.n), pixels = node_pixels(node), channels = zu(node->shape.c);
#pragma omp parallel for schedule(static)
    for (size_t n = 0; n < samples; n++) {
        const float *restrict m = modulation + n * 2 * channels;
        for (size_t p = 0; p < pixels; p++) {
            size_t at = (n * pixels + p) * channels;
#pragma omp simd
            for (size_t c = 0; c < channels; c++) {
                d[at + c] = dy[at + c] * (1.0f + m[c]);
            }
        }
    }
}

static void film_backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    size_t samples = zu(node->shape.n), pixels = node_pixels(node), channels = zu(node->shape.c);
    double *sums = node->state; /* [N][2C] */
    float *d = dx[1];
    (void)graph;
    if (d) {
        memset(sums, 0, samples * 2 * channels * sizeof *sums);
#pragma omp parallel for schedule(static)
        for (size_t n = 0; n < samples; n++) {
            const float *dy = node->grad + n * pixels * channels;
            const float *x = node->input[0]->data + n * pixels * channels;
            double *sum = sums + n * 2 * channels;
            add_channel_sums(dy, x, pixels, channels, sum);
            add_channel_sums(dy, NULL, pixels, channels, sum + channels);
            for (size_t c = 0; c < 2 * channels; c++) {
                d[n * 2 * channels + c] = (float)sum[c];
            }
        }
    }
    if (dx[0]) {
        film_backward_input(node, dx[0]);
    }
}

static const op_t film_op = {.kind = "film", .forward = film_forward, .backward = film_backward,
                             .in_place = true};

node_t graph_film(graph_t *graph, node_t in, node_t modulation)
{
    op_node_t *from[2] = {graph_node(graph, in), graph_node(graph, modulation)};
    if (!from[0] || !from[1]) {
        return NODE_NONE;
    }
    if (from[1]->shape.h != 1 || from[1]->shape.w != 1 ||
        from[1]->shape.c != 2 * from[0]->shape.c) {
        return graph_fail(graph, ERR_ARGUMENT, "film: the modulation of %d channels is %dx%dx%d",
                          from[0]->shape.c, from[1]->shape.h, from[1]->shape.w, from[1]->shape.c);
    }
    op_node_t *node = graph_append(graph, &film_op, NULL, from, 2, from[0]->shape,
                                   zu(graph->batch) * 2 * zu(from[0]->shape.c) * sizeof(double));
    return node ? node->index : NODE_NONE;
}
