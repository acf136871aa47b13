/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quality/judge_net.h"

#include "quality/judge.h"

#include <stdio.h>
#include <stdlib.h>

const float judge_mean[3] = {0.4914f, 0.4822f, 0.4465f};
const float judge_deviation[3] = {0.247f, 0.243f, 0.262f};

int judge_shape_parse(judge_shape_t *shape, const char *widths, err_t *err)
{
    const char *at = widths;
    for (int i = 0; i < JUDGE_WIDTHS; i++) {
        char *end = NULL;
        long width = strtol(at, &end, 10);
        if (end == at || width < 4 || width > 512 || *end != (i + 1 < JUDGE_WIDTHS ? ',' : '\0')) {
            return err_set(err, ERR_ARGUMENT, "widths \"%s\" are not four numbers of 4 .. 512",
                           widths);
        }
        shape->width[i] = (int)width;
        at = end + 1;
    }
    return 0;
}

static node_t conv_norm(graph_t *g, node_t in, int stage, int layer, int out, bool pool)
{
    char conv[64], norm[64];
    snprintf(conv, sizeof(conv), "stages.%d.conv%d", stage, layer);
    snprintf(norm, sizeof(norm), "stages.%d.norm%d", stage, layer);
    conv_options_t options = {.out_channels = out, .kernel = 3, .no_bias = true};
    node_t x = graph_conv_with(g, in, conv, &options);
    if (pool) { /* first: batch norm and SiLU then see a quarter of the pixels */
        x = graph_max_pool(g, x);
    }
    return graph_silu(g, graph_batch_norm(g, x, norm));
}

node_t judge_net_features(graph_t *graph, node_t picture, const judge_shape_t *shape)
{
    float scale[3], shift[3];
    for (int c = 0; c < 3; c++) {
        scale[c] = 1.0f / judge_deviation[c];
        shift[c] = -judge_mean[c] / judge_deviation[c];
    }
    node_t x = graph_affine(graph, picture, scale, shift);
    x = graph_silu(graph, graph_conv(graph, x, "stem", shape->width[0], 3));
    for (int i = 0; i < JUDGE_STAGES; i++) {
        x = conv_norm(graph, x, i, 1, shape->width[i + 1], true);
        x = graph_add(graph, x, conv_norm(graph, x, i, 2, shape->width[i + 1], false));
    }
    return graph_global_max_pool(graph, x);
}

node_t judge_net(graph_t *graph, node_t picture, const judge_shape_t *shape)
{
    return graph_linear_with(graph, judge_net_features(graph, picture, shape), "head", JUDGE_CLASSES, 0.05f,
                             false);
}
