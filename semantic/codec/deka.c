/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deka as a kind of codec.  The weights file names the latent codec it was trained
 * with (metadata "latent", "latent_hash"); another one is refused, for its latents mean
 * something else.  Pictures pass one at a time: they are large.
 */
#include "codec/deka.h"

#include "codec/codec_state.h"
#include "codec/deka_net.h"
#include "codec/deka_state.h"
#include "latent/latent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AXES = 2 * DEKA_CHANNELS };

static const codec_rate_t rates[DEKA_RATES] = {{1, 384}, {1, 256}, {1, 192}, {5, 768}, {1, 128}};

typedef struct {
    deka_shape_t shape;
    latent_t *latent; /* never run, only cloned */
} detail_t;

/* One thread's. */
typedef struct {
    latent_t *latent;
    float *z; /* of one picture */
    size_t count;
} state_t;

/* ---- opening ------------------------------------------------------------------ */

static int open_latent(codec_weights_t *weights, const safetensors_t *file, err_t *err)
{
    detail_t *detail = weights->detail;
    const char *name = safetensors_note(file, "latent");
    const char *hash = safetensors_note(file, "latent_hash");
    char have[32];
    if (name == NULL || hash == NULL) {
        return err_set(err, ERR_FORMAT, "metadata \"latent\" or \"latent_hash\" is missing");
    }
    detail->latent = latent_open(name, err);
    if (detail->latent == NULL) {
        return -1;
    }
    snprintf(have, sizeof(have), "%016llx", (unsigned long long)latent_hash(detail->latent));
    if (strcmp(have, hash) != 0 || latent_stride(detail->latent) * DEKA_STRIDE != DEKA_PIXELS ||
        latent_channels(detail->latent) != DEKA_LATENT_CHANNELS) {
        return err_set(err, ERR_FORMAT,
                       "trained for the latent codec %s with the hash %s; that one has %s, stride "
                       "%d and %d channels",
                       name, hash, have, latent_stride(detail->latent),
                       latent_channels(detail->latent));
    }
    return 0;
}

static int open_weights(codec_weights_t *weights, const safetensors_t *file, err_t *err)
{
    double width = 0, encoder_blocks = 0, decoder_blocks = 0, bound = 0;
    detail_t *detail = calloc(1, sizeof(*detail));
    if (detail == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the codec");
    }
    weights->detail = detail;
    if (codec_read_number(file, "width", 8, 512, &width, err) < 0 ||
        codec_read_number(file, "encoder_blocks", 0, 32, &encoder_blocks, err) < 0 ||
        codec_read_number(file, "decoder_blocks", 0, 32, &decoder_blocks, err) < 0 ||
        codec_read_number(file, "bound", 0, 100.0, &bound, err) < 0) {
        return -1;
    }
    detail->shape = (deka_shape_t){(int)width, (int)encoder_blocks, (int)decoder_blocks,
                                   (float)bound, DEKA_PAIR_VARIABLE};
    return codec_read_power(weights->kind, weights->params, weights->power, err) < 0
               ? -1
               : open_latent(weights, file, err);
}

static void close_weights(codec_weights_t *weights)
{
    detail_t *detail = weights->detail;
    if (detail != NULL) {
        latent_close(detail->latent);
        free(detail);
    }
}

static int attach(codec_t *codec, err_t *err)
{
    const detail_t *detail = codec->weights->detail;
    state_t *state = calloc(1, sizeof(*state));
    if (state == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the codec");
    }
    codec->state = state;
    state->latent = latent_clone(detail->latent, err);
    return state->latent == NULL ? -1 : 0;
}

static void detach(codec_t *codec)
{
    state_t *state = codec->state;
    if (state != NULL) {
        latent_close(state->latent);
        free(state->z);
        free(state);
    }
}

