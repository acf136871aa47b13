/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * judge_net: the layers of a judge, written once for training and for use.  A small
 * residual network after "ResNet-9" (David Page, myrtle.ai, 2018), W channels wide:
 *
 *     (x - mean) / deviation -> conv 3x3 W -> stage 2W -> stage 4W -> stage 8W
 *     -> global max pool -> linear 10
 *     stage: conv 3x3, max pool 2, then with a residual pair: x + two convolutions
 *     Every convolution is without bias and followed by batch norm and ReLU.
 */
#ifndef SEMANTIC_QUALITY_JUDGE_NET_H
#define SEMANTIC_QUALITY_JUDGE_NET_H

#include "nn/graph.h"

enum { JUDGE_STAGES = 3 };

typedef struct {
    int width;                   /* 4 .. 512 */
    bool residual[JUDGE_STAGES]; /* which stages have a pair */
} judge_shape_t;

/* "101" -> {true, false, true}.  0, or -1 if text is not three of 0 and 1. */
int judge_shape_parse(judge_shape_t *shape, const char *residual, err_t *err);

/* `picture`: [32][32][3] in 0 .. 1.  Returns the logits, [1][1][10]. */
node_t judge_net(graph_t *graph, node_t picture, const judge_shape_t *shape);

#endif
