/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Residual branches start small, so the whole starts as a linear transform of 4x4 blocks. */
#include "codec/agent_net.h"

#include "nn/residual.h"

enum { PATCH = 3 * AGENT_STRIDE * AGENT_STRIDE };

static const float head_gain = 0.5f;
static const float picture_mean = 0.47f, picture_spread = 0.25f;

node_t agent_net_encoder(graph_t *graph, node_t image, const agent_shape_t *shape)
{
    float scale[3], shift[3];
    for (int c = 0; c < 3; c++) {
        scale[c] = 1.0f / picture_spread;
        shift[c] = -picture_mean / picture_spread;
    }
    node_t x = graph_affine(graph, image, scale, shift);
    x = graph_space_to_depth(graph, x, AGENT_STRIDE);
    x = graph_conv_gain(graph, x, "encoder.stem", shape->width, 3, 1.0f);
    x = residual_blocks(graph, x, "encoder", shape->encoder_blocks, shape->width, 3);
    return graph_conv_gain(graph, x, "encoder.head", shape->code_size, 3, 1.0f);
}

node_t agent_net_decoder(graph_t *graph, node_t codes, const agent_shape_t *shape)
{
    const float scale[3] = {picture_spread, picture_spread, picture_spread};
    const float shift[3] = {picture_mean, picture_mean, picture_mean};
    node_t x = graph_conv_gain(graph, codes, "decoder.stem", shape->width, 3, 1.0f);
    x = residual_blocks(graph, x, "decoder", shape->decoder_blocks, shape->width, 3);
    x = graph_conv_gain(graph, x, "decoder.head", PATCH, 3, head_gain);
    x = graph_depth_to_space(graph, x, AGENT_STRIDE);
    return graph_affine(graph, x, scale, shift);
}
