/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Norms come after pooling, where they see a quarter of the pixels.  The symbols of one picture are
 * brought to unit power before the quantiser (layer norm without weights), so that no picture
 * and no SNR gets more than its share; the running power that follows only undoes what
 * rounding to points changed.
 */
#include "codec/task_net.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRID = 4, EXPANSION = 4, CHANNEL_WORDS = 8, NAME = 80 };

static const float norm_eps = 1e-5f, bound = 1.15f;
static const float picture_mean[3] = {0.4914f, 0.4822f, 0.4465f};
static const float picture_deviation[3] = {0.247f, 0.243f, 0.262f};

/* ---- the shape -------------------------------------------------------------- */

/* Numbers of `text` between commas; how many, or -1. */
static int parse_numbers(const char *text, int *out, int limit)
{
    int count = 0;
    for (const char *at = text;; at++) {
        char *end = NULL;
        long value = strtol(at, &end, 10);
        if (end == at || count == limit || value < 1 || value > 4096) {
            return -1;
        }
        out[count++] = (int)value;
        at = end;
        if (*at == '\0') {
            return count;
        }
        if (*at != ',') {
            return -1;
        }
    }
}

int task_shape_parse(task_shape_t *shape, const char *widths, const char *depths, err_t *err)
{
    int width[TASK_LAYERS_MAX + 1], count = parse_numbers(widths, width, TASK_LAYERS_MAX + 1);
    if (count < 2 || width[0] % 2 != 0 || width[0] > 54) {
        return err_set(
            err, ERR_ARGUMENT,
            "task widths \"%s\": wanted are an even number up to 54 for the stem and 1 .. "
            "%d more",
            widths, TASK_LAYERS_MAX);
    }
    for (int l = 1; l < count; l++) {
        if (width[l] < 8 || width[l] > 512 || width[l] % 4 != 0) {
            return err_set(err, ERR_ARGUMENT,
                           "task widths \"%s\": %d is no multiple of 4 within 8 .. 512", widths,
                           width[l]);
        }
        shape->width[l - 1] = width[l];
    }
    shape->stem = width[0];
    shape->layers = count - 1;
    if (parse_numbers(depths, shape->depth, TASK_LAYERS_MAX) != shape->layers) {
        return err_set(err, ERR_ARGUMENT, "task depths \"%s\": wanted are %d numbers", depths,
                       shape->layers);
    }
    for (int l = 0; l < shape->layers; l++) {
        if (shape->depth[l] > TASK_DEPTH_MAX) {
            return err_set(err, ERR_ARGUMENT, "task depths \"%s\": %d is more than %d", depths,
                           shape->depth[l], TASK_DEPTH_MAX);
        }
    }
    return 0;
}

int task_shape_symbols(const task_shape_t *shape)
{
    return TASK_TOKENS * shape->kept / 2;
}

float task_net_snr(double snr_db)
{
    const double middle = 0.5 * (TASK_SNR_MIN_DB + TASK_SNR_MAX_DB);
    const double half = 0.5 * (TASK_SNR_MAX_DB - TASK_SNR_MIN_DB);
    double x = (snr_db - middle) / half;
    x = x > -1.0 ? x : -1.0; /* a NaN too */
    return (float)(x < 1.0 ? x : 1.0);
}

/* ---- semantic encoder -------------------------------------------------------- */

static const char *named(char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
static const char *named(char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, NAME, format, arguments);
    va_end(arguments);
    return name;
}

static node_t conv_norm(graph_t *g, node_t in, const char *prefix, int index, int out, int kernel)
{
    char name[NAME];
    conv_options_t options = {.out_channels = out, .kernel = kernel, .no_bias = true};
    node_t x = graph_conv_with(g, in, named(name, "%s.conv%d", prefix, index), &options);
    return graph_batch_norm(g, x, named(name, "%s.norm%d", prefix, index));
}

