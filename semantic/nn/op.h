/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * op: what a layer is to the graph.  Private to semantic/nn: the layer_*.c,
 * symbols.c, loss.c files define ops, graph.c and graph_run.c hold and run them.
 */
#ifndef SEMANTIC_NN_OP_H
#define SEMANTIC_NN_OP_H

#include "nn/dnnl_conv.h"
#include "nn/graph.h"

#include <string.h>

enum { OP_INPUTS_MAX = 8, OP_PARAMS_MAX = 4 };

typedef struct op_node op_node_t;

typedef struct {
    const char *kind;
    /* After every buffer has its address; may allocate.  NULL: nothing to do. */
    int (*finish)(graph_t *graph, op_node_t *node, err_t *err);
    void (*forward)(graph_t *graph, op_node_t *node);
    /*
     * node->grad is complete.  Writes (does not add) the gradient of input i to
     * dx[i] where that is not NULL, adds to the gradients of its tensors.
     */
    void (*backward)(graph_t *graph, op_node_t *node, float *const *dx);
    void (*release)(op_node_t *node); /* frees what finish made inside state; NULL: nothing */
    bool in_place;                    /* forward works when data == input 0's data */
} op_t;

struct op_node {
    const op_t *op;
    char name[PARAM_NAME_MAX]; /* of the layer, or the op's kind */
    graph_shape_t shape;
    size_t count;
    int index;
    op_node_t *input[OP_INPUTS_MAX];
    int inputs;
    unsigned blocked; /* bit i: no gradient to input i, by definition of the op */
    param_t *param[OP_PARAMS_MAX];
    bool trains;   /* one of its tensors wants a gradient (known from graph_finish on) */
    bool source;   /* an input that wants a gradient */
    bool wants;    /* a gradient flows into this node */
    bool kept;     /* data stays readable after an inference forward */
    bool has_grad; /* during backward: grad has been written */
    int readers;
    float *data;
    float *grad;
    void *state; /* the op's own, zeroed at creation, freed by the graph */
};

struct graph {
    params_t *params;
    graph_mode_t mode;
    int batch;
    int threads;
    int prefix; /* complex channels sent; 0 = all */
    bool bf16; /* convolutions multiply bfloat16 */
    bool finished;
    bool failed;
    err_t failure;
    op_node_t **nodes;
    int count, capacity;
    op_node_t *loss[8];
    float loss_weight[8];
    int losses;
    void **blocks; /* aligned memory owned by the graph */
    int block_count, block_capacity;
    float *spare;    /* a gradient's worth: second and later contributions */
    double *partial; /* threads x partial_width, for per-channel sums */
    size_t partial_width;
    backend_t *backend;
};

/* ---- for builders --------------------------------------------------------- */

/* Records the first failure; always NODE_NONE. */
node_t graph_fail(graph_t *graph, err_code_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The node if it is valid and the graph still open; otherwise NULL (failure recorded unless in == NODE_NONE). */
op_node_t *graph_node(graph_t *graph, node_t in);

/* As graph_node, for a tensor of symbols: an odd number of channels is a failure of `what`. */
op_node_t *graph_symbol_node(graph_t *graph, node_t in, const char *what);

/*
 * Adds a node with `state_size` zeroed bytes of state.  `name` NULL: the op's
 * kind.  NULL on failure or if any input is NULL.
 */
op_node_t *graph_append(graph_t *graph, const op_t *op, const char *name,
                        op_node_t *const *inputs, int count, graph_shape_t shape,
                        size_t state_size);

/* Binds tensor `name.suffix` to slot `slot` of the node; NULL after recording the failure. */
param_t *graph_bind(graph_t *graph, op_node_t *node, int slot, const char *suffix, int rank,
                    const int *shape, unsigned flags, param_init_t init, float amount);

/* ---- for ops -------------------------------------------------------------- */

/* 64-byte aligned zeroed memory that lives as long as the graph; NULL on failure. */
void *graph_alloc(graph_t *graph, size_t bytes, err_t *err);

bool param_wants_gradient(const param_t *param);

static inline size_t zu(int number)
{
    return (size_t)number;
}

static inline size_t node_rows(const op_node_t *node)
{
    return zu(node->shape.n) * zu(node->shape.h) * zu(node->shape.w);
}

static inline size_t node_pixels(const op_node_t *node)
{
    return zu(node->shape.h) * zu(node->shape.w);
}

/* Complex channels in use at a node of `c` real symbol channels. */
static inline size_t graph_used(const graph_t *graph, int c)
{
    int all = c / 2;
    return zu(graph->prefix > 0 && graph->prefix < all ? graph->prefix : all);
}

/* y[row][c] = x[row][c] * scale[c] + shift[c]; y may be x. */
static inline void rows_affine(const float *x, const float *restrict scale,
                               const float *restrict shift, size_t rows, size_t channels, float *y)
{
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            y[r * channels + c] = x[r * channels + c] * scale[c] + shift[c];
        }
    }
}

/* dx = a[c]*dy + b[c]*x + k[c]: the backward of every normalisation. */
static inline void rows_blend(const float *restrict dy, const float *restrict x,
                              const float *restrict a, const float *restrict b,
                              const float *restrict k, size_t rows, size_t channels,
                              float *restrict dx)
{
    for (size_t r = 0; r < rows; r++) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
            size_t at = r * channels + c;
            dx[at] = a[c] * dy[at] + b[c] * x[at] + k[c];
        }
    }
}

/*
 * sum[c] = sum over rows of a[row][c] (b NULL), or of a*b; c < channels.  Float within
 * short blocks, double across them; the order depends only on the thread count.
 */
void graph_channel_sums(graph_t *graph, const float *a, const float *b, size_t rows,
                        size_t channels, double *sum);

/* One thread's part of it: adds to `into` the sums over these rows. */
void add_channel_sums(const float *a, const float *b, size_t rows, size_t channels,
                      double *into);

/* The same of min(x, 0) * dy: the gradient of a PReLU's slope. */
void graph_negative_sums(graph_t *graph, const float *x, const float *dy, size_t rows,
                         size_t channels, double *sum);

#endif
