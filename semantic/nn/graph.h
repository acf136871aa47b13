/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * graph: a network as a fixed list of layers, with forward and backward.
 *
 * A network definition reads like its layer list:
 *
 *     graph_t *g = graph_create(params, GRAPH_TRAIN, 64, 0, &err);
 *     node_t image = graph_input(g, 32, 32, 3);
 *     node_t x = graph_space_to_depth(g, image, 2);
 *     x = graph_conv(g, x, "encoder.0", 64, 3);
 *     x = graph_prelu(g, x, "encoder.1");
 *     …
 *     node_t loss = graph_mse(g, x, image);
 *     graph_add_loss(g, loss, 1.0f);
 *     if (graph_finish(g, &err) < 0) …          // the first failure of any line above
 *
 *     memcpy(graph_data(g, image), batch, …);   // per step
 *     params_zero_gradients(params);
 *     graph_forward(g);
 *     graph_backward(g);                        // adds to every param_t.grad
 *     optimizer_step(…);                        // optimizer.h
 *
 * Tensors are fp32, NHWC: element (n, y, x, c) at ((n*H + y)*W + x)*C + c.  A
 * vector per sample is [N][1][1][C], a number per sample [N][1][1][1].
 *
 * Builder functions return a node (>= 0), or NODE_NONE after recording the
 * first failure in the graph; a builder given NODE_NONE returns NODE_NONE
 * quietly, and graph_finish reports what was recorded, naming the layer.
 * Names of layers are prefixes of tensor names in the parameter store:
 * "a.0" makes `a.0.weight` and `a.0.bias`.
 *
 * All memory is allocated in graph_finish; forward and backward neither
 * allocate nor fail.  A training graph keeps every node's data and gradient.
 * An inference graph reuses memory: only inputs, nodes nobody reads, and
 * nodes marked by graph_keep hold their data after forward.
 *
 * Threads: one graph, one thread at a time; it may be built in one thread and
 * run in another.  Graphs that share a parameter store may run concurrently as
 * long as nobody writes the store.  Results are bit-identical for the same
 * thread count on the same machine.
 */
#ifndef SEMANTIC_NN_GRAPH_H
#define SEMANTIC_NN_GRAPH_H

#include "err.h"
#include "nn/params.h"

typedef struct graph graph_t;
typedef int node_t;
#define NODE_NONE (-1)

typedef enum {
    GRAPH_INFER, /* forward only; batch norm and power norm use running statistics */
    GRAPH_TRAIN, /* forward and backward; batch statistics, running ones updated in forward */
} graph_mode_t;

typedef struct {
    int n, h, w, c;
} graph_shape_t;

/*
 * `batch` >= 1 samples.  `threads`: OpenMP threads for every run; 0 = OpenMP's
 * maximum at this moment.  Inference on a real-time thread: 1.  `params` must
 * outlive the graph.
 */
graph_t *graph_create(params_t *params, graph_mode_t mode, int batch, int threads, err_t *err);
void graph_destroy(graph_t *graph); /* NULL is fine */

/*
 * Convolutions of this graph round their inputs, weights and incoming gradients to
 * bfloat16 (8 bits of mantissa) and sum in fp32: about twice as fast on CPUs with
 * AVX512_BF16 or AMX.  graph_finish fails where oneDNN has no such kernel.  Before graph_finish.
 */
void graph_use_bf16(graph_t *graph, bool on);

/* Ends building: allocates, makes the convolutions.  0, or -1 with the first failure. */
int graph_finish(graph_t *graph, err_t *err);

/* Runs every layer from the inputs' present data. */
void graph_forward(graph_t *graph);

/*
 * After graph_forward of a training graph: gradients of the total loss into
 * every node's graph_grad and, added, into the store's param_t.grad.
 */
void graph_backward(graph_t *graph);

/* As graph_backward, from d(anything)/d(node) = seed[elements of node] instead of the losses. */
void graph_backward_from(graph_t *graph, node_t node, const float *seed);

graph_shape_t graph_shape(const graph_t *graph, node_t node);
size_t graph_count(const graph_t *graph, node_t node); /* elements: n*h*w*c */
float *graph_data(graph_t *graph, node_t node);        /* valid after graph_finish */
const float *graph_grad(const graph_t *graph, node_t node); /* NULL if no gradient flows there */

/* Keeps a node's data readable after forward in an inference graph.  Before graph_finish. */
void graph_keep(graph_t *graph, node_t node);

/* ---- inputs and plumbing ------------------------------------------------ */

