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
 * Both are told the mode: the rate and the design SNR, the Es/N0 that the encoder prepares for. The
 * decoder's condition also has the mean noise level of each channel, so fading and an SNR that is not
 * the designed one reach it too.
 */
#ifndef SEMANTIC_CODEC_CODEC_NET_H
#define SEMANTIC_CODEC_CODEC_NET_H

#include "nn/graph.h"

enum {
    CODEC_STRIDE = 4,            /* picture pixels per place, each way */
    CODEC_CHANNELS = 16,         /* complex, at the highest rate */
    CODEC_RATES = 4,
    CODEC_CHANNELS_PER_RATE = CODEC_CHANNELS / CODEC_RATES,
    CODEC_MODE_FEATURES = CODEC_RATES + 2, /* what tells a mode to the networks */
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
    node_t mode;    /* input [1][1][CODEC_MODE_FEATURES], codec_net_mode */
    node_t bounded; /* [h/4][w/4][32], before the quantiser */
    node_t points;  /* [h/4][w/4][32], 64-QAM */
    node_t symbols; /* [h/4][w/4][32], E|s|^2 = 1 over the prefix */
} codec_encoder_nodes_t;

/*
 * features[CODEC_MODE_FEATURES] of rate p (1 .. 4) and design SNR: one-hot rate, x and x^2 with
 * x = (snr_db - 12.5) / 13.5, clamped to +-1.2.
 */
void codec_net_mode(int p, double snr_db, float *features);

/* `soft`: [rows][columns][48] as graph_channel gives; `mode`: input as above.  Returns the picture:
   0 .. 1, a little beyond. */
node_t codec_net_decoder(graph_t *graph, node_t soft, node_t mode, const codec_shape_t *shape);

/* Pictures of height x width, both multiples of CODEC_STRIDE. */
void codec_net_encoder(graph_t *graph, int height, int width, const codec_shape_t *shape,
                       codec_encoder_nodes_t *nodes);

/* Name of the buffer with the mean power of the 64-QAM points at each number of channels, and of the
   metadata note with each mode's share of it (train/mode_power.h). */
#define CODEC_POWER_NAME      "encoder.scale.running_power"
#define CODEC_MODE_POWER_NOTE "mode_power"

#endif
