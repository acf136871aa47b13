/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * latent_net: the layers of our own latent codec, written once for training and for use.
 * Everything works on the grid of height/8 x width/8 places, trunk width W:
 *
 *     encoder: image 0..1 -> (x - .47) * 4 -> space_to_depth 8 -> conv 3x3 (192 -> W) -> blocks
 *              -> conv 3x3 (W -> 4) -> standardise
 *     decoder: conv 3x3 (4 -> W) -> blocks -> conv 3x3 (W -> 192) -> depth_to_space 8
 *              -> * .25 + .47
 *     block:   h + conv 1x1 (PReLU (conv 3x3 (h)))
 *
 * Width costs least where there are few places, so all of it is there.  The 3x3 windows of 8x8
 * pixel blocks overlap, like those of a lapped transform, and so hide the blocks' edges.
 */
#ifndef SEMANTIC_LATENT_LATENT_NET_H
#define SEMANTIC_LATENT_LATENT_NET_H

#include "nn/graph.h"

enum { LATENT_NET_STRIDE = 8, LATENT_NET_CHANNELS = 4 };

/* What the weights file's metadata tells about its network. */
typedef struct {
    int width;          /* of the trunk: 8 .. 512 */
    int encoder_blocks; /* 0 .. 32 */
    int decoder_blocks; /* 0 .. 32 */
} latent_net_shape_t;

/* image: [h][w][3] in 0 .. 1, h and w multiples of the stride.  Returns the latent. */
node_t latent_net_encoder(graph_t *graph, node_t image, const latent_net_shape_t *shape);
/* Returns the picture: 0 .. 1, a little beyond. */
node_t latent_net_decoder(graph_t *graph, node_t latent, const latent_net_shape_t *shape);

/* The buffer with each channel's variance before it is standardised: 0 = never trained. */
#define LATENT_NET_VARIANCE "encoder.standard.running_var"

#endif
