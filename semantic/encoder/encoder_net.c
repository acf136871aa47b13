/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encoder/encoder_net.h"

#include "quality/judge_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 64, LONG_NAME = 96 };

/* ---- shape ---------------------------------------------------------------- */

static const char *const kinds[] = {"residual", "plain", "dense", "attention", "judge"};

static int read_widths(encoder_shape_t *shape, const char *widths, err_t *err)
{
    const char *at = widths;
    char *end = NULL;
    for (shape->widths = 0; shape->widths < ENCODER_WIDTHS_MAX; at = end + 1) {
        long width = strtol(at, &end, 10);
        if (end == at || width < 1 || width > 512 || (*end != ',' && *end != '\0')) {
            break;
        }
        shape->width[shape->widths++] = (int)width;
        if (*end == '\0') {
            return 0;
        }
    }
    return err_set(err, ERR_ARGUMENT, "widths \"%s\" are not up to %d numbers of 1 .. 512", widths,
                   ENCODER_WIDTHS_MAX);
}

static int check_shape(const encoder_shape_t *s, err_t *err)
{
    static const int least[] = {4, 2, 3, 3, JUDGE_WIDTHS}, most[] = {4, 6, 3, 3, JUDGE_WIDTHS};
    const int *w = s->width;
    if (s->widths < least[s->kind] || s->widths > most[s->kind]) {
        return err_set(err, ERR_ARGUMENT, "%s takes %d .. %d widths, not %d", kinds[s->kind],
                       least[s->kind], most[s->kind], s->widths);
    }
    if (s->kind == ENCODER_DENSE && w[2] > 12) {
        return err_set(err, ERR_ARGUMENT, "dense: %d layers a stage are more than 12", w[2]);
    }
    if (s->kind == ENCODER_ATTENTION && (w[1] > 8 || w[2] > 12 || w[0] % w[1] != 0)) {
        return err_set(
            err, ERR_ARGUMENT,
            "attention: %d heads (up to 8, a divisor of the width %d), %d blocks (up to 12)", w[1],
            w[0], w[2]);
    }
    if (s->features < 2 || s->features > ENCODER_FEATURES_MAX) {
        return err_set(err, ERR_ARGUMENT, "features = %d is not 2 .. %d", s->features,
                       ENCODER_FEATURES_MAX);
    }
    return 0;
}

int encoder_shape_parse(encoder_shape_t *shape, const char *kind, const char *widths, int features,
                        err_t *err)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            shape->kind = (encoder_kind_t)i;
            shape->features = features;
            return read_widths(shape, widths, err) < 0 ? -1 : check_shape(shape, err);
        }
    }
    return err_set(err, ERR_ARGUMENT, "\"%s\" is no encoder: " ENCODER_KIND_CHOICES, kind);
}

int encoder_stem(const encoder_shape_t *shape)
{
    bool has = shape->kind == ENCODER_RESIDUAL || shape->kind == ENCODER_DENSE;
    return has ? shape->width[0] : 0;
}

/* ---- layers --------------------------------------------------------------- */

static node_t conv(graph_t *g, node_t in, const char *name, int out, int kernel)
{
    conv_options_t options = {.out_channels = out, .kernel = kernel, .no_bias = true};
    return graph_conv_with(g, in, name, &options);
}

static node_t conv_norm(graph_t *g, node_t in, const char *name, int out, int kernel, bool pool)
{
    char weights[LONG_NAME], norm[LONG_NAME];
    snprintf(weights, sizeof(weights), "%s.conv", name);
    snprintf(norm, sizeof(norm), "%s.norm", name);
    node_t x = conv(g, in, weights, out, kernel);
    return graph_batch_norm(g, pool ? graph_max_pool(g, x) : x, norm);
}

static node_t residual(graph_t *g, node_t x, const encoder_shape_t *s)
{
    char name[NAME];
    x = graph_max_pool(g, graph_silu(g, graph_conv(g, x, "stem", s->width[0], 3)));
    for (int i = 1; i < s->widths; i++) {
        snprintf(name, sizeof(name), "stages.%d.down", i - 1);
        x = graph_silu(g, conv_norm(g, x, name, s->width[i], 3, true));
        snprintf(name, sizeof(name), "stages.%d.stay", i - 1);
        x = graph_add(g, x, graph_silu(g, conv_norm(g, x, name, s->width[i], 3, false)));
    }
    return x;
}

static node_t plain(graph_t *g, node_t x, const encoder_shape_t *s)
{
    char name[NAME];
    x = graph_space_to_depth(g, x, 2);
    for (int i = 0; i < s->widths; i++) {
        snprintf(name, sizeof(name), "layers.%d", i);
        x = i > 0 && i % 2 == 0 ? graph_max_pool(g, x) : x;
        x = graph_relu(g, conv_norm(g, x, name, s->width[i], 3, false));
    }
    return x;
}

