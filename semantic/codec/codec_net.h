/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec_net: the layers of the image32 codec, written once for training and for
 * use.  Everything works on a grid of height/4 x width/4 places, trunk width W:
 *
 *     encoder: image 0..1 -> (x - .47) * 4 -> space_to_depth 4 -> conv 3x3 (48 -> W)
 *              -> blocks -> conv 3x3 (W -> 32) -> bound * tanh -> 64-QAM
 *              -> unit power = 16 complex channels, of which rate p sends the first 4p
 *     decoder: 16 soft complex channels and 16 noise levels -> conv 3x3 (48 -> W)
 *              -> blocks -> conv 3x3 (W -> 48) -> depth_to_space 4 -> * .25 + .47
 *     block:   h + conv 1x1 (PReLU (FiLM (conv 3x3 (h), condition)))
 *
 * The encoder's condition is the rate (one of four); it is not told the SNR,
 * which a transmitter does not know.  The decoder's condition is made from
 * the mean noise level of each channel, so rate, SNR, and fading reach it alike.
 */
#ifndef SEMANTIC_CODEC_CODEC_NET_H
#define SEMANTIC_CODEC_CODEC_NET_H

#include "nn/graph.h"

enum {
    CODEC_STRIDE = 4,            /* picture pixels per place, each way */
    CODEC_CHANNELS = 16,         /* complex, at the highest rate */
    CODEC_RATES = 4,
    CODEC_CHANNELS_PER_RATE = CODEC_CHANNELS / CODEC_RATES,
};

/* What the weights file's metadata tells about its network. */
typedef struct {
    int width;          /* of the trunk: 8 .. 512 */
    int encoder_blocks; /* 0 .. 32 */
    int decoder_blocks; /* 0 .. 32 */
    float bound;        /* symbols before the quantiser lie within +- bound on each axis */
} codec_shape_t;

typedef struct {
    node_t image;   /* input [h][w][3], 0 .. 1 */
    node_t rate;    /* input [1][1][4], one-hot: element p-1 is 1 */
    node_t bounded; /* [h/4][w/4][32], before the quantiser */
    node_t points;  /* [h/4][w/4][32], 64-QAM */
    node_t symbols; /* [h/4][w/4][32], E|s|^2 = 1 over the prefix */
} codec_encoder_nodes_t;

/* `soft`: [rows][columns][48] as graph_channel gives.  Returns the picture: 0 .. 1, a little beyond. */
node_t codec_net_decoder(graph_t *graph, node_t soft, const codec_shape_t *shape);

/* Pictures of height x width, both multiples of CODEC_STRIDE. */
void codec_net_encoder(graph_t *graph, int height, int width, const codec_shape_t *shape,
                       codec_encoder_nodes_t *nodes);

/* Name of the buffer with the mean power of the 64-QAM points at each number of channels. */
#define CODEC_POWER_NAME "encoder.scale.running_power"

#endif
