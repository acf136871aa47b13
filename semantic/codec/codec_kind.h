/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec_kind: what a kind of codec is to codec.c.  Private to semantic/codec.
 *
 * A kind is told by the weights file's metadata "codec".  codec.c checks sizes
 * and modes before it calls a kind, holds the weights and counts their owners;
 * codec_cache.c keeps the networks that the kind's `build` lists.
 */
#ifndef SEMANTIC_CODEC_CODEC_KIND_H
#define SEMANTIC_CODEC_CODEC_KIND_H

#include "codec/codec.h"
#include "nn/graph.h"
#include "safetensors.h"

typedef struct codec_weights codec_weights_t;
typedef struct codec_network codec_network_t;

typedef enum { CODEC_ENCODER, CODEC_DECODER } codec_half_t;

typedef struct codec_kind {
    const char *name;
    const codec_rate_t *rates;
    int rate_count;
    int snr_min_db, snr_max_db; /* of the design SNR; both 0: the networks are not told one */
    const char *rate_list; /* for errors: "1/12, 1/6" */
    int stride;            /* picture pixels per place of the symbol grid, each way */
    int channels_first;    /* complex channels of rate p = channels_first + p * channels_per_rate */
    int channels_per_rate;
    const char *power_name; /* tensor: E|point|^2, one element per number of complex channels */

    /*
     * weights->params holds the file's tensors; reads the notes, checks them, fills
     * shape, power, and detail.  0 or -1 (the caller names the file).
     */
    int (*open)(codec_weights_t *weights, const safetensors_t *file, err_t *err);
    void (*close)(codec_weights_t *weights); /* NULL: nothing beyond the common */
    /* One thread's state, codec->state; NULL: none. */
    int (*attach)(codec_t *codec, err_t *err);
    void (*detach)(codec_t *codec);

    /* Lists the layers of one half for network->rows x columns places, and its nodes. */
    void (*build)(const codec_weights_t *weights, codec_network_t *network, codec_half_t half,
                  graph_t *graph);
    int (*prepare)(codec_t *codec, int width, int height, int images, err_t *err);
    int (*encode)(codec_t *codec, int images, const uint8_t *rgb, int width, int height, int mode,
                  float complex *symbols, err_t *err);
    int (*decode)(codec_t *codec, int images, const float complex *symbols, const float *noise_var,
                  int width, int height, int mode, uint8_t *rgb, err_t *err);

    /* Both NULL: the kind brings pictures.  Else `classify` in place of `decode`. */
    int (*classes)(const codec_weights_t *weights);
    int (*classify)(codec_t *codec, int images, const float complex *symbols,
                    const float *noise_var, int *predicted, float *confidence, err_t *err);
} codec_kind_t;

extern const codec_kind_t codec_kind_image32; /* image32.c */
extern const codec_kind_t codec_kind_deka;    /* deka.c */
extern const codec_kind_t codec_kind_task;    /* task.c */
extern const codec_kind_t codec_kind_agent;   /* agent.c */

/* A number of the file's metadata within min .. max. */
int codec_read_number(const safetensors_t *file, const char *key, double min, double max,
                      double *out, err_t *err);

/* power[p-1] for every rate out of the tensor kind->power_name; 0 or -1. */
int codec_read_power(const codec_kind_t *kind, const params_t *params, float *power, err_t *err);

/* Complex channels of rate p. */
int codec_channels(const codec_kind_t *kind, int p);

#endif
