/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layers, as many as there are tensors for. */
#include "latent/autoencoder_kl.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { RESNETS_MAX = 16, TEXT = 96 };

static const float eps = 1e-6f;

typedef struct {
    graph_t *g;
    const autoencoder_kl_shape_t *shape;
} build_t;

typedef struct {
    char text[TEXT];
} name_t;

static name_t named(const char *format, ...) __attribute__((format(printf, 1, 2)));
static name_t named(const char *format, ...)
{
    name_t name;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name.text, sizeof(name.text), format, arguments);
    va_end(arguments);
    return name;
}

static const param_t *weight(const build_t *b, const char *layer)
{
    return params_find(b->shape->params, named("%s.weight", layer).text);
}

/* A layer without a tensor gets one output: then binding its weight fails and names it. */
static int outputs(const build_t *b, const char *layer)
{
    const param_t *param = weight(b, layer);
    return param != NULL ? param->shape[0] : 1;
}

static node_t conv(const build_t *b, node_t x, const char *layer, int kernel)
{
    return graph_conv(b->g, x, layer, outputs(b, layer), kernel);
}

static node_t linear(const build_t *b, node_t x, const char *layer)
{
    return graph_linear(b->g, x, layer, outputs(b, layer));
}

static node_t norm(const build_t *b, node_t x, const char *layer)
{
    return graph_group_norm_with(b->g, x, layer, b->shape->groups, eps);
}

static node_t norm_silu_conv(const build_t *b, node_t x, const char *norm_layer,
                             const char *conv_layer)
{
    return conv(b, graph_silu(b->g, norm(b, x, norm_layer)), conv_layer, 3);
}

static node_t resnet(const build_t *b, node_t x, const char *block)
{
    node_t h = norm_silu_conv(b, x, named("%s.norm1", block).text, named("%s.conv1", block).text);
    h = norm_silu_conv(b, h, named("%s.norm2", block).text, named("%s.conv2", block).text);
    name_t shortcut = named("%s.conv_shortcut", block);
    return graph_add(b->g, weight(b, shortcut.text) != NULL ? conv(b, x, shortcut.text, 1) : x, h);
}

static node_t attention(const build_t *b, node_t x, const char *block)
{
    node_t h = norm(b, x, named("%s.group_norm", block).text);
    node_t q = linear(b, h, named("%s.to_q", block).text);
    node_t k = linear(b, h, named("%s.to_k", block).text);
    node_t v = linear(b, h, named("%s.to_v", block).text);
    h = linear(b, graph_attention(b->g, q, k, v), named("%s.to_out.0", block).text);
    return graph_add(b->g, x, h);
}

static bool has_attention(const build_t *b, const char *block)
{
    return weight(b, named("%s.group_norm", block).text) != NULL;
}

/* The blocks of one level; the first must be there. */
static node_t level(const build_t *b, node_t x, const char *part)
{
    for (int m = 0; m < RESNETS_MAX; m++) {
        name_t block = named("%s.resnets.%d", part, m);
        if (m > 0 && weight(b, named("%s.conv1", block.text).text) == NULL) {
            break;
        }
        x = resnet(b, x, block.text);
        block = named("%s.attentions.%d", part, m);
        x = has_attention(b, block.text) ? attention(b, x, block.text) : x;
    }
    return x;
}

static node_t middle(const build_t *b, node_t x, const char *part)
{
    name_t block = named("%s.mid_block.attentions.0", part);
    x = resnet(b, x, named("%s.mid_block.resnets.0", part).text);
    x = has_attention(b, block.text) ? attention(b, x, block.text) : x;
    return resnet(b, x, named("%s.mid_block.resnets.1", part).text);
}

static node_t halve(const build_t *b, node_t x, const char *layer)
{
    conv_options_t options = {
        .out_channels = outputs(b, layer), .kernel = 3, .stride = 2, .padding = PADDING_NONE};
    return graph_conv_with(b->g, graph_pad(b->g, x, 0, 1, 0, 1), layer, &options);
}

/* x * scale + shift, the same for every channel. */
static node_t scaled(graph_t *g, node_t x, int channels, float scale, float shift)
{
    float scales[AUTOENCODER_KL_CHANNELS_MAX], shifts[AUTOENCODER_KL_CHANNELS_MAX];
    assert(channels <= AUTOENCODER_KL_CHANNELS_MAX);
    for (int c = 0; c < channels; c++) {
        scales[c] = scale;
        shifts[c] = shift;
    }
    return graph_affine(g, x, scales, shifts);
}

node_t autoencoder_kl_encoder(graph_t *graph, node_t image, const autoencoder_kl_shape_t *shape)
{
    const build_t b = {graph, shape};
    node_t x = scaled(graph, image, 3, 2.0f, -1.0f);
    x = conv(&b, x, "encoder.conv_in", 3);
    for (int n = 0; n < shape->levels; n++) {
        x = level(&b, x, named("encoder.down_blocks.%d", n).text);
        if (n + 1 < shape->levels) {
            x = halve(&b, x, named("encoder.down_blocks.%d.downsamplers.0.conv", n).text);
        }
    }
    x = middle(&b, x, "encoder");
    x = norm_silu_conv(&b, x, "encoder.conv_norm_out", "encoder.conv_out");
    x = weight(&b, "quant_conv") != NULL ? conv(&b, x, "quant_conv", 1) : x;
    x = graph_slice(graph, x, 0, shape->channels);
    return scaled(graph, x, shape->channels, shape->scaling, -shape->shift * shape->scaling);
}

node_t autoencoder_kl_decoder(graph_t *graph, node_t latent, const autoencoder_kl_shape_t *shape)
{
    const build_t b = {graph, shape};
    node_t x = scaled(graph, latent, shape->channels, 1.0f / shape->scaling, shape->shift);
    x = weight(&b, "post_quant_conv") != NULL ? conv(&b, x, "post_quant_conv", 1) : x;
    x = conv(&b, x, "decoder.conv_in", 3);
    x = middle(&b, x, "decoder");
    for (int n = 0; n < shape->levels; n++) {
        x = level(&b, x, named("decoder.up_blocks.%d", n).text);
        if (n + 1 < shape->levels) {
            name_t layer = named("decoder.up_blocks.%d.upsamplers.0.conv", n);
            x = conv(&b, graph_repeat(graph, x, 2), layer.text, 3);
        }
    }
    x = norm_silu_conv(&b, x, "decoder.conv_norm_out", "decoder.conv_out");
    return scaled(graph, x, 3, 0.5f, 0.5f);
}
