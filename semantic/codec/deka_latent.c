/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Latents into the encoder's input and symbols out of it; the same backwards.  A symbol that was
 * lost (noise variance 1) is 0, which is what the decoder also gets for channels that were not
 * sent.
 */
#include "cmplx.h"

#include "codec/codec_map.h"
#include "codec/codec_state.h"
#include "codec/deka.h"
#include "codec/deka_net.h"
#include "codec/deka_state.h"

#include <math.h>
#include <string.h>

enum { AXES = 2 * DEKA_CHANNELS };

int deka_half(int side)
{
    return (side + DEKA_STRIDE - 1) / DEKA_STRIDE;
}

size_t deka_symbols(const codec_t *codec, int rows, int columns, int p)
{
    const int most = CODEC_SIDE_MAX * DEKA_STRIDE / DEKA_PIXELS;
    if (codec->weights->kind != &codec_kind_deka || rows < 1 || columns < 1 || rows > most ||
        columns > most || p < 1 || p > DEKA_RATES) {
        return 0;
    }
    return (size_t)codec_channels(&codec_kind_deka, p) * (size_t)deka_half(rows) *
           (size_t)deka_half(columns);
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
    int h = deka_half(rows), w = deka_half(columns), channels = codec_channels(&codec_kind_deka, p);
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

int deka_decode_mapped(codec_t *codec, const float complex *symbols, const float *noise_var,
                       int rows, int columns, int p, float *latent, err_t *err)
{
    int h = deka_half(rows), w = deka_half(columns);
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
        if (codec_map_run(codec, 1, deka_half(rows), deka_half(columns),
                          codec_channels(&codec_kind_deka, p), symbols, noise_var, err) < 0) {
            return -1;
        }
        symbols = codec->mapped;
        noise_var = codec->mapped_var;
    }
    return deka_decode_mapped(codec, symbols, noise_var, rows, columns, p, latent, err);
}
