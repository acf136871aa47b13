/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Residual branches start small, so the whole starts as a linear transform of the latent. */
#include "codec/deka_net.h"

#include <stdio.h>

static const float branch_gain = 0.2f, symbol_gain = 0.6f, head_gain = 0.5f;

static node_t conv(graph_t *g, node_t in, const char *name, int out, int kernel, float gain)
{
    conv_options_t options = {.out_channels = out, .kernel = kernel, .gain = gain};
    return graph_conv_with(g, in, name, &options);
}

static node_t blocks(graph_t *g, node_t x, const char *part, int count, int width)
{
    static const char *const layer[3] = {"conv1", "act", "conv2"};
    for (int k = 0; k < count; k++) {
        char name[3][64];
        for (int i = 0; i < 3; i++) {
            snprintf(name[i], sizeof(name[i]), "%s.blocks.%d.%s", part, k, layer[i]);
        }
        node_t y = graph_prelu(g, graph_conv(g, x, name[0], width, 3), name[1]);
        x = graph_add(g, x, conv(g, y, name[2], width, 1, branch_gain));
    }
    return x;
}

/* "adapter.encoder", "adapter.4.encoder" where each rate has its own, "pretrain.scale" without a
 * pair. */
static const char *pair_name(const deka_shape_t *shape, int channels, const char *what, char *name,
                             size_t size)
{
    if (shape->pair == DEKA_PAIR_INDEPENDENT) {
        snprintf(name, size, "adapter.%d.%s", channels, what);
    } else {
        snprintf(name, size, "%s.%s", shape->pair == DEKA_PAIR_NONE ? "pretrain" : "adapter", what);
    }
    return name;
}

int deka_net_channels(const deka_shape_t *shape, int channels)
{
    switch (shape->pair) {
    case DEKA_PAIR_INDEPENDENT:
        return channels;
    case DEKA_PAIR_NONE:
        return DEKA_FEATURES / 2;
    case DEKA_PAIR_VARIABLE:
        break;
    }
    return DEKA_CHANNELS;
}

node_t deka_net_encoder(graph_t *graph, node_t latent, const deka_shape_t *shape, int channels)
{
    char name[64];
    node_t x = graph_space_to_depth(graph, latent, DEKA_STRIDE);
    x = conv(graph, x, "encoder.stem", shape->width, 3, 1.0f);
    x = blocks(graph, x, "encoder", shape->encoder_blocks, shape->width);
    x = conv(graph, x, "encoder.head", DEKA_FEATURES, 3, symbol_gain);
    if (shape->pair != DEKA_PAIR_NONE) {
        x = conv(graph, x, pair_name(shape, channels, "encoder", name, sizeof(name)),
                 2 * deka_net_channels(shape, channels), 1, 1.0f);
    }
    return shape->bound > 0.0f ? graph_tanh(graph, x, shape->bound) : x;
}

node_t deka_net_scale(graph_t *graph, node_t points, const deka_shape_t *shape, int channels)
{
    char name[64];
    return graph_power_norm(graph, points, pair_name(shape, channels, "scale", name, sizeof(name)));
}

node_t deka_net_decoder(graph_t *graph, node_t soft, const deka_shape_t *shape, int channels)
{
    char name[64];
    node_t x = soft;
    if (shape->pair != DEKA_PAIR_NONE) {
        x = conv(graph, x, pair_name(shape, channels, "decoder", name, sizeof(name)), DEKA_FEATURES,
                 1, 1.0f);
    }
    x = conv(graph, x, "decoder.stem", shape->width, 3, 1.0f);
    x = blocks(graph, x, "decoder", shape->decoder_blocks, shape->width);
    x = conv(graph, x, "decoder.head", DEKA_LATENT_CHANNELS * DEKA_STRIDE * DEKA_STRIDE, 3,
             head_gain);
    return graph_depth_to_space(graph, x, DEKA_STRIDE);
}
