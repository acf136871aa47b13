/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "quality/judge_net.h"

#include "quality/judge.h"

#include <stdio.h>
#include <string.h>

static const float mean[3] = {0.4914f, 0.4822f, 0.4465f};
static const float deviation[3] = {0.247f, 0.243f, 0.262f};

int judge_shape_parse(judge_shape_t *shape, const char *residual, err_t *err)
{
    if (strlen(residual) != JUDGE_STAGES || strspn(residual, "01") != JUDGE_STAGES) {
        return err_set(err, ERR_ARGUMENT, "residual \"%s\" is not three of 0 and 1", residual);
    }
    for (int i = 0; i < JUDGE_STAGES; i++) {
        shape->residual[i] = residual[i] == '1';
    }
    return 0;
}

static node_t conv_norm(graph_t *g, node_t in, const char *name, int out, bool pool)
{
    char conv[80], norm[80];
    snprintf(conv, sizeof(conv), "%s.conv", name);
    snprintf(norm, sizeof(norm), "%s.bn", name);
    conv_options_t options = {.out_channels = out, .kernel = 3, .no_bias = true};
    node_t x = graph_conv_with(g, in, conv, &options);
    if (pool) { /* first: batch norm and ReLU then see a quarter of the pixels */
        x = graph_max_pool(g, x);
    }
    return graph_relu(g, graph_batch_norm(g, x, norm));
}

node_t judge_net(graph_t *graph, node_t picture, const judge_shape_t *shape)
{
    float scale[3], shift[3];
    char name[64];
    for (int c = 0; c < 3; c++) {
        scale[c] = 1.0f / deviation[c];
        shift[c] = -mean[c] / deviation[c];
    }
    node_t x = graph_affine(graph, picture, scale, shift);
    x = conv_norm(graph, x, "stem", shape->width, false);
    for (int i = 0; i < JUDGE_STAGES; i++) {
        int width = shape->width << (i + 1);
        snprintf(name, sizeof(name), "stages.%d.down", i);
        x = conv_norm(graph, x, name, width, true);
        if (shape->residual[i]) {
            snprintf(name, sizeof(name), "stages.%d.pair.0", i);
            node_t y = conv_norm(graph, x, name, width, false);
            snprintf(name, sizeof(name), "stages.%d.pair.1", i);
            x = graph_add(graph, x, conv_norm(graph, y, name, width, false));
        }
    }
    x = graph_global_max_pool(graph, x);
    return graph_linear_with(graph, x, "head", JUDGE_CLASSES, 0.5f, false);
}
