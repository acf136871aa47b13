/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec_map: a variant's map of received soft symbols (codec_variant.h: "linear"
 * and its like), applied before the decoder.  Private to semantic/codec.
 */
#ifndef SEMANTIC_CODEC_CODEC_MAP_H
#define SEMANTIC_CODEC_CODEC_MAP_H

#include "codec/codec.h"

#include <stdbool.h>

enum { CODEC_MAP_KERNEL_MAX = 15 };

typedef struct codec_map {
    int kernel;    /* odd; 0: no map */
    int reals;     /* 2C: rows and columns of the matrix at each tap */
    float *weight; /* [kernel][kernel][in 2C][out 2C] */
    float *bias;   /* [2C]; zeros if the adapter has none */
} codec_map_t;

/* weight [2C][2C][kernel][kernel] as PyTorch's, bias [2C] or NULL; copies.  0 or -1. */
int codec_map_init(codec_map_t *map, int kernel, int reals, const float *weight, const float *bias,
                   err_t *err);
void codec_map_free(codec_map_t *map);

/* The codec's variant has one. */
bool codec_map_wanted(const codec_t *codec);

/* Room for so many symbols in codec->mapped, if a map is in use.  0 or -1. */
int codec_map_prepare(codec_t *codec, size_t symbols, err_t *err);

/* Maps `images` pictures of channels x rows x columns symbols into codec->mapped, mapped_var. */
int codec_map_run(codec_t *codec, int images, int rows, int columns, int channels,
                  const float complex *symbols, const float *noise_var, err_t *err);

#endif
