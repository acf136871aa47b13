/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Networks are built for a fixed size and batch.  A codec keeps the last
 * CODEC_NETWORKS_MAX of them; a batch of n is cut into powers of two, so that
 * a stream with changing n needs few.
 */
#include "codec/codec_state.h"

#include "nn/graph_params.h"

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

static graph_t *build(codec_t *codec, codec_network_t *network, codec_half_t half, err_t *err)
{
    const codec_weights_t *weights = codec->weights;
    graph_t *graph = graph_create(codec_params(codec), GRAPH_INFER, network->batch, 1, err);
    if (graph == NULL) {
        return NULL;
    }
    weights->kind->build(weights, network, half, graph);
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

void codec_cache_follow(codec_t *codec)
{
    for (int i = 0; i < CODEC_NETWORKS_MAX; i++) {
        codec_network_t *network = &codec->networks[i];
        if (network->encoder != NULL) {
            graph_use_params(network->encoder, codec_params(codec));
        }
        if (network->decoder != NULL) {
            graph_use_params(network->decoder, codec_params(codec));
        }
    }
}

codec_network_t *codec_network(codec_t *codec, int rows, int columns, int batch, codec_half_t half,
                               err_t *err)
{
    codec_network_t *network = find_slot(codec, rows, columns, batch);
    graph_t **graph = half == CODEC_ENCODER ? &network->encoder : &network->decoder;
    if (*graph == NULL) {
        *graph = build(codec, network, half, err);
        if (*graph == NULL) {
            int stride = codec->weights->kind->stride;
            err_prefix(err, "codec %s, %d x %d pictures", codec->weights->name, columns * stride,
                       rows * stride);
            return NULL;
        }
    }
    network->used = ++codec->clock;
    return network;
}