static void build(const codec_weights_t *weights, codec_network_t *network, codec_half_t half,
                  graph_t *graph)
{
    const deka_shape_t *shape = &((const detail_t *)weights->detail)->shape;
    if (half == CODEC_ENCODER) {
        network->nodes.image = graph_input(graph, network->rows * DEKA_STRIDE,
                                           network->columns * DEKA_STRIDE, DEKA_LATENT_CHANNELS);
        node_t axes = deka_net_encoder(graph, network->nodes.image, shape, DEKA_CHANNELS);
        network->nodes.symbols =
            deka_net_scale(graph, graph_quantise(graph, axes), shape, DEKA_CHANNELS);
    } else {
        network->soft = graph_input(graph, network->rows, network->columns, AXES);
        network->picture = deka_net_decoder(graph, network->soft, shape, DEKA_CHANNELS);
    }
}

/* ---- pictures -------------------------------------------------------------------- */

/* Room for the latent of one picture; grows only. */
static int reserve(state_t *state, int width, int height, err_t *err)
{
    size_t count = latent_count(state->latent, width, height);
    if (count == 0) {
        return err_set(err, ERR_ARGUMENT, "%d x %d pixels is more than the latent codec takes",
                       width, height);
    }
    if (count > state->count) {
        float *grown = realloc(state->z, count * sizeof(*grown));
        if (grown == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for a latent of %zu numbers", count);
        }
        state->z = grown;
        state->count = count;
    }
    return 0;
}

static int prepare(codec_t *codec, int width, int height, int images, err_t *err)
{
    state_t *state = codec->state;
    int h = deka_half(latent_places(state->latent, height));
    int w = deka_half(latent_places(state->latent, width));
    (void)images;
    return reserve(state, width, height, err) < 0 ||
                   latent_prepare(state->latent, width, height, err) < 0 ||
                   codec_network(codec, h, w, 1, CODEC_ENCODER, err) == NULL ||
                   codec_network(codec, h, w, 1, CODEC_DECODER, err) == NULL
               ? -1
               : 0;
}

static int encode(codec_t *codec, int images, const uint8_t *rgb, int width, int height, int p,
                  float complex *symbols, err_t *err)
{
    state_t *state = codec->state;
    int rows = latent_places(state->latent, height), columns = latent_places(state->latent, width);
    size_t each = codec_symbols(codec, width, height, p);
    size_t bytes = (size_t)width * (size_t)height * 3;
    int status = reserve(state, width, height, err);
    for (int n = 0; status == 0 && n < images; n++) {
        status =
            latent_encode(state->latent, rgb + (size_t)n * bytes, width, height, state->z, err);
        if (status == 0) {
            status =
                deka_encode(codec, state->z, rows, columns, p, symbols + (size_t)n * each, err);
        }
    }
    return status;
}

static int decode(codec_t *codec, int images, const float complex *symbols, const float *noise_var,
                  int width, int height, int p, uint8_t *rgb, err_t *err)
{
    state_t *state = codec->state;
    int rows = latent_places(state->latent, height), columns = latent_places(state->latent, width);
    size_t each = codec_symbols(codec, width, height, p);
    size_t bytes = (size_t)width * (size_t)height * 3;
    int status = reserve(state, width, height, err);
    for (int n = 0; status == 0 && n < images; n++) {
        status = deka_decode_mapped(codec, symbols + (size_t)n * each, noise_var + (size_t)n * each,
                                    rows, columns, p, state->z, err);
        if (status == 0) {
            status =
                latent_decode(state->latent, state->z, width, height, rgb + (size_t)n * bytes, err);
        }
    }
    return status;
}

const codec_kind_t codec_kind_deka = {
    .name = "deka",
    .rates = rates,
    .rate_count = DEKA_RATES,
    .rate_list = "1/384, 1/256, 1/192, 5/768, 1/128",
    .stride = DEKA_PIXELS,
    .channels_first = DEKA_CHANNELS_FIRST - 1,
    .channels_per_rate = 1,
    .power_name = DEKA_POWER_NAME,
    .open = open_weights,
    .close = close_weights,
    .attach = attach,
    .detach = detach,
    .build = build,
    .prepare = prepare,
    .encode = encode,
    .decode = decode,
};
