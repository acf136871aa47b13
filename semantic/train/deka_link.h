/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deka_link: the whole way of a latent as one network: encoder, quantiser, air, equaliser,
 * decoder (equations (7), (8), (10) of DeKA-g), for training and for figures.
 *
 * Symbol k of a latent rides on sub-carrier k mod 120, as in the radio.  A crop is
 * sent as if it lay in the corner of a 64x64 latent, so that its symbols see each other's
 * fading as those of a whole picture do.
 */
#ifndef SEMANTIC_TRAIN_DEKA_LINK_H
#define SEMANTIC_TRAIN_DEKA_LINK_H

#include "codec/deka_net.h"
#include "rng.h"
#include "train/deka_options.h"

#include <stdbool.h>

typedef struct {
    deka_shape_t shape;
    deka_objective_t objective;
    double eta, kl_weight;
    float sharpness;
    bool bf16; /* while training */
} deka_link_options_t;

typedef struct {
    graph_t *graph;
    int batch, rows, columns;    /* latents, places of the codec */
    int axes;                    /* 2 x complex channels of the tensor of symbols */
    node_t latent, h, noise, n0; /* inputs */
    node_t bounded, points, out;
    node_t error, commitment, divergence, soft; /* NODE_NONE if not there */
    double eta;
} deka_link_t;

/* For latents of 2 rows x 2 columns; `channels` matters with independent pairs only.  0 or -1. */
int deka_link_create(deka_link_t *link, params_t *params, graph_mode_t mode, int batch, int rows,
                     int columns, int channels, int threads, const deka_link_options_t *options,
                     err_t *err);
void deka_link_destroy(deka_link_t *link);

/* Before a run: how many complex channels are sent. */
void deka_link_set_channels(deka_link_t *link, int channels);

/* Draws fading (spread 0: none) and noise for latent n of the batch. */
void deka_link_draw(deka_link_t *link, int n, double snr_db, double delay_spread_ns, rng_t *rng);

#endif
