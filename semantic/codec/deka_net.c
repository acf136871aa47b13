/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Residual branches start small, so the whole starts as a linear transform of the latent. */
#include "codec/deka_net.h"

#include "nn/residual.h"

#include <stdio.h>

static const float symbol_gain = 0.6f, head_gain = 0.5f;

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
    x = graph_conv_gain(graph, x, "encoder.stem", shape->width, 3, 1.0f);
    x = residual_blocks(graph, x, "encoder", shape->encoder_blocks, shape->width, 1);
    x = graph_conv_gain(graph, x, "encoder.head", DEKA_FEATURES, 3, symbol_gain);
    if (shape->pair != DEKA_PAIR_NONE) {
        x = graph_conv_gain(graph, x, pair_name(shape, channels, "encoder", name, sizeof(name)),
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
        x = graph_conv_gain(graph, x, pair_name(shape, channels, "decoder", name, sizeof(name)), DEKA_FEATURES,
                 1, 1.0f);
    }
    x = graph_conv_gain(graph, x, "decoder.stem", shape->width, 3, 1.0f);
    x = residual_blocks(graph, x, "decoder", shape->decoder_blocks, shape->width, 1);
    x = graph_conv_gain(graph, x, "decoder.head", DEKA_LATENT_CHANNELS * DEKA_STRIDE * DEKA_STRIDE, 3,
             head_gain);
    return graph_depth_to_space(graph, x, DEKA_STRIDE);
}
