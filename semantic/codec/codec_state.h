/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_state: what codec.c (weights, rates), codec_cache.c (networks of the sizes seen),
   codec_variant.c (adapters) and the kinds (image32.c with codec_run.c; deka.c; agent.c) share; nobody else
   includes this. */
#ifndef SEMANTIC_CODEC_CODEC_STATE_H
#define SEMANTIC_CODEC_CODEC_STATE_H

#include "codec/codec.h"
#include "codec/codec_kind.h"
#include "codec/codec_net.h"
#include "codec/codec_variant.h"

#include <stdatomic.h>

/* Read-only after opening; shared by clones. */
enum { CODEC_SNRS_MAX = 32 }; /* whole decibels of a kind's design SNR, at most */

struct codec_weights {
    atomic_int owners;
    const codec_kind_t *kind;
    params_t *params;
    codec_shape_t shape; /* image32 */
    void *detail;        /* what other kinds keep here; kind->close frees it */
    char name[64];
    uint64_t hash;                /* of the weights file */
    float power[CODEC_RATES_MAX]; /* E|point|^2 at rate p, element p-1, over all design SNRs … */
    float mode_power[CODEC_RATES_MAX][CODEC_SNRS_MAX]; /* … and how much of it each mode sends */
};

/* The two halves for one size; each is made when first asked for. */
struct codec_network {
    int rows, columns, batch; /* 0: an empty slot */
    uint64_t used;            /* the codec's clock when last asked for */
    graph_t *encoder, *decoder;
    codec_encoder_nodes_t nodes;
    node_t soft, mode, picture; /* mode: the decoder's */
};

enum { CODEC_NETWORKS_MAX = 16 };

struct codec {
    codec_weights_t *weights;
    codec_variant_t *variant; /* NULL: the base */
    bool bf16;                /* networks multiply bfloat16 */
    void *state;              /* what the kind keeps per thread; kind->detach frees it */
    uint64_t clock;
    codec_network_t networks[CODEC_NETWORKS_MAX];
    float complex *mapped; /* symbols and noise after a variant's map; grows, never shrinks */
    float *mapped_var, *mapped_in;
    size_t mapped_count;
};

/* Places on each axis for a side in pixels (image32). */
int codec_places(int side);

/* What is in use, the variant's or the base's: weights, and E|point|^2 per rate. */
params_t *codec_params(const codec_t *codec);
const float *codec_power(const codec_t *codec);

/* Mean power that the mode's symbols would have under the factor of their rate alone, over the training
   data; symbols leave divided by its root.  1 where it was never measured. */
float codec_mode_power(const codec_t *codec, int mode);

/* The map of received symbols that a variant brings; NULL: none. */
const struct codec_map *codec_variant_map(const codec_variant_t *variant);

/* Moves every network to the weights in use now; no packing yet. */
void codec_cache_follow(codec_t *codec);

/* Gives back one owner's share. */
void codec_weights_release(codec_weights_t *weights);

/* Pictures per network run: the largest power of two <= images that still pays. */
int codec_chunk(int rows, int columns, int images);

/* The network of this size with that half made; NULL on failure. */
codec_network_t *codec_network(codec_t *codec, int rows, int columns, int batch, codec_half_t half,
                               err_t *err);
void codec_network_free(codec_network_t *network);

#endif
