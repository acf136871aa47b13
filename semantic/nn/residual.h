/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * residual: blocks h + conv (PReLU (conv 3x3 (h))), as the codecs of photos have them.
 */
#ifndef SEMANTIC_NN_RESIDUAL_H
#define SEMANTIC_NN_RESIDUAL_H

#include "nn/graph.h"

/* `count` blocks of x's width: PART.blocks.N.conv1 (3x3), .act, .conv2 (kernel x kernel).  Branches
   start at a fifth of the usual size, so the whole starts as what is around them. */
node_t residual_blocks(graph_t *graph, node_t x, const char *part, int count, int width, int kernel);

#endif