static node_t dense(graph_t *g, node_t x, const encoder_shape_t *s)
{
    enum { STAGES = 3 };
    char name[NAME], weights[LONG_NAME];
    int growth = s->width[1], layers = s->width[2], channels = s->width[0];
    x = graph_avg_pool(g, graph_silu(g, graph_conv(g, x, "stem", channels, 3)), 2);
    for (int i = 0; i < STAGES; i++) {
        for (int j = 0; j < layers; j++) {
            snprintf(name, sizeof(name), "stages.%d.%d.norm", i, j);
            snprintf(weights, sizeof(weights), "stages.%d.%d.conv", i, j);
            node_t both[2] = {
                x, conv(g, graph_silu(g, graph_batch_norm(g, x, name)), weights, growth, 3)};
            x = graph_concat(g, both, 2);
        }
        channels += layers * growth;
        if (i + 1 < STAGES) {
            channels /= 2;
            snprintf(weights, sizeof(weights), "stages.%d.between", i);
            x = graph_avg_pool(g, conv(g, x, weights, channels, 1), 2);
        }
    }
    return graph_silu(g, graph_batch_norm(g, x, "last"));
}

static node_t attend(graph_t *g, node_t in, const char *name, int width, int heads)
{
    static const char *const letters[] = {"query", "key", "value"};
    char weights[LONG_NAME], norm[LONG_NAME];
    node_t all[3], head[8];
    snprintf(norm, sizeof(norm), "%s.norm", name);
    node_t x = graph_batch_norm(g, in, norm);
    for (int i = 0; i < 3; i++) {
        snprintf(weights, sizeof(weights), "%s.%s", name, letters[i]);
        conv_options_t options = {
            .out_channels = width, .kernel = 1, .no_bias = true, .gain = 1.0f};
        all[i] = graph_conv_with(g, x, weights, &options);
    }
    int each = width / heads;
    for (int h = 0; h < heads; h++) {
        node_t part[3];
        for (int i = 0; i < 3; i++) {
            part[i] = heads == 1 ? all[i] : graph_slice(g, all[i], h * each, each);
        }
        head[h] = graph_attention(g, part[0], part[1], part[2]);
    }
    snprintf(weights, sizeof(weights), "%s.out", name);
    x = heads == 1 ? head[0] : graph_concat(g, head, heads);
    return graph_add(g, in, conv(g, x, weights, width, 1));
}

static node_t attention(graph_t *g, node_t x, const encoder_shape_t *s)
{
    char name[NAME], weights[LONG_NAME];
    int width = s->width[0];
    x = graph_space_to_depth(g, x, 2);
    x = graph_silu(g, conv_norm(g, x, "stem.0", (width + 1) / 2, 3, true));
    x = graph_silu(g, conv_norm(g, x, "stem.1", width, 3, true));
    for (int i = 0; i < s->width[2]; i++) {
        snprintf(name, sizeof(name), "blocks.%d.attention", i);
        x = attend(g, x, name, width, s->width[1]);
        snprintf(name, sizeof(name), "blocks.%d.norm", i);
        snprintf(weights, sizeof(weights), "blocks.%d.up", i);
        node_t up = graph_silu(g, conv(g, graph_batch_norm(g, x, name), weights, 2 * width, 1));
        snprintf(weights, sizeof(weights), "blocks.%d.down", i);
        x = graph_add(g, x, conv(g, up, weights, width, 1));
    }
    return graph_batch_norm(g, x, "last");
}

static encoder_nodes_t judge(graph_t *graph, node_t picture, const encoder_shape_t *shape)
{
    judge_shape_t widths;
    memcpy(widths.width, shape->width, sizeof(widths.width));
    encoder_nodes_t nodes = {.features = judge_net_feature(graph, picture, &widths)};
    nodes.logits = graph_linear(graph, nodes.features, "head", ENCODER_CLASSES);
    return nodes;
}

encoder_nodes_t encoder_net(graph_t *graph, node_t picture, const encoder_shape_t *shape)
{
    if (shape->kind == ENCODER_JUDGE) {
        return judge(graph, picture, shape);
    }
    static node_t (*const body[])(graph_t *, node_t, const encoder_shape_t *) = {residual, plain,
                                                                                 dense, attention};
    float scale[3], shift[3];
    for (int c = 0; c < 3; c++) {
        scale[c] = 1.0f / judge_deviation[c];
        shift[c] = -judge_mean[c] / judge_deviation[c];
    }
    node_t x = body[shape->kind](graph, graph_affine(graph, picture, scale, shift), shape);
    x = graph_silu(graph, conv_norm(graph, x, "features", shape->features, 1, false));
    encoder_nodes_t nodes = {.features = graph_global_avg_pool(graph, x)};
    nodes.logits = graph_linear_with(graph, nodes.features, "head", ENCODER_CLASSES, 1.0f, false);
    return nodes;
}
