/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures into the encoder's input and symbols out of it; the same backwards. */
#include "codec/codec_run.h"

#include "codec/codec_pictures.h"
#include "codec/codec_state.h"

#include "cmplx.h"

#include <math.h>
#include <string.h>

enum { SYMBOL_REALS = 2 * CODEC_CHANNELS, SOFT = 3 * CODEC_CHANNELS };

/* One picture and its symbols: what the functions below need to know of it. */
typedef struct {
    int width, height, rows, columns;
    size_t symbols, pixels;
} frame_t;

static frame_t make_frame(const codec_t *codec, int width, int height, int mode)
{
    return (frame_t){width,
                     height,
                     codec_places(height),
                     codec_places(width),
                     codec_symbols(codec, width, height, mode),
                     (size_t)width * (size_t)height};
}

/* [place][32] -> channel-major complex symbols, times `factor`. */
static void take_symbols(const frame_t *frame, const float *in, float factor, float complex *symbols)
{
    size_t places = (size_t)frame->rows * (size_t)frame->columns;
    size_t channels = frame->symbols / places;
    for (size_t c = 0; c < channels; c++) {
        for (size_t i = 0; i < places; i++) {
            const float *s = in + i * SYMBOL_REALS + 2 * c;
            symbols[c * places + i] = CMPLXF(factor * s[0], factor * s[1]);
        }
    }
}

/*
 * Channel-major soft symbols -> [place][32 reals, 16 noise variances]; what is not there or not
 * sane is lost: 0 with variance 1.
 *
 * The network learned symbols of `power`, the air carries them with power 1: s' = s / sqrt(P).  From the
 * MMSE estimate of s' with variance v' follows that of s, as if h were h / sqrt(P):
 *     s_hat = sqrt(P) s'_hat / (1 - v' + P v')        v = P v' / (1 - v' + P v')
 */
static void put_symbols(const frame_t *frame, const float complex *symbols, const float *noise_var,
                        float power, float *out)
{
    size_t places = (size_t)frame->rows * (size_t)frame->columns;
    size_t channels = frame->symbols / places;
    for (size_t i = 0; i < places; i++) {
        float *place = out + i * SOFT;
        for (size_t c = 0; c < CODEC_CHANNELS; c++) {
            float re = 0.0f, im = 0.0f, variance = 1.0f;
            size_t k = c * places + i;
            if (c < channels && noise_var[k] >= 0.0f && noise_var[k] <= 1.0f &&
                isfinite(crealf(symbols[k])) && isfinite(cimagf(symbols[k]))) {
                float share = 1.0f - noise_var[k] + power * noise_var[k];
                re = crealf(symbols[k]) * sqrtf(power) / share;
                im = cimagf(symbols[k]) * sqrtf(power) / share;
                variance = power * noise_var[k] / share;
            }
            place[2 * c] = re;
            place[2 * c + 1] = im;
            place[SYMBOL_REALS + c] = variance;
        }
    }
}

static void set_mode(const codec_t *codec, graph_t *graph, node_t input, int batch, int mode)
{
    float *features = graph_data(graph, input);
    int p = codec_mode_rate(codec, mode);
    for (int n = 0; n < batch; n++) {
        codec_net_mode(p, codec_mode_snr_db(codec, mode), features + n * CODEC_MODE_FEATURES);
    }
    graph_set_prefix(graph, p * CODEC_CHANNELS_PER_RATE);
}

int codec_run_encode(codec_t *codec, int images, const uint8_t *rgb, int width, int height, int mode,
                     float complex *symbols, err_t *err)
{
    frame_t frame = make_frame(codec, width, height, mode);
    float factor = 1.0f / sqrtf(codec_mode_power(codec, mode));
    size_t padded = (size_t)frame.rows * (size_t)frame.columns * CODEC_STRIDE * CODEC_STRIDE * 3;
    for (int done = 0; done < images;) {
        int batch = codec_chunk(frame.rows, frame.columns, images - done);
        codec_network_t *network =
            codec_network(codec, frame.rows, frame.columns, batch, CODEC_ENCODER, err);
        if (network == NULL) {
            return -1;
        }
        float *in = graph_data(network->encoder, network->nodes.image);
        for (int n = 0; n < batch; n++) {
            codec_put_picture(rgb + (size_t)(done + n) * frame.pixels * 3, width, height,
                              frame.rows * CODEC_STRIDE, frame.columns * CODEC_STRIDE,
                              in + (size_t)n * padded);
        }
        set_mode(codec, network->encoder, network->nodes.mode, batch, mode);
        graph_forward(network->encoder);
        const float *out = graph_data(network->encoder, network->nodes.symbols);
        size_t stride = (size_t)frame.rows * (size_t)frame.columns * SYMBOL_REALS;
        for (int n = 0; n < batch; n++) {
            take_symbols(&frame, out + (size_t)n * stride, factor,
                         symbols + (size_t)(done + n) * frame.symbols);
        }
        done += batch;
    }
    return 0;
}

int codec_run_decode(codec_t *codec, int images, const float complex *symbols,
                     const float *noise_var, int width, int height, int mode, uint8_t *rgb,
                     err_t *err)
{
    frame_t frame = make_frame(codec, width, height, mode);
    float power = codec_mode_power(codec, mode);
    size_t places = (size_t)frame.rows * (size_t)frame.columns;
    for (int done = 0; done < images;) {
        int batch = codec_chunk(frame.rows, frame.columns, images - done);
        codec_network_t *network =
            codec_network(codec, frame.rows, frame.columns, batch, CODEC_DECODER, err);
        if (network == NULL) {
            return -1;
        }
        float *in = graph_data(network->decoder, network->soft);
        for (int n = 0; n < batch; n++) {
            size_t first = (size_t)(done + n) * frame.symbols;
            put_symbols(&frame, symbols + first, noise_var + first, power,
                        in + (size_t)n * places * SOFT);
        }
        set_mode(codec, network->decoder, network->mode, batch, mode);
        graph_forward(network->decoder);
        const float *out = graph_data(network->decoder, network->picture);
        for (int n = 0; n < batch; n++) {
            codec_take_picture(out + (size_t)n * places * CODEC_STRIDE * CODEC_STRIDE * 3,
                               frame.columns * CODEC_STRIDE, width, height,
                               rgb + (size_t)(done + n) * frame.pixels * 3);
        }
        done += batch;
    }
    return 0;
}

int codec_run_prepare(codec_t *codec, int width, int height, int images, err_t *err)
{
    frame_t frame = make_frame(codec, width, height, 1);
    for (int batch = codec_chunk(frame.rows, frame.columns, images); batch >= 1; batch /= 2) {
        if (codec_network(codec, frame.rows, frame.columns, batch, CODEC_ENCODER, err) == NULL ||
            codec_network(codec, frame.rows, frame.columns, batch, CODEC_DECODER, err) == NULL) {
            return -1;
        }
    }
    return 0;
}
