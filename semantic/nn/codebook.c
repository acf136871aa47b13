/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codebook: |x - e|^2 = |x|^2 - 2 (x e - |e|^2 / 2), so the nearest code has the largest
   x e - |e|^2 / 2: a matrix product by chunks of places, then a maximum. */
#include "nn/codebook.h"

#include "nn/op.h"
#include "rng.h"

#include <math.h>

enum { CODEBOOK, USAGE, BATCHES };
enum { CHUNK = 256 };

static const float decay = 0.97f, neglect = 0.02f;

typedef struct {
    size_t codes;
    float *half;   /* [codes] |e|^2 / 2 */
    float *scores; /* [CHUNK][codes] */
    int *code;     /* [rows] */
    float *sum;    /* [codes][C] of this batch */
    int *count;    /* [codes] */
} state_t;

static int finish(graph_t *graph, op_node_t *node, err_t *err)
{
    state_t *s = node->state;
    size_t channels = zu(node->shape.c);
    s->half = graph_alloc(graph, s->codes * sizeof(float), err);
    s->scores = graph_alloc(graph, CHUNK * s->codes * sizeof(float), err);
    s->code = graph_alloc(graph, node_rows(node) * sizeof(int), err);
    s->sum = graph_alloc(graph, s->codes * channels * sizeof(float), err);
    s->count = graph_alloc(graph, s->codes * sizeof(int), err);
    return s->half && s->scores && s->code && s->sum && s->count ? 0 : -1;
}

static void assign(op_node_t *node)
{
    state_t *s = node->state;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    const float *e = node->param[CODEBOOK]->value;
    for (size_t k = 0; k < s->codes; k++) {
        float square = 0.0f;
        for (size_t c = 0; c < channels; c++) {
            square += e[k * channels + c] * e[k * channels + c];
        }
        s->half[k] = 0.5f * square;
    }
    for (size_t first = 0; first < rows; first += CHUNK) {
        size_t chunk = rows - first < CHUNK ? rows - first : CHUNK;
        matrix_product(false, true, chunk, s->codes, channels,
                       node->input[0]->data + first * channels, e, 0.0f, s->scores);
        for (size_t r = 0; r < chunk; r++) {
            const float *score = s->scores + r * s->codes;
            size_t best = 0;
            float most = score[0] - s->half[0];
            for (size_t k = 1; k < s->codes; k++) {
                float here = score[k] - s->half[k];
                if (here > most) {
                    most = here;
                    best = k;
                }
            }
            s->code[first + r] = (int)best;
        }
    }
}

static void copy_vector(const op_node_t *node, size_t code, size_t row)
{
    size_t channels = zu(node->shape.c);
    memcpy(node->param[CODEBOOK]->value + code * channels, node->input[0]->data + row * channels,
           channels * sizeof(float));
}

/* Codes out of the first batch. */
static void seed(const op_node_t *node, rng_t *rng)
{
    const state_t *s = node->state;
    size_t rows = node_rows(node);
    for (size_t k = 0; k < s->codes; k++) {
        copy_vector(node, k, rng_below(rng, (uint32_t)rows));
        node->param[USAGE]->value[k] = (float)rows / (float)s->codes;
    }
}

static void follow(const op_node_t *node, rng_t *rng)
{
    state_t *s = node->state;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    float *e = node->param[CODEBOOK]->value, *usage = node->param[USAGE]->value;
    const float *x = node->input[0]->data;
    memset(s->sum, 0, s->codes * channels * sizeof(float));
    memset(s->count, 0, s->codes * sizeof(int));
    for (size_t r = 0; r < rows; r++) {
        float *sum = s->sum + zu(s->code[r]) * channels;
        s->count[s->code[r]]++;
        for (size_t c = 0; c < channels; c++) {
            sum[c] += x[r * channels + c];
        }
    }
    float fair = (float)rows / (float)s->codes;
    for (size_t k = 0; k < s->codes; k++) {
        float count = (float)s->count[k];
        usage[k] = decay * usage[k] + (1.0f - decay) * count;
        if (usage[k] < neglect * fair) {
            copy_vector(node, k, rng_below(rng, (uint32_t)rows));
            usage[k] = fair;
            continue;
        }
        float share = (1.0f - decay) / usage[k];
        for (size_t c = 0; c < channels; c++) {
            float *at = &e[k * channels + c];
            *at += share * (s->sum[k * channels + c] - count * *at);
        }
    }
}

static void forward(graph_t *graph, op_node_t *node)
{
    const state_t *s = node->state;
    size_t rows = node_rows(node), channels = zu(node->shape.c);
    bool follows = graph->mode == GRAPH_TRAIN && (node->param[CODEBOOK]->flags & PARAM_FROZEN) == 0;
    float *batches = node->param[BATCHES]->value;
    rng_t rng;
    rng_seed(&rng, (uint64_t)s->codes, (uint64_t)batches[0]);
    if (follows && !(batches[0] > 0.0f)) {
        seed(node, &rng);
    }
    assign(node);
    for (size_t r = 0; r < rows; r++) {
        memcpy(node->data + r * channels, node->param[CODEBOOK]->value + zu(s->code[r]) * channels,
               channels * sizeof(float));
    }
    if (follows) {
        follow(node, &rng);
        batches[0] += 1.0f;
    }
}

static void backward(graph_t *graph, op_node_t *node, float *const *dx)
{
    (void)graph;
    if (dx[0]) {
        memcpy(dx[0], node->grad, node->count * sizeof(float));
    }
}

static const op_t op = {
    .kind = "codebook", .finish = finish, .forward = forward, .backward = backward};

node_t graph_codebook(graph_t *graph, node_t in, const char *name, int codes)
{
    op_node_t *from = graph_node(graph, in);
    if (from && (codes < 2 || codes > CODEBOOK_CODES_MAX)) {
        return graph_fail(graph, ERR_ARGUMENT, "%s: %d codes are not 2 .. %d", name, codes,
                          CODEBOOK_CODES_MAX);
    }
    op_node_t *node =
        from ? graph_append(graph, &op, name, &from, 1, from->shape, sizeof(state_t)) : NULL;
    if (!node) {
        return NODE_NONE;
    }
    ((state_t *)node->state)->codes = zu(codes);
    const int shape[2] = {codes, from->shape.c}, one = 1;
    unsigned flags = PARAM_BUFFER | PARAM_NO_DECAY;
    return graph_bind(graph, node, CODEBOOK, "codebook", 2, shape, flags, PARAM_INIT_CONSTANT,
                      0.0f) &&
                   graph_bind(graph, node, USAGE, "usage", 1, &codes, flags, PARAM_INIT_CONSTANT,
                              0.0f) &&
                   graph_bind(graph, node, BATCHES, "batches", 1, &one, flags, PARAM_INIT_CONSTANT,
                              0.0f)
               ? node->index
               : NODE_NONE;
}

const int *graph_codes(const graph_t *graph, node_t node)
{
    return ((const state_t *)graph->nodes[node]->state)->code;
}
