/* SPDX-License-Identifier: GPL-3.0-or-later */
/* latent_state: what latent.c (opening), latent_cache.c (networks of the sizes seen), and
   latent_run.c (pictures in and out) share; nobody else includes this. */
#ifndef SEMANTIC_LATENT_LATENT_STATE_H
#define SEMANTIC_LATENT_LATENT_STATE_H

#include "latent/autoencoder_kl.h"
#include "latent/latent.h"
#include "latent/latent_net.h"

#include <stdatomic.h>

typedef enum { LATENT_OWN, LATENT_AUTOENCODER_KL } latent_kind_t;

/* Read-only after opening; shared by clones. */
typedef struct {
    atomic_int owners;
    latent_kind_t kind;
    params_t *params;
    latent_net_shape_t own;
    autoencoder_kl_shape_t kl;
    int stride, channels, side_max;
    int networks_max; /* sizes kept: fewer of the large kind */
    uint64_t hash;
} latent_weights_t;

/* The two halves for one size; each is made when first asked for. */
typedef struct {
    int rows, columns; /* 0: an empty slot */
    uint64_t used;     /* the latent's clock when last asked for */
    graph_t *encoder, *decoder;
    node_t image, encoded; /* of the encoder */
    node_t latent, picture;
} latent_network_t;

enum { LATENT_NETWORKS_MAX = 6 };

struct latent {
    latent_weights_t *weights;
    uint64_t clock;
    latent_network_t networks[LATENT_NETWORKS_MAX];
};

typedef enum { LATENT_ENCODER, LATENT_DECODER } latent_half_t;

/* The network of this size with that half made; NULL on failure. */
latent_network_t *latent_network(latent_t *latent, int rows, int columns, latent_half_t half,
                                 err_t *err);
void latent_network_free(latent_network_t *network);

#endif
