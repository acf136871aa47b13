/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Residual branches start small, so the whole starts as a linear transform of 4x4 blocks. */
#include "codec/agent_net.h"

#include <stdio.h>

enum { PATCH = 3 * AGENT_STRIDE * AGENT_STRIDE };

static const float branch_gain = 0.2f, head_gain = 0.5f;
static const float picture_mean = 0.47f, picture_spread = 0.25f;

static node_t conv(graph_t *g, node_t in, const char *name, int out, float gain)
{
    conv_options_t options = {.out_channels = out, .kernel = 3, .gain = gain};
    return graph_conv_with(g, in, name, &options);
}

static node_t blocks(graph_t *g, node_t x, const char *part, int count, int width)
{
    static const char *const layer[3] = {"conv1", "act", "conv2"};
    for (int b = 0; b < count; b++) {
        char name[3][64];
        for (int i = 0; i < 3; i++) {
            snprintf(name[i], sizeof(name[i]), "%s.blocks.%d.%s", part, b, layer[i]);
        }
        node_t branch = graph_prelu(g, graph_conv(g, x, name[0], width, 3), name[1]);
        x = graph_add(g, x, conv(g, branch, name[2], width, branch_gain));
    }
    return x;
}

node_t agent_net_encoder(graph_t *graph, node_t image, const agent_shape_t *shape)
{
    float scale[3], shift[3];
    for (int c = 0; c < 3; c++) {
        scale[c] = 1.0f / picture_spread;
        shift[c] = -picture_mean / picture_spread;
    }
    node_t x = graph_affine(graph, image, scale, shift);
    x = graph_space_to_depth(graph, x, AGENT_STRIDE);
    x = conv(graph, x, "encoder.stem", shape->width, 1.0f);
    x = blocks(graph, x, "encoder", shape->encoder_blocks, shape->width);
    return conv(graph, x, "encoder.head", shape->code_size, 1.0f);
}

node_t agent_net_decoder(graph_t *graph, node_t codes, const agent_shape_t *shape)
{
    const float scale[3] = {picture_spread, picture_spread, picture_spread};
    const float shift[3] = {picture_mean, picture_mean, picture_mean};
    node_t x = conv(graph, codes, "decoder.stem", shape->width, 1.0f);
    x = blocks(graph, x, "decoder", shape->decoder_blocks, shape->width);
    x = conv(graph, x, "decoder.head", PATCH, head_gain);
    x = graph_depth_to_space(graph, x, AGENT_STRIDE);
    return graph_affine(graph, x, scale, shift);
}
