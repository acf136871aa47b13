/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn/residual.h"

#include <stdio.h>

static const float branch_gain = 0.2f;

node_t residual_blocks(graph_t *graph, node_t x, const char *part, int count, int width, int kernel)
{
    static const char *const layer[3] = {"conv1", "act", "conv2"};
    for (int b = 0; b < count; b++) {
        char name[3][64];
        for (int i = 0; i < 3; i++) {
            snprintf(name[i], sizeof(name[i]), "%s.blocks.%d.%s", part, b, layer[i]);
        }
        node_t branch = graph_prelu(graph, graph_conv(graph, x, name[0], width, 3), name[1]);
        x = graph_add(graph, x,
                      graph_conv_gain(graph, branch, name[2], width, kernel, branch_gain));
    }
    return x;
}