/* He and others, 2016: 1x1 to a quarter, 3x3, 1x1 back, and the input added. */
static node_t bottleneck(graph_t *g, node_t in, const char *prefix, int width)
{
    node_t x = graph_silu(g, conv_norm(g, in, prefix, 1, width / EXPANSION, 1));
    x = graph_silu(g, conv_norm(g, x, prefix, 2, width / EXPANSION, 3));
    return graph_silu(g, graph_add(g, in, conv_norm(g, x, prefix, 3, width, 1)));
}

size_t task_net_candidate(int width, int k)
{
    size_t w = (size_t)width, mid = w / EXPANSION;
    size_t block = 2 * w * mid + 9 * mid * mid + 2 * (mid + mid + w);
    return (size_t)k * block;
}

static node_t chain(graph_t *g, node_t in, const char *prefix, int width, int k)
{
    char name[NAME];
    for (int b = 0; b < k; b++) {
        in = bottleneck(g, in, named(name, "%s.%d", prefix, b), width);
    }
    return in;
}

/* Convolution, pool, norm: what changes the size between two layers. */
static node_t transition(graph_t *g, node_t in, int layer, int width)
{
    char name[NAME];
    conv_options_t options = {.out_channels = width, .kernel = 3, .no_bias = true};
    node_t x = graph_conv_with(g, in, named(name, "layer.%d.conv", layer), &options);
    x = graph_max_pool(g, x);
    return graph_silu(g, graph_batch_norm(g, x, named(name, "layer.%d.norm", layer)));
}

static node_t stem(graph_t *g, node_t picture, const task_shape_t *shape)
{
    float scale[3], shift[3];
    for (int c = 0; c < 3; c++) {
        scale[c] = 1.0f / picture_deviation[c];
        shift[c] = -picture_mean[c] / picture_deviation[c];
    }
    node_t x = graph_affine(g, picture, scale, shift);
    return graph_silu(g, graph_conv(g, x, "stem", shape->stem, 3));
}

static node_t pooled(graph_t *g, node_t x, const task_shape_t *shape)
{
    x = graph_batch_norm(g, graph_global_max_pool(g, x), "feature.norm");
    return graph_linear_with(g, x, "feature", shape->features, 1.0f, false);
}

node_t task_net_encoder(graph_t *graph, node_t picture, const task_shape_t *shape)
{
    char name[NAME];
    node_t x = stem(graph, picture, shape);
    for (int l = 0; l < shape->layers; l++) {
        x = transition(graph, x, l, shape->width[l]);
        node_t y = chain(graph, x, named(name, "layer.%d", l), shape->width[l], shape->depth[l]);
        x = graph_add(graph, x, y); /* eq. 14 */
    }
    return pooled(graph, x, shape);
}

node_t task_net_search(graph_t *graph, node_t picture, const task_shape_t *shape, float temperature)
{
    char name[NAME];
    node_t x = stem(graph, picture, shape);
    for (int l = 0; l < shape->layers; l++) {
        node_t candidate[TASK_DEPTH_MAX];
        x = transition(graph, x, l, shape->width[l]);
        for (int k = 1; k <= TASK_DEPTH_MAX; k++) {
            candidate[k - 1] =
                chain(graph, x, named(name, "layer.%d.candidate%d", l, k), shape->width[l], k);
        }
        node_t y = graph_mixture(graph, candidate, TASK_DEPTH_MAX, named(name, "layer.%d.mix", l),
                                 temperature);
        x = graph_add(graph, x, y); /* eq. 14 */
    }
    return pooled(graph, x, shape);
}

/* ---- channel-aware transformer ------------------------------------------------- */

static node_t linear(graph_t *g, node_t in, const char *prefix, const char *layer, int out)
{
    char name[NAME];
    return graph_linear_with(g, in, named(name, "%s.%s", prefix, layer), out, 1.0f, false);
}

static node_t norm(graph_t *g, node_t in, const char *prefix, const char *layer)
{
    char name[NAME];
    return graph_layer_norm(g, in, named(name, "%s.%s", prefix, layer), norm_eps);
}

