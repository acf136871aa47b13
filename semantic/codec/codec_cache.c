/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks are built for a fixed size and batch.  A codec keeps the last
 * CODEC_NETWORKS_MAX of them; a batch of n is cut into powers of two, so that
 * a stream with changing n needs few.
 */
#include "codec/codec_state.h"

#include <string.h>

enum { CHUNK_MAX = 32, CHUNK_PLACES_MAX = 2048 };

int codec_places(int side)
{
    return (side + CODEC_STRIDE - 1) / CODEC_STRIDE;
}

int codec_chunk(int rows, int columns, int images)
{
    int chunk = 1;
    while (2 * chunk <= images && 2 * chunk <= CHUNK_MAX &&
           2 * chunk * rows * columns <= CHUNK_PLACES_MAX) {
        chunk *= 2;
    }
    return chunk;
}

void codec_network_free(codec_network_t *network)
{
    graph_destroy(network->encoder);
    graph_destroy(network->decoder);
    memset(network, 0, sizeof(*network));
}

static graph_t *build(const codec_weights_t *weights, codec_network_t *network, codec_half_t half,
                      err_t *err)
{
    graph_t *graph = graph_create(weights->params, GRAPH_INFER, network->batch, 1, err);
    if (graph == NULL) {
        return NULL;
    }
    if (half == CODEC_ENCODER) {
        codec_net_encoder(graph, network->rows * CODEC_STRIDE, network->columns * CODEC_STRIDE,
                          &weights->shape, &network->nodes);
    } else {
        network->soft = graph_input(graph, network->rows, network->columns, 3 * CODEC_CHANNELS);
        network->mode = graph_input(graph, 1, 1, CODEC_MODE_FEATURES);
        network->picture =
            codec_net_decoder(graph, network->soft, network->mode, &weights->shape);
    }
    if (graph_finish(graph, err) < 0) {
        graph_destroy(graph);
        return NULL;
    }
    return graph;
}

/* The slot that holds this size, or else the one to give up: empty or longest unused. */
static codec_network_t *find_slot(codec_t *codec, int rows, int columns, int batch)
{
    codec_network_t *oldest = &codec->networks[0];
    for (int i = 0; i < CODEC_NETWORKS_MAX; i++) {
        codec_network_t *network = &codec->networks[i];
        if (network->rows == rows && network->columns == columns && network->batch == batch) {
            return network;
        }
        if (network->used < oldest->used) {
            oldest = network;
        }
    }
    codec_network_free(oldest);
    oldest->rows = rows;
    oldest->columns = columns;
    oldest->batch = batch;
    return oldest;
}

codec_network_t *codec_network(codec_t *codec, int rows, int columns, int batch, codec_half_t half,
                               err_t *err)
{
    codec_network_t *network = find_slot(codec, rows, columns, batch);
    graph_t **graph = half == CODEC_ENCODER ? &network->encoder : &network->decoder;
    if (*graph == NULL) {
        *graph = build(codec->weights, network, half, err);
        if (*graph == NULL) {
            err_prefix(err, "codec %s, %d x %d pictures", codec->weights->name,
                       columns * CODEC_STRIDE, rows * CODEC_STRIDE);
            return NULL;
        }
    }
    network->used = ++codec->clock;
    return network;
}