/* [batch][h][w][c], zero until written.  No gradient flows to it … */
node_t graph_input(graph_t *graph, int h, int w, int c);
/* … except here (graph_grad after backward): for checks and for joining graphs. */
node_t graph_input_with_gradient(graph_t *graph, int h, int w, int c);
/* The same data; no gradient flows back (PyTorch: x.detach()). */
node_t graph_detach(graph_t *graph, node_t in);
/* Concatenates channels; same n, h, w. */
node_t graph_concat(graph_t *graph, const node_t *in, int count);
/* Channels [first, first+count). */
node_t graph_slice(graph_t *graph, node_t in, int first, int count);
/*
 * [h][w][c] -> [h/r][w/r][c*r*r] and back; channel order of PyTorch's
 * pixel_unshuffle and pixel_shuffle: packed channel = c*r*r + dy*r + dx.
 */
node_t graph_space_to_depth(graph_t *graph, node_t in, int r);
node_t graph_depth_to_space(graph_t *graph, node_t in, int r);
/* [1][1][c*h*w] in PyTorch's order (c, y, x), so that a following linear matches. */
node_t graph_flatten(graph_t *graph, node_t in);
/* Zeros around: so many rows above and below, columns left and right. */
node_t graph_pad(graph_t *graph, node_t in, int top, int bottom, int left, int right);
/* [h][w][c] -> [h*r][w*r][c], each pixel r x r times (nearest-neighbour enlargement). */
node_t graph_repeat(graph_t *graph, node_t in, int r);

/* ---- layers with weights ------------------------------------------------ */

typedef struct {
    int out_channels;
    int kernel;     /* odd or even, 1 .. 15 */
    int stride;     /* 0 = 1; 1 or 2 */
    int padding;    /* zeros on each side; 0 = kernel/2 ("same" for odd kernels), PADDING_NONE = 0 */
    bool no_bias;   /* e.g. before a batch norm */
    bool zero_init; /* weights start at 0: a residual branch that starts as nothing */
    float gain;     /* weights ~ N(0, gain^2 / fan_in); 0 = sqrt(2), He's for ReLU-like */
} conv_options_t;
#define PADDING_NONE (-1)

/* k x k, stride 1, padding k/2, bias, He initialisation. `name.weight` [O][I][k][k], `name.bias`. */
node_t graph_conv(graph_t *graph, node_t in, const char *name, int out_channels, int kernel);
/* The same with weights that start at `gain`. */
node_t graph_conv_gain(graph_t *graph, node_t in, const char *name, int out_channels, int kernel,
                       float gain);
node_t graph_conv_with(graph_t *graph, node_t in, const char *name,
                       const conv_options_t *options);
/* On the channel axis at every position (PyTorch nn.Linear on the last axis).
   `name.weight` [O][C], `name.bias` [O]. */
node_t graph_linear(graph_t *graph, node_t in, const char *name, int out_features);
/* As graph_linear with its gain (0 = sqrt(2)) or zeros. */
node_t graph_linear_with(graph_t *graph, node_t in, const char *name, int out_features,
                         float gain, bool zero_init);
/* Momentum 0.1, eps 1e-5.  `weight` `bias` `running_mean` `running_var`, each [C].  Running
   variance is the unbiased one, as in PyTorch. */
node_t graph_batch_norm(graph_t *graph, node_t in, const char *name);
/* eps 1e-5; `weight` `bias` [C].  Statistics per sample and group of C/groups channels. */
node_t graph_group_norm(graph_t *graph, node_t in, const char *name, int groups);
node_t graph_group_norm_with(graph_t *graph, node_t in, const char *name, int groups, float eps);
/*
 * (x - m[c]) / sqrt(v[c] + 1e-5): mean 0 and variance 1 per channel over the batch, no weights.
 * `running_mean` `running_var` [C] (momentum 0.01; the first batch sets them), used in GRAPH_INFER.
 */
node_t graph_standardise(graph_t *graph, node_t in, const char *name);
/* x > 0 ? x : weight[c]*x; `name.weight` [C], starts at 0.25. */
node_t graph_prelu(graph_t *graph, node_t in, const char *name);
/* a + scale[c] * b; `name.scale` [C] starting at `start` (0 = identity at first). */
node_t graph_add_scaled(graph_t *graph, node_t a, node_t b, const char *name, float start);

/* Layer norm over the channels of each position; `weight` `bias` [C], or none where name is NULL. */
node_t graph_layer_norm(graph_t *graph, node_t in, const char *name, float eps);
/*
 * DARTS's mixed operation: the sum of 1 .. 8 nodes of one shape, weighted by
 * softmax(alpha / temperature).  `name.alpha` [count], starts at 0.
 */
node_t graph_mixture(graph_t *graph, const node_t *in, int count, const char *name,
                     float temperature);

/* ---- layers without weights --------------------------------------------- */

