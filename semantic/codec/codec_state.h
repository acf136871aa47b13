/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_state: what codec.c (weights, rates), codec_cache.c (networks of the sizes seen), and
   codec_run.c (pictures in and out) share; nobody else includes this. */
#ifndef SEMANTIC_CODEC_CODEC_STATE_H
#define SEMANTIC_CODEC_CODEC_STATE_H

#include "codec/codec.h"
#include "codec/codec_net.h"

#include <stdatomic.h>

/* Read-only after opening; shared by clones. */
typedef struct {
    atomic_int owners;
    params_t *params;
    codec_shape_t shape;
    char name[64];
    uint64_t hash;            /* of the weights file */
    float power[CODEC_RATES]; /* E|point|^2 at rate p, element p-1 */
} codec_weights_t;

/* The two halves for one size; each is made when first asked for. */
typedef struct {
    int rows, columns, batch; /* 0: an empty slot */
    uint64_t used;            /* the codec's clock when last asked for */
    graph_t *encoder, *decoder;
    codec_encoder_nodes_t nodes;
    node_t soft, mode, picture; /* mode: the decoder's */
} codec_network_t;

enum { CODEC_NETWORKS_MAX = 16 };

struct codec {
    codec_weights_t *weights;
    uint64_t clock;
    codec_network_t networks[CODEC_NETWORKS_MAX];
};

typedef enum { CODEC_ENCODER, CODEC_DECODER } codec_half_t;

/* Places on each axis for a side in pixels. */
int codec_places(int side);

/* Pictures per network run: the largest power of two <= images that still pays. */
int codec_chunk(int rows, int columns, int images);

/* The network of this size with that half made; NULL on failure. */
codec_network_t *codec_network(codec_t *codec, int rows, int columns, int batch, codec_half_t half,
                               err_t *err);
void codec_network_free(codec_network_t *network);

#endif
