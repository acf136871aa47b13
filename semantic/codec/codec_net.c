/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Residual branches start small and FiLM starts as nothing, so the whole
 * starts as a linear transform: it learns fast and does not collapse.
 */
#include "codec/codec_net.h"

#include <stdio.h>
#include <string.h>

enum { SYMBOL_REALS = 2 * CODEC_CHANNELS, CONDITION = 64 };
enum { PATCH = 3 * CODEC_STRIDE * CODEC_STRIDE };

static const float branch_gain = 0.2f, symbol_gain = 0.6f, head_gain = 0.5f;
static const float picture_mean = 0.47f, picture_spread = 0.25f;
static const float noise_scale = 0.4f; /* graph_noise_log gives 2.5 at 25 dB */

static node_t block(graph_t *g, node_t in, node_t drive, const char *part, int index, int width)
{
    char name[4][64];
    static const char *const layer[4] = {"conv1", "film", "act", "conv2"};
    for (int i = 0; i < 4; i++) {
        snprintf(name[i], sizeof(name[i]), "%s.blocks.%d.%s", part, index, layer[i]);
    }
    node_t x = graph_conv(g, in, name[0], width, 3);
    x = graph_film(g, x, graph_linear_with(g, drive, name[1], 2 * width, 0.0f, true));
    x = graph_prelu(g, x, name[2]);
    return graph_add(g, in, graph_conv_gain(g, x, name[3], width, 1, branch_gain));
}

void codec_net_mode(int p, double snr_db, float *features)
{
    double x = (snr_db - 12.5) / 13.5;
    x = x > -1.2 ? x : -1.2; /* a NaN too */
    x = x < 1.2 ? x : 1.2;
    memset(features, 0, CODEC_MODE_FEATURES * sizeof(*features));
    features[p - 1] = 1.0f;
    features[CODEC_RATES] = (float)x;
    features[CODEC_RATES + 1] = (float)(x * x);
}

/* What drives every FiLM of one half: two layers over the features. */
static node_t condition(graph_t *g, node_t features, const char *name)
{
    char layer[2][64];
    snprintf(layer[0], sizeof(layer[0]), "%s.0", name);
    snprintf(layer[1], sizeof(layer[1]), "%s.1", name);
    node_t x = graph_silu(g, graph_linear(g, features, layer[0], CONDITION));
    return graph_silu(g, graph_linear(g, x, layer[1], CONDITION));
}

void codec_net_encoder(graph_t *graph, int height, int width, const codec_shape_t *shape,
                       codec_encoder_nodes_t *nodes)
{
    const float scale[3] = {1.0f / picture_spread, 1.0f / picture_spread, 1.0f / picture_spread};
    float shift[3];
    for (int c = 0; c < 3; c++) {
        shift[c] = -picture_mean * scale[c];
    }
    nodes->image = graph_input(graph, height, width, 3);
    nodes->mode = graph_input(graph, 1, 1, CODEC_MODE_FEATURES);
    node_t drive = condition(graph, nodes->mode, "encoder.condition");
    node_t x = graph_affine(graph, nodes->image, scale, shift);
    x = graph_space_to_depth(graph, x, CODEC_STRIDE);
    x = graph_conv_gain(graph, x, "encoder.stem", shape->width, 3, 1.0f);
    for (int i = 0; i < shape->encoder_blocks; i++) {
        x = block(graph, x, drive, "encoder", i, shape->width);
    }
    x = graph_conv_gain(graph, x, "encoder.head", SYMBOL_REALS, 3, symbol_gain);
    nodes->bounded = graph_tanh(graph, x, shape->bound);
    nodes->points = graph_quantise(graph, nodes->bounded);
    nodes->symbols = graph_power_norm(graph, nodes->points, "encoder.scale");
}

node_t codec_net_decoder(graph_t *graph, node_t soft, node_t mode, const codec_shape_t *shape)
{
    float scale[SYMBOL_REALS + CODEC_CHANNELS], shift[SYMBOL_REALS + CODEC_CHANNELS];
    for (int c = 0; c < SYMBOL_REALS + CODEC_CHANNELS; c++) {
        scale[c] = c < SYMBOL_REALS ? 1.0f : noise_scale;
        shift[c] = 0.0f;
    }
    node_t in = graph_affine(graph, graph_noise_log(graph, soft), scale, shift);
    node_t noise =
        graph_global_avg_pool(graph, graph_slice(graph, in, SYMBOL_REALS, CODEC_CHANNELS));
    const node_t known[2] = {noise, mode};
    node_t drive = condition(graph, graph_concat(graph, known, 2), "decoder.condition");
    node_t x = graph_conv_gain(graph, in, "decoder.stem", shape->width, 3, 1.0f);
    for (int i = 0; i < shape->decoder_blocks; i++) {
        x = block(graph, x, drive, "decoder", i, shape->width);
    }
    x = graph_conv_gain(graph, x, "decoder.head", PATCH, 3, head_gain);
    x = graph_depth_to_space(graph, x, CODEC_STRIDE);
    const float out_scale[3] = {picture_spread, picture_spread, picture_spread};
    const float out_shift[3] = {picture_mean, picture_mean, picture_mean};
    return graph_affine(graph, x, out_scale, out_shift);
}