node_t graph_relu(graph_t *graph, node_t in);
node_t graph_silu(graph_t *graph, node_t in);                /* x * sigmoid(x) */
node_t graph_sigmoid(graph_t *graph, node_t in);
node_t graph_tanh(graph_t *graph, node_t in, float bound);   /* bound * tanh(x / bound) */
node_t graph_add(graph_t *graph, node_t a, node_t b);
/* x * scale[c] + shift[c], constants copied now; e.g. image normalisation. */
node_t graph_affine(graph_t *graph, node_t in, const float *scale, const float *shift);
/*
 * FiLM: x * (1 + m[c]) + b[c] with m = modulation[0..C), b = modulation[C..2C) of
 * the sample; `modulation` is [N][1][1][2C], usually a linear of a condition vector.
 */
node_t graph_film(graph_t *graph, node_t in, node_t modulation);
node_t graph_max_pool(graph_t *graph, node_t in);            /* 2x2, stride 2; even h and w */
node_t graph_avg_pool(graph_t *graph, node_t in, int r);     /* r x r, stride r; divides h and w */
node_t graph_global_avg_pool(graph_t *graph, node_t in);     /* [N][1][1][C] */
node_t graph_global_max_pool(graph_t *graph, node_t in);     /* [N][1][1][C] */

/*
 * One head of scaled dot-product attention over the positions of a sample (no weights: query,
 * key and value are usually graph_linear of one node), all [h][w][c].
 */
node_t graph_attention(graph_t *graph, node_t query, node_t key, node_t value);

/* ---- symbols (equations in symbols.c and channel.c) ----------------------- */
/*
 * Channels 2c and 2c+1 are the real and imaginary part of complex channel c.
 * The rate is a prefix: the first `graph_set_prefix` complex channels are
 * sent, the others are zero.  It may change before any forward; at build it
 * is all of them (0 = all).
 */
void graph_set_prefix(graph_t *graph, int complex_channels);
int graph_prefix(const graph_t *graph);

/*
 * Divides the used prefix by the square root of its mean symbol power over the
 * batch, so that E|s|^2 = 1; zeros beyond.  `name.running_power` [C/2], element
 * p-1 for prefix p: a running mean (momentum 0.05; the first batch sets it), used
 * in GRAPH_INFER.  0 there = never trained at that prefix: the batch's own power is used.
 */
node_t graph_power_norm(graph_t *graph, node_t in, const char *name);
/*
 * Nearest of the 64-QAM points: each axis to (2i-7)/sqrt(42), i = 0..7; zero
 * beyond the prefix.  Gradient passes straight through.
 */
node_t graph_quantise(graph_t *graph, node_t in);
/*
 * The air and the equaliser, per complex symbol:
 *     y = h s + n      s_hat = conj(h) y / (|h|^2 + N0)
 *     noise_var = E|s_hat - s|^2 = N0 / (|h|^2 + N0)
 * In: s [N][H][W][2C]; h and n of the same shape (h NODE_NONE: 1, AWGN), n already
 * of variance N0 (E|n|^2, half on each axis); n0 [N][1][1][1] > 0.
 * Out: [N][H][W][3C]: s_hat in channels 0..2C, noise_var in 2C..3C.  Beyond the
 * prefix s_hat = 0 and noise_var = 1: what no reception would give.
 * The gradient reaches s only.
 */
node_t graph_channel(graph_t *graph, node_t s, node_t h, node_t n, node_t n0);
/*
 * The decoder's first layer, on [2C soft symbols | C noise variances] as graph_channel
 * or the receiver delivers: symbols pass, noise_var v becomes -log10(clamp(v, 1e-4, 1)),
 * i.e. 0 (nothing known) … 4.  Gradient for the symbols only.
 */
node_t graph_noise_log(graph_t *graph, node_t soft);

/* ---- losses --------------------------------------------------------------- */
/* Each gives [N][1][1][1], one number per sample. */

/* Mean over h, w, c of (a - b)^2; gradient to both (detach what shall not move). */
node_t graph_mse(graph_t *graph, node_t a, node_t b);
/* The same times weight[n] ([N][1][1][1], no gradient). */
node_t graph_mse_weighted(graph_t *graph, node_t a, node_t b, node_t weight);
/* Mean over the used prefix of |x - q|^2 per complex symbol; q is a constant. */
node_t graph_commitment(graph_t *graph, node_t x, node_t q);
/*
 * Softmax cross-entropy in nats of logits [N][1][1][K] against labels
 * [N][1][1][1] holding class numbers 0..K-1 as floats; a label outside counts
 * 0 (no loss, no gradient).  `smoothing` in [0, 1): PyTorch's label_smoothing.
 */
node_t graph_cross_entropy(graph_t *graph, node_t logits, node_t labels, float smoothing);

/* Adds weight * mean over the batch of `loss` to the total.  Before graph_finish. */
void graph_add_loss(graph_t *graph, node_t loss, float weight);
/* Changes the weight of a loss that was added. */
void graph_set_loss_weight(graph_t *graph, node_t loss, float weight);
/* After forward: the total, and one loss's unweighted batch mean. */
double graph_total_loss(graph_t *graph);
double graph_mean(graph_t *graph, node_t node);

#endif
