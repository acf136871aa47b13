/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * judge_net: the layers of a judge, written once for training and for use.  A small
 * residual network in the manner of those made to train in seconds (ResNet-9 of
 * D. Page, 2018; airbench of K. Jordan, 2024), with widths W0, W1, W2, W3:
 *
 *     (x - mean) / deviation -> conv 3x3 W0 with fixed whitening weights -> SiLU
 *     -> stage W1 -> stage W2 -> stage W3 -> global max pool -> linear 10
 *     stage: y = SiLU(norm(max_pool 2(conv 3x3 (x))));  y + SiLU(norm(conv 3x3 (y)))
 *
 * Convolutions of the stages are without bias, each followed by batch norm.
 */
#ifndef SEMANTIC_QUALITY_JUDGE_NET_H
#define SEMANTIC_QUALITY_JUDGE_NET_H

#include "nn/graph.h"

enum { JUDGE_STAGES = 3, JUDGE_WIDTHS = JUDGE_STAGES + 1 };

typedef struct {
    int width[JUDGE_WIDTHS]; /* 4 .. 512 each */
} judge_shape_t;

/* Name of the stem's weights, [W0][3][3][3], and mean and deviation of its input in 0 .. 1. */
#define JUDGE_STEM_WEIGHT "stem.weight"
extern const float judge_mean[3], judge_deviation[3];

/* "24,48,128,192".  0, or -1 if text is not four such numbers. */
int judge_shape_parse(judge_shape_t *shape, const char *widths, err_t *err);

/* `picture`: [32][32][3] in 0 .. 1.  Returns the logits, [1][1][10]. */
node_t judge_net(graph_t *graph, node_t picture, const judge_shape_t *shape);
/* Its last hidden layer, [1][1][W3]. */
node_t judge_net_features(graph_t *graph, node_t picture, const judge_shape_t *shape);

#endif
