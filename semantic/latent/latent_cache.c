/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks are built for a fixed size.  A latent_t keeps the last few. */
#include "latent/latent_state.h"

#include <string.h>

void latent_network_free(latent_network_t *network)
{
    graph_destroy(network->encoder);
    graph_destroy(network->decoder);
    memset(network, 0, sizeof(*network));
}

static void build_encoder(const latent_weights_t *weights, latent_network_t *network, graph_t *g)
{
    int h = network->rows * weights->stride, w = network->columns * weights->stride;
    network->image = graph_input(g, h, w, 3);
    network->encoded = weights->kind == LATENT_OWN
                           ? latent_net_encoder(g, network->image, &weights->own)
                           : autoencoder_kl_encoder(g, network->image, &weights->kl);
}

static void build_decoder(const latent_weights_t *weights, latent_network_t *network, graph_t *g)
{
    network->latent = graph_input(g, network->rows, network->columns, weights->channels);
    network->picture = weights->kind == LATENT_OWN
                           ? latent_net_decoder(g, network->latent, &weights->own)
                           : autoencoder_kl_decoder(g, network->latent, &weights->kl);
}

static graph_t *build(const latent_weights_t *weights, latent_network_t *network,
                      latent_half_t half, err_t *err)
{
    graph_t *graph = graph_create(weights->params, GRAPH_INFER, 1, 1, err);
    if (graph == NULL) {
        return NULL;
    }
    if (half == LATENT_ENCODER) {
        build_encoder(weights, network, graph);
    } else {
        build_decoder(weights, network, graph);
    }
    if (graph_finish(graph, err) < 0) {
        graph_destroy(graph);
        return NULL;
    }
    return graph;
}

/* The slot that holds this size, or else the one to give up: empty or longest unused. */
static latent_network_t *find_slot(latent_t *latent, int rows, int columns)
{
    latent_network_t *oldest = &latent->networks[0];
    for (int i = 0; i < latent->weights->networks_max; i++) {
        latent_network_t *network = &latent->networks[i];
        if (network->rows == rows && network->columns == columns) {
            return network;
        }
        if (network->used < oldest->used) {
            oldest = network;
        }
    }
    latent_network_free(oldest);
    oldest->rows = rows;
    oldest->columns = columns;
    return oldest;
}

latent_network_t *latent_network(latent_t *latent, int rows, int columns, latent_half_t half,
                                 err_t *err)
{
    latent_network_t *network = find_slot(latent, rows, columns);
    graph_t **graph = half == LATENT_ENCODER ? &network->encoder : &network->decoder;
    if (*graph == NULL) {
        *graph = build(latent->weights, network, half, err);
        if (*graph == NULL) {
            int stride = latent->weights->stride;
            err_prefix(err, "%s, %d x %d pictures", latent_name(latent), columns * stride,
                       rows * stride);
            return NULL;
        }
    }
    network->used = ++latent->clock;
    return network;
}
