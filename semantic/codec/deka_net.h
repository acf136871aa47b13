/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deka_net: the layers of DeKA-g's JSCC codec on latents (J. Hu, G. Y. Li,
 * "Distillation-enabled knowledge alignment for generative semantic communications in
 * AIGC provisioning tasks", section V-C), written once for training and for use.  A latent
 * of 2r x 2c x 4 (64x64x4 from 512x512 pixels) lives on r x c places, trunk width W:
 *
 *     encoder: space_to_depth 2 -> conv 3x3 (16 -> W) -> blocks -> conv 3x3 (W -> 8)
 *     pair:    conv 1x1 (8 -> 12) = 6 complex channels, the first i of them sent
 *              -> 64-QAM -> E|s|^2 = 1
 *              soft symbols, zeros for what was not sent -> conv 1x1 (12 -> 8)
 *     decoder: conv 3x3 (8 -> W) -> blocks -> conv 3x3 (W -> 16) -> depth_to_space 2
 *     block:   h + conv 1x1 (PReLU (conv 3x3 (h)))
 *
 * Neither half is told SNR or rate: that is what adapters are for.  Complex channel c
 * is axes 2c and 2c + 1 of the 1x1 layers (the paper has the two halves
 * of the axes instead: the same layers with their rows in another order).
 *
 * For comparisons the pair may be missing (the pre-training: 8 axes = 4 complex channels
 * go on the air) or be one pair of its own for each rate.
 */
#ifndef SEMANTIC_CODEC_DEKA_NET_H
#define SEMANTIC_CODEC_DEKA_NET_H

#include "nn/graph.h"

enum {
    DEKA_LATENT_CHANNELS = 4,
    DEKA_STRIDE = 2,         /* latent places per place of the codec, each way */
    DEKA_FEATURES = 8,       /* axes between encoder and pair */
    DEKA_CHANNELS = 6,       /* complex, at the highest rate */
    DEKA_CHANNELS_FIRST = 2, /* at the lowest */
    DEKA_RATES = DEKA_CHANNELS - DEKA_CHANNELS_FIRST + 1,
};

typedef enum { DEKA_PAIR_VARIABLE, DEKA_PAIR_INDEPENDENT, DEKA_PAIR_NONE } deka_pair_t;

typedef struct {
    int width;          /* of the trunk: 8 .. 512 */
    int encoder_blocks; /* 0 .. 32 */
    int decoder_blocks; /* 0 .. 32 */
    float bound; /* symbols before the quantiser lie within +- bound on each axis; 0: anywhere */
    deka_pair_t pair;
} deka_shape_t;

/* Complex channels of the tensor of symbols: of the pair for `channels` sent. */
int deka_net_channels(const deka_shape_t *shape, int channels);

/*
 * latent [2r][2c][4] -> [r][c][2n], n = deka_net_channels, before the quantiser.  `channels`: how
 * many are sent, for independent pairs.
 */
node_t deka_net_encoder(graph_t *graph, node_t latent, const deka_shape_t *shape, int channels);

/* points [r][c][2n] -> symbols of unit power over the prefix. */
node_t deka_net_scale(graph_t *graph, node_t points, const deka_shape_t *shape, int channels);

/* soft symbols [r][c][2n] -> latent [2r][2c][4]. */
node_t deka_net_decoder(graph_t *graph, node_t soft, const deka_shape_t *shape, int channels);

/* Name of the buffer with the points' mean power at each number of channels (variable pair). */
#define DEKA_POWER_NAME "adapter.scale.running_power"

#endif