/* Every token asks every token of the same picture. */
static node_t attend(graph_t *g, node_t in, const char *prefix)
{
    enum { EACH = TASK_EMBED / TASK_HEADS };
    node_t all = linear(g, in, prefix, "attention.qkv", 3 * TASK_EMBED), head[TASK_HEADS];
    for (int i = 0; i < TASK_HEADS; i++) {
        node_t query = graph_slice(g, all, i * EACH, EACH);
        node_t key = graph_slice(g, all, TASK_EMBED + i * EACH, EACH);
        node_t value = graph_slice(g, all, 2 * TASK_EMBED + i * EACH, EACH);
        head[i] = graph_attention(g, query, key, value);
    }
    return linear(g, graph_concat(g, head, TASK_HEADS), prefix, "attention.out", TASK_EMBED);
}

/* Tokens [4][4][TASK_EMBED] -> [4][4][out], shrunk. */
static node_t cat_block(graph_t *g, node_t in, const char *prefix, int out)
{
    node_t x = norm(g, graph_add(g, in, attend(g, in, prefix)), prefix, "norm1");
    node_t y = graph_silu(g, linear(g, x, prefix, "feed.0", 4 * TASK_EMBED));
    y = linear(g, y, prefix, "feed.1", TASK_EMBED);
    x = norm(g, graph_add(g, x, y), prefix, "norm2");
    return linear(g, x, prefix, "shrink", out);
}

/* Fills each token up to TASK_EMBED with what the channel is like. */
static node_t fill_up(graph_t *g, node_t tokens, node_t channel, const char *prefix)
{
    int missing = TASK_EMBED - graph_shape(g, tokens).c;
    node_t words = graph_sigmoid(g, linear(g, channel, prefix, "channel", missing));
    node_t both[2] = {tokens, graph_repeat(g, words, GRID)};
    return graph_concat(g, both, 2);
}

/* A vector becomes tokens of `each` numbers. */
static node_t tokens_of(graph_t *g, node_t in, const char *prefix, int each)
{
    return graph_depth_to_space(g, linear(g, in, prefix, "tokens", TASK_TOKENS * each), GRID);
}

node_t task_net_sender(graph_t *graph, node_t h, node_t snr, const task_shape_t *shape)
{
    float scale[TASK_TOKENS * TASK_EMBED], shift[TASK_TOKENS * TASK_EMBED];
    int reals = 2 * task_shape_symbols(shape);
    for (int i = 0; i < reals; i++) {
        scale[i] = sqrtf(0.5f);
        shift[i] = 0.0f;
    }
    node_t x = tokens_of(graph, h, "sender", TASK_EMBED - CHANNEL_WORDS);
    x = fill_up(graph, x, snr, "sender.fill");
    x = graph_flatten(graph, cat_block(graph, x, "sender.block", shape->kept));
    x = graph_affine(graph, graph_layer_norm(graph, x, NULL, norm_eps), scale, shift);
    if (shape->quantised) {
        x = graph_quantise(graph, graph_tanh(graph, x, bound));
    }
    return graph_power_norm(graph, x, "sender.scale");
}

node_t task_net_receiver(graph_t *graph, node_t soft, const task_shape_t *shape)
{
    int symbols = task_shape_symbols(shape);
    node_t logs = graph_noise_log(graph, soft);
    node_t points =
        graph_layer_norm(graph, graph_slice(graph, logs, 0, 2 * symbols), NULL, norm_eps);
    node_t noise = graph_slice(graph, logs, 2 * symbols, symbols);
    node_t x = tokens_of(graph, points, "receiver", TASK_EMBED - CHANNEL_WORDS);
    x = fill_up(graph, x, noise, "receiver.fill");
    x = cat_block(graph, x, "receiver.block.0", shape->kept);
    x = fill_up(graph, x, noise, "receiver.block.0.fill");
    x = cat_block(graph, x, "receiver.block.1", TASK_EMBED - CHANNEL_WORDS);
    return linear(graph, graph_flatten(graph, x), "receiver", "feature", shape->features);
}

node_t task_net_head(graph_t *graph, node_t h, const task_shape_t *shape)
{
    return graph_linear_with(graph, h, "head", shape->classes, 0.5f, false);
}
