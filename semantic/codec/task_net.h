/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * task_net: the layers of the task codec, written once for training, search, and use.
 * (K. Ding and others, "Large-Scale Model Enabled Semantic Communication Based on Robust
 * Knowledge Distillation", 2025; equation and section numbers are that paper's.)
 *
 *     semantic encoder  picture 32x32x3 -> h [D]           table I at CIFAR's size
 *         whitening conv 3x3, SiLU; for each layer l: conv 3x3 to width[l], max pool, norm, SiLU,
 *         then x + (depth[l] bottlenecks); global max pool, norm, linear to D, the teacher's
 * feature size channel encoder   h, SNR -> 2K reals                 III-B, one CAT block channel
 * decoder   K soft symbols and noise -> h~ [D] III-B, two CAT blocks semantic decoder  h~ -> logits
 * a linear layer
 *
 * A CAT block works on the TASK_TOKENS tokens of *one* picture, each TASK_EMBED numbers: attention
 * with TASK_HEADS heads, feed-forward of four times the width, both with residual and layer
 * norm, then the linear that shrinks to `kept` numbers.  What was cut is filled up with
 * sigmoid(linear(channel)), the channel being the SNR at the transmitter and the noise of every
 * symbol at the receiver.  The last block of the encoder sends its `kept` numbers instead:
 * K = TASK_TOKENS * kept / 2 symbols, compression ratio 1 - kept / TASK_EMBED (eq. 22).
 */
#ifndef SEMANTIC_CODEC_TASK_NET_H
#define SEMANTIC_CODEC_TASK_NET_H

#include "err.h"
#include "nn/graph.h"

enum {
    TASK_SIDE = 32, /* pixels of a picture, each way */
    TASK_TOKENS = 16,
    TASK_EMBED = 32,
    TASK_HEADS = 8,
    TASK_LAYERS_MAX = 4,
    TASK_DEPTH_MAX = 5,
    TASK_CLASSES_MAX = 1000,
    TASK_SNR_MIN_DB = -12, /* of the design SNR */
    TASK_SNR_MAX_DB = 25,
};

typedef struct {
    int layers;                 /* 1 .. 4 */
    int stem;                   /* channels of the first convolution; even, 2 .. 54 */
    int width[TASK_LAYERS_MAX]; /* 8 .. 512, multiples of 4 */
    int depth[TASK_LAYERS_MAX]; /* bottlenecks, 1 .. 5 */
    int features;               /* D, 4 .. 2048 */
    int classes;                /* 2 .. 1000 */
    int kept;                   /* even, 2 .. 24: numbers that a token sends */
    bool quantised;             /* 64-QAM points, else as they are */
} task_shape_t;

/* "16,32,64,128" (stem and layers) and "2,2,1": errors say which word is wrong. */
int task_shape_parse(task_shape_t *shape, const char *widths, const char *depths, err_t *err);

/* K, complex symbols of a picture. */
int task_shape_symbols(const task_shape_t *shape);

/* What the transmitter's SNR input wants, about -1 .. 1; clamped to the range above. */
float task_net_snr(double snr_db);

/* `picture` [32][32][3] in 0 .. 1 -> h [1][1][D]. */
node_t task_net_encoder(graph_t *graph, node_t picture, const task_shape_t *shape);

/*
 * The same with every layer a mixture over 1 .. 5 bottlenecks (eqs 12-14); tensors
 * `layer.L.mix.alpha` [5], candidates `layer.L.K.…` with weights of their own.
 */
node_t task_net_search(graph_t *graph, node_t picture, const task_shape_t *shape,
                       float temperature);

/* Parameters of candidate k (1 .. 5 bottlenecks) of a layer of that width: |o(l,k)| of eq. 17. */
size_t task_net_candidate(int width, int k);

/* h and `snr` [1][1][1] (task_net_snr) -> [1][1][2K], E|s|^2 = 1 over the data. */
node_t task_net_sender(graph_t *graph, node_t h, node_t snr, const task_shape_t *shape);

/* `soft` [1][1][3K] as graph_channel gives -> h~ [1][1][D]. */
node_t task_net_receiver(graph_t *graph, node_t soft, const task_shape_t *shape);

/* h or h~ -> logits [1][1][classes]. */
node_t task_net_head(graph_t *graph, node_t h, const task_shape_t *shape);

/* Buffer [K], element K-1: E|s|^2 before the last normalisation. */
#define TASK_POWER_NAME "sender.scale.running_power"

#endif
