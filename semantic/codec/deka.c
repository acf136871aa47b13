/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deka as a kind of codec.  The weights file names the latent codec it was trained
 * with (metadata "latent", "latent_hash"); another one is refused, for its latents mean
 * something else.  Pictures pass one at a time: they are large.
 *
 * A symbol that was lost (noise variance 1) is 0, which is what the decoder also
 * gets for channels that were not sent.
 */
#include "codec/deka.h"

#include "cmplx.h"

#include "codec/codec_map.h"
#include "codec/codec_state.h"
#include "codec/deka_net.h"
#include "latent/latent.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AXES = 2 * DEKA_CHANNELS, PIXELS = 16 };

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
    if (strcmp(have, hash) != 0 || latent_stride(detail->latent) * DEKA_STRIDE != PIXELS ||
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

/* ---- latents ------------------------------------------------------------------- */

static int half_of(int side)
{
    return (side + DEKA_STRIDE - 1) / DEKA_STRIDE;
}

size_t deka_symbols(const codec_t *codec, int rows, int columns, int p)
{
    const int most = CODEC_SIDE_MAX * DEKA_STRIDE / PIXELS;
    if (codec->weights->kind != &codec_kind_deka || rows < 1 || columns < 1 || rows > most ||
        columns > most || p < 1 || p > DEKA_RATES) {
        return 0;
    }
    return (size_t)codec_channels(&codec_kind_deka, p) * (size_t)half_of(rows) *
           (size_t)half_of(columns);
}

static int check_latent(const codec_t *codec, int rows, int columns, int p, err_t *err)
{
    return deka_symbols(codec, rows, columns, p) > 0
               ? 0
               : err_set(err, ERR_ARGUMENT,
                         "codec %s: a latent of %d x %d at rate p = %d is not possible",
                         codec_name(codec), columns, rows, p);
}

static int at_most(int value, int limit)
{
    return value < limit ? value : limit;
}

int deka_encode(codec_t *codec, const float *latent, int rows, int columns, int p,
                float complex *symbols, err_t *err)
{
    if (check_latent(codec, rows, columns, p, err) < 0) {
        return -1;
    }
    int h = half_of(rows), w = half_of(columns), channels = codec_channels(&codec_kind_deka, p);
    codec_network_t *network = codec_network(codec, h, w, 1, CODEC_ENCODER, err);
    if (network == NULL) {
        return -1;
    }
    float *in = graph_data(network->encoder, network->nodes.image);
    for (int y = 0; y < h * DEKA_STRIDE; y++) {
        const float *row = latent + (size_t)at_most(y, rows - 1) * (size_t)columns * 4;
        for (int x = 0; x < w * DEKA_STRIDE; x++, in += 4) {
            memcpy(in, row + (size_t)at_most(x, columns - 1) * 4, 4 * sizeof(*in));
        }
    }
    graph_set_prefix(network->encoder, channels);
    graph_forward(network->encoder);
    const float *out = graph_data(network->encoder, network->nodes.symbols);
    size_t places = (size_t)h * (size_t)w;
    for (size_t c = 0; c < (size_t)channels; c++) {
        for (size_t i = 0; i < places; i++) {
            symbols[c * places + i] = CMPLXF(out[i * AXES + 2 * c], out[i * AXES + 2 * c + 1]);
        }
    }
    return 0;
}

/* Channel by channel -> place by place; what is not there or not sane is 0. */
static void put_symbols(const float complex *symbols, const float *noise_var, size_t places,
                        size_t channels, float *out)
{
    for (size_t i = 0; i < places; i++) {
        for (size_t c = 0; c < DEKA_CHANNELS; c++) {
            size_t k = c * places + i;
            bool sane = c < channels && noise_var[k] >= 0.0f && noise_var[k] <= 1.0f &&
                        isfinite(crealf(symbols[k])) && isfinite(cimagf(symbols[k]));
            out[i * AXES + 2 * c] = sane ? crealf(symbols[k]) : 0.0f;
            out[i * AXES + 2 * c + 1] = sane ? cimagf(symbols[k]) : 0.0f;
        }
    }
}

/* As deka_decode, of symbols that a map has seen already. */
static int decode_latent(codec_t *codec, const float complex *symbols, const float *noise_var,
                         int rows, int columns, int p, float *latent, err_t *err)
{
    int h = half_of(rows), w = half_of(columns);
    codec_network_t *network = codec_network(codec, h, w, 1, CODEC_DECODER, err);
    if (network == NULL) {
        return -1;
    }
    put_symbols(symbols, noise_var, (size_t)h * (size_t)w,
                (size_t)codec_channels(&codec_kind_deka, p),
                graph_data(network->decoder, network->soft));
    graph_forward(network->decoder);
    const float *out = graph_data(network->decoder, network->picture);
    size_t stride = (size_t)w * DEKA_STRIDE * 4, row = (size_t)columns * 4;
    for (size_t y = 0; y < (size_t)rows; y++) {
        memcpy(latent + y * row, out + y * stride, row * sizeof(*latent));
    }
    return 0;
}

int deka_decode(codec_t *codec, const float complex *symbols, const float *noise_var, int rows,
                int columns, int p, float *latent, err_t *err)
{
    if (check_latent(codec, rows, columns, p, err) < 0) {
        return -1;
    }
    if (codec_map_wanted(codec)) {
        if (codec_map_run(codec, 1, half_of(rows), half_of(columns),
                          codec_channels(&codec_kind_deka, p), symbols, noise_var, err) < 0) {
            return -1;
        }
        symbols = codec->mapped;
        noise_var = codec->mapped_var;
    }
    return decode_latent(codec, symbols, noise_var, rows, columns, p, latent, err);
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
    int h = half_of(latent_places(state->latent, height));
    int w = half_of(latent_places(state->latent, width));
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
        status = decode_latent(codec, symbols + (size_t)n * each, noise_var + (size_t)n * each,
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
    .stride = PIXELS,
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
