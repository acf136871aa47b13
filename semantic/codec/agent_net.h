/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_net: the layers of an agent of DeKAP (J. Hu, G. Y. Li, "Distillation-Enabled Knowledge
 * Alignment Protocol for Semantic Communication in AI Agent Networks", section IV-A), a VQ-VAE
 * with 9 bits for each place of 4x4 pixels, written once for training and for use.  Trunk width W,
 * code vectors of D numbers:
 *
 *     encoder: image 0..1 -> (x - .47) * 4 -> space_to_depth 4 -> conv 3x3 (48 -> W) -> blocks
 *              -> conv 3x3 (W -> D)
 *     codes:   the nearest of 512 vectors
 *     decoder: conv 3x3 (D -> W) -> blocks -> conv 3x3 (W -> 48) -> depth_to_space 4
 *              -> * .25 + .47
 *     block:   h + conv 3x3 (PReLU (conv 3x3 (h)))
 *
 * With four blocks in each half these are 20 layers with weights.  224x224 pixels become 56x56
 * codes, as in the paper.
 */
#ifndef SEMANTIC_CODEC_AGENT_NET_H
#define SEMANTIC_CODEC_AGENT_NET_H

#include "nn/graph.h"

enum { AGENT_STRIDE = 4, AGENT_CODES = 512, AGENT_CODE_BITS = 9 };

/* What the weights file's metadata tells about its network. */
typedef struct {
    int width;          /* W: 8 .. 512 */
    int encoder_blocks; /* 0 .. 32 */
    int decoder_blocks; /* 0 .. 32 */
    int code_size;      /* D: 3 .. 128 */
} agent_shape_t;

/* image: [h][w][3] in 0 .. 1, h and w multiples of AGENT_STRIDE.  Returns [h/4][w/4][D], not yet
   quantised: graph_codebook(…, AGENT_CODES_NAME, AGENT_CODES) is next. */
node_t agent_net_encoder(graph_t *graph, node_t image, const agent_shape_t *shape);
/* `codes`: code vectors, or means of several.  Returns the picture: 0 .. 1, a little beyond. */
node_t agent_net_decoder(graph_t *graph, node_t codes, const agent_shape_t *shape);

/* Prefix of the codebook's tensors, and the buffer with the points' mean power (agent_codes.h). */
#define AGENT_CODES_NAME "codes"
#define AGENT_POWER_NAME "codes.running_power"

#endif
