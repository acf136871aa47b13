/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * layer_attention: one head of scaled dot-product attention (Vaswani et al., 2017) over the
 * positions of a sample. With the L = h*w positions as rows of Q, K, V and s = 1/sqrt(C):
 *
 *     P = softmax over each row of s Q K^T         Y = P V
 *     dV = P^T dY      dP = dY V^T      dS = P * (dP - row sums of P * dP)
 *     dQ = s dS K      dK = s dS^T Q
 *
 * The L x L matrix is never held: queries go in chunks of rows, and backward computes P again.
 */
#include "nn/op.h"

#include <math.h>

enum { QUERY, KEY, VALUE };
enum { SCORES_MAX = 1 << 20 }; /* of one chunk, or one row where that is more */

typedef struct {
    size_t length, chunk; /* positions; queries at a time */
    float *scores;        /* [chunk][length] */
    float *slopes;        /* the same, in training: dP, then dS */
} state_t;

static int finish(graph_t *graph, op_node_t *node, err_t *err)
{
    state_t *s = node->state;
    s->length = node_pixels(node);
    s->chunk = s->length < SCORES_MAX ? SCORES_MAX / s->length : 1;
    s->chunk = s->chunk < s->length ? s->chunk : s->length;
    size_t bytes = s->chunk * s->length * sizeof(float);
    s->scores = graph_alloc(graph, bytes, err);
    if (s->scores && graph->mode == GRAPH_TRAIN) {
        s->slopes = graph_alloc(graph, bytes, err);
        return s->slopes ? 0 : -1;
    }
    return s->scores ? 0 : -1;
}

static void softmax_row(float *row, size_t length, float scale)
{
    float largest = row[0];
    double sum = 0.0;
    for (size_t i = 1; i < length; i++) {
        largest = row[i] > largest ? row[i] : largest;
    }
    for (size_t i = 0; i < length; i++) {
        row[i] = expf(scale * (row[i] - largest));
        sum += (double)row[i];
    }
    float share = (float)(1.0 / sum);
    for (size_t i = 0; i < length; i++) {
        row[i] *= share;
    }
}

/* P of `rows` queries from `q` on. */
static void weigh(const op_node_t *node, const float *q, const float *k, size_t rows)
{
    const state_t *s = node->state;
    size_t channels = zu(node->shape.c);
    matrix_product(false, true, rows, s->length, channels, q, k, 0.0f, s->scores);
    float scale = 1.0f / sqrtf((float)channels);
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        softmax_row(s->scores + r * s->length, s->length, scale);
    }
}

static size_t chunk_rows(const state_t *s, size_t first)
{
    return s->length - first < s->chunk ? s->length - first : s->chunk;
}

static void forward(graph_t *graph, op_node_t *node)
{
    const state_t *s = node->state;
    size_t channels = zu(node->shape.c), each = s->length * channels;
    (void)graph;
    for (size_t n = 0; n < zu(node->shape.n); n++) {
        const float *q = node->input[QUERY]->data + n * each;
        const float *k = node->input[KEY]->data + n * each;
        const float *v = node->input[VALUE]->data + n * each;
        for (size_t first = 0; first < s->length; first += s->chunk) {
            size_t rows = chunk_rows(s, first);
            weigh(node, q + first * channels, k, rows);
            matrix_product(false, false, rows, channels, s->length, s->scores, v, 0.0f,
                           node->data + n * each + first * channels);
        }
    }
}

/* slopes: dP -> s dS. */
static void softmax_backward(const state_t *s, size_t rows, float scale)
{
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++) {
        const float *p = s->scores + r * s->length;
        float *d = s->slopes + r * s->length;
        double sum = 0.0;
        for (size_t i = 0; i < s->length; i++) {
            sum += (double)p[i] * (double)d[i];
        }
        for (size_t i = 0; i < s->length; i++) {
            d[i] = scale * p[i] * (d[i] - (float)sum);
        }
    }
}

static void backward_chunk(const op_node_t *node, size_t n, size_t first, float *const *dx)
{
    const state_t *s = node->state;
    size_t channels = zu(node->shape.c), each = s->length * channels;
    size_t rows = chunk_rows(s, first), at = n * each + first * channels;
    const float *q = node->input[QUERY]->data + at, *dy = node->grad + at;
    const float *k = node->input[KEY]->data + n * each, *v = node->input[VALUE]->data + n * each;
    float more = first == 0 ? 0.0f : 1.0f;
    weigh(node, q, k, rows);
    if (dx[VALUE]) {
        matrix_product(true, false, s->length, channels, rows, s->scores, dy, more,
                       dx[VALUE] + n * each);
    }
    if (!dx[QUERY] && !dx[KEY]) {
        return;
    }
    matrix_product(false, true, rows, s->length, channels, dy, v, 0.0f, s->slopes);
    softmax_backward(s, rows, 1.0f / sqrtf((float)channels));
    if (dx[QUERY]) {
        matrix_product(false, false, rows, channels, s->length, s->slopes, k, 0.0f, dx[QUERY] + at);
    }
    if (dx[KEY]) {
        matrix_product(true, false, s->length, channels, rows, s->slopes, q, more,
                       dx[KEY] + n * each);
    }
}

static void backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    const state_t *s = node->state;
    (void)graph;
    for (size_t n = 0; n < zu(node->shape.n); n++) {
        for (size_t first = 0; first < s->length; first += s->chunk) {
            backward_chunk(node, n, first, dx);
        }
    }
}

static const op_t op = {
    .kind = "attention", .finish = finish, .forward = forward, .backward = backward};

static bool alike(const op_node_t *a, const op_node_t *b)
{
    return a->shape.h == b->shape.h && a->shape.w == b->shape.w && a->shape.c == b->shape.c;
}

node_t graph_attention(graph_t *graph, node_t query, node_t key, node_t value)
{
    op_node_t *from[3] = {graph_node(graph, query), graph_node(graph, key),
                          graph_node(graph, value)};
    if (!from[0] || !from[1] || !from[2]) {
        return NODE_NONE;
    }
    if (!alike(from[0], from[1]) || !alike(from[0], from[2])) {
        return graph_fail(graph, ERR_ARGUMENT, "attention of queries %dx%dx%d, keys %dx%dx%d",
                          from[0]->shape.h, from[0]->shape.w, from[0]->shape.c, from[1]->shape.h,
                          from[1]->shape.w, from[1]->shape.c);
    }
    op_node_t *node = graph_append(graph, &op, NULL, from, 3, from[0]->shape, sizeof(state_t));
    return node ? node->index : NODE_NONE;
}
