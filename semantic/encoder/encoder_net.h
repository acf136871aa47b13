/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * encoder_net: small classifiers of unlike architecture, whose last hidden layer is a latent: what
 * federated alignment (docs/FEDERATED.md) has to bring together.
 *
 *     (x - mean) / deviation -> body -> conv 1x1 to `features`, norm, SiLU -> mean over positions
 *     = features -> linear 10 = logits
 *
 * Bodies, by kind and widths:
 *
 *     residual   W0,W1,W2,W3   stem 3x3 of W0 whitening filters, SiLU, max pool 2; three stages of conv, max
 *                              pool 2, norm, SiLU, then x + SiLU(norm(conv(x)))
 *     plain      W0,W1,…       2x2 pixels into one; one conv 3x3, norm, ReLU a width; max pool 2 before
 *                              the third, fifth …: 2 to 6 widths
 *     dense      W,G,L         stem 3x3 of W whitening filters, mean pool 2; three stages of L layers
 *                              norm, SiLU, conv 3x3 of G, each appended to what it was made of; between
 *                              stages conv 1x1 to half as many channels, mean pool 2
 *     attention  W,H,B         2x2 pixels into one, twice conv 3x3 (to W/2, W), max pool 2, norm, SiLU: 16
 *                              places of W channels; B blocks x + attention(norm(x)) of H heads, x + MLP(norm(x)) of
 *                              2 W.  Where a place is, the border of the convolution tells.
 *
 * He, Zhang, Ren, Sun, 2016; Simonyan, Zisserman, 2015; Huang, Liu, van der Maaten, Weinberger, 2017;
 * Vaswani and others, 2017, in that order.
 */
#ifndef SEMANTIC_ENCODER_ENCODER_NET_H
#define SEMANTIC_ENCODER_ENCODER_NET_H

#include "nn/graph.h"

enum { ENCODER_SIDE = 32, ENCODER_CLASSES = 10, ENCODER_WIDTHS_MAX = 6, ENCODER_FEATURES_MAX = 1024 };

typedef enum {
    ENCODER_RESIDUAL,
    ENCODER_PLAIN,
    ENCODER_DENSE,
    ENCODER_ATTENTION,
    ENCODER_JUDGE, /* judge_net.h: a judge's last hidden layer; not trained here */
} encoder_kind_t;

#define ENCODER_KIND_CHOICES "residual|plain|dense|attention"

typedef struct {
    encoder_kind_t kind;
    int width[ENCODER_WIDTHS_MAX], widths;
    int features;
} encoder_shape_t;

typedef struct {
    node_t features, logits; /* [1][1][features], [1][1][10] */
} encoder_nodes_t;

/* `kind` by name, `widths` "24,48,96,160".  0, or -1 where they describe no network. */
int encoder_shape_parse(encoder_shape_t *shape, const char *kind, const char *widths, int features,
                        err_t *err);

/* Filters of the frozen stem (JUDGE_STEM_WEIGHT); 0: this kind has none. */
int encoder_stem(const encoder_shape_t *shape);

/* `picture`: [32][32][3] in 0 .. 1. */
encoder_nodes_t encoder_net(graph_t *graph, node_t picture, const encoder_shape_t *shape);

#endif
