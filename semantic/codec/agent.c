/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent as a kind of codec.  The order of the codes is the base's: adapters leave the codebook as
 * it is. */
#include "codec/agent.h"

#include "codec/agent_codes.h"
#include "codec/codec_pictures.h"
#include "codec/codec_state.h"
#include "nn/codebook.h"

#include "cmplx.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const codec_rate_t rates[1] = {{1, 24}};

typedef struct {
    agent_shape_t shape;
    agent_order_t order;
    const float *codebook, *usage;
} detail_t;

typedef struct {
    int width, height, rows, columns;
    size_t places, pixels;
} frame_t;

static const detail_t *detail_of(const codec_t *codec)
{
    return codec->weights->detail;
}

static frame_t make_frame(int width, int height)
{
    frame_t f = {.width = width, .height = height};
    f.rows = (height + AGENT_STRIDE - 1) / AGENT_STRIDE;
    f.columns = (width + AGENT_STRIDE - 1) / AGENT_STRIDE;
    f.places = (size_t)f.rows * (size_t)f.columns;
    f.pixels = (size_t)width * (size_t)height;
    return f;
}

/* ---- opening ------------------------------------------------------------------ */

static int find_codebook(codec_weights_t *weights, detail_t *detail, err_t *err)
{
    const param_t *codebook = params_find(weights->params, AGENT_CODES_NAME ".codebook");
    const param_t *usage = params_find(weights->params, AGENT_CODES_NAME ".usage");
    size_t size = (size_t)detail->shape.code_size;
    if (codebook == NULL || codebook->count != AGENT_CODES * size || usage == NULL ||
        usage->count != AGENT_CODES) {
        return err_set(err, ERR_FORMAT, "no tensors %s.codebook [%d][%zu] and %s.usage [%d]",
                       AGENT_CODES_NAME, AGENT_CODES, size, AGENT_CODES_NAME, AGENT_CODES);
    }
    for (size_t i = 0; i < codebook->count; i++) {
        if (!isfinite(codebook->value[i]) || !(usage->value[i / size] >= 0.0f) ||
            !isfinite(usage->value[i / size])) {
            return err_set(err, ERR_FORMAT, "tensor %s.codebook or .usage: code %zu is not sane",
                           AGENT_CODES_NAME, i / size);
        }
    }
    detail->codebook = codebook->value;
    detail->usage = usage->value;
    agent_order(&detail->order, detail->codebook, detail->shape.code_size);
    return 0;
}

static int open_weights(codec_weights_t *weights, const safetensors_t *file, err_t *err)
{
    double width = 0, encoder_blocks = 0, decoder_blocks = 0, code_size = 0;
    detail_t *detail = calloc(1, sizeof(*detail));
    if (detail == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the codec");
    }
    weights->detail = detail;
    if (codec_read_number(file, "width", 8, 512, &width, err) < 0 ||
        codec_read_number(file, "encoder_blocks", 0, 32, &encoder_blocks, err) < 0 ||
        codec_read_number(file, "decoder_blocks", 0, 32, &decoder_blocks, err) < 0 ||
        codec_read_number(file, "code_size", 3, 128, &code_size, err) < 0) {
        return -1;
    }
    detail->shape =
        (agent_shape_t){(int)width, (int)encoder_blocks, (int)decoder_blocks, (int)code_size};
    return find_codebook(weights, detail, err) < 0
               ? -1
               : codec_read_power(weights->kind, weights->params, weights->power, err);
}

static void close_weights(codec_weights_t *weights)
{
    free(weights->detail);
}

static void build(const codec_weights_t *weights, codec_network_t *network, codec_half_t half,
                  graph_t *graph)
{
    const agent_shape_t *shape = &((const detail_t *)weights->detail)->shape;
    if (half == CODEC_ENCODER) {
        network->nodes.image =
            graph_input(graph, network->rows * AGENT_STRIDE, network->columns * AGENT_STRIDE, 3);
        node_t latent = agent_net_encoder(graph, network->nodes.image, shape);
        network->nodes.points = graph_codebook(graph, latent, AGENT_CODES_NAME, AGENT_CODES);
    } else {
        network->soft = graph_input(graph, network->rows, network->columns, shape->code_size);
        network->picture = agent_net_decoder(graph, network->soft, shape);
    }
}

/* ---- codes and symbols ------------------------------------------------------------- */

static void put_symbols(const codec_t *codec, const frame_t *f, const int *code,
                        float complex *symbols)
{
    float scale = codec_scale(codec, 1);
    for (size_t i = 0; i < f->places; i++) {
        float point[AGENT_AXES];
        agent_codes_point(&detail_of(codec)->order, code[i], point);
        for (size_t c = 0; c < AGENT_CHANNELS; c++) {
            symbols[c * f->places + i] = CMPLXF(scale * point[2 * c], scale * point[2 * c + 1]);
        }
    }
}

/*
 * s_hat = a s + n with a = 1 - v and E|n|^2 = a v (codec.h): s_hat / a is s with noise of variance
 * v / a, half on each axis, and s is the point times the rate's factor.
 */
static void take_symbols(const codec_t *codec, const frame_t *f, const float complex *symbols,
                         const float *noise_var, float *soft)
{
    const detail_t *detail = detail_of(codec);
    float scale = codec_scale(codec, 1);
    for (size_t i = 0; i < f->places; i++) {
        float received[AGENT_AXES], variance[AGENT_AXES];
        for (size_t c = 0; c < AGENT_CHANNELS; c++) {
            size_t k = c * f->places + i;
            float v = noise_var[k], a = 1.0f - v;
            bool sane = v >= 0.0f && a > 1e-6f;
            v = v > 1e-6f ? v : 1e-6f; /* noiseless: as good as */
            received[2 * c] = sane ? crealf(symbols[k]) / (a * scale) : 0.0f;
            received[2 * c + 1] = sane ? cimagf(symbols[k]) / (a * scale) : 0.0f;
            variance[2 * c] = variance[2 * c + 1] =
                sane ? 0.5f * v / (a * scale * scale) : INFINITY;
        }
        agent_codes_mean(&detail->order, detail->codebook, detail->usage, detail->shape.code_size,
                         received, variance, soft + i * (size_t)detail->shape.code_size);
    }
}

/* ---- pictures ------------------------------------------------------------------------ */

/* Runs the encoder on up to a chunk of pictures; how many, or -1.  *code: of the first. */
static int encode_chunk(codec_t *codec, const frame_t *f, int images, const uint8_t *rgb,
                        const int **code, err_t *err)
{
    int batch = codec_chunk(f->rows, f->columns, images);
    codec_network_t *network = codec_network(codec, f->rows, f->columns, batch, CODEC_ENCODER, err);
    if (network == NULL) {
        return -1;
    }
    float *in = graph_data(network->encoder, network->nodes.image);
    size_t each = f->places * AGENT_STRIDE * AGENT_STRIDE * 3;
    for (int n = 0; n < batch; n++) {
        codec_put_picture(rgb + (size_t)n * f->pixels * 3, f->width, f->height,
                          f->rows * AGENT_STRIDE, f->columns * AGENT_STRIDE, in + (size_t)n * each);
    }
    graph_forward(network->encoder);
    *code = graph_codes(network->encoder, network->nodes.points);
    return batch;
}

static codec_network_t *decoder_for(codec_t *codec, const frame_t *f, int images, err_t *err)
{
    return codec_network(codec, f->rows, f->columns, codec_chunk(f->rows, f->columns, images),
                         CODEC_DECODER, err);
}

static void decode_chunk(codec_network_t *network, const frame_t *f, uint8_t *rgb)
{
    graph_forward(network->decoder);
    const float *out = graph_data(network->decoder, network->picture);
    size_t each = f->places * AGENT_STRIDE * AGENT_STRIDE * 3;
    for (int n = 0; n < network->batch; n++) {
        codec_take_picture(out + (size_t)n * each, f->columns * AGENT_STRIDE, f->width, f->height,
                           rgb + (size_t)n * f->pixels * 3);
    }
}

static int prepare(codec_t *codec, int width, int height, int images, err_t *err)
{
    frame_t f = make_frame(width, height);
    for (int batch = codec_chunk(f.rows, f.columns, images); batch >= 1; batch /= 2) {
        if (codec_network(codec, f.rows, f.columns, batch, CODEC_ENCODER, err) == NULL ||
            codec_network(codec, f.rows, f.columns, batch, CODEC_DECODER, err) == NULL) {
            return -1;
        }
    }
    return 0;
}

static int encode(codec_t *codec, int images, const uint8_t *rgb, int width, int height, int mode,
                  float complex *symbols, err_t *err)
{
    frame_t f = make_frame(width, height);
    (void)mode;
    for (int done = 0; done < images;) {
        const int *code;
        int batch =
            encode_chunk(codec, &f, images - done, rgb + (size_t)done * f.pixels * 3, &code, err);
        for (int n = 0; n < batch; n++) {
            put_symbols(codec, &f, code + (size_t)n * f.places,
                        symbols + (size_t)(done + n) * f.places * AGENT_CHANNELS);
        }
        if (batch < 0) {
            return -1;
        }
        done += batch;
    }
    return 0;
}

static int decode(codec_t *codec, int images, const float complex *symbols, const float *noise_var,
                  int width, int height, int mode, uint8_t *rgb, err_t *err)
{
    frame_t f = make_frame(width, height);
    (void)mode;
    for (int done = 0; done < images;) {
        codec_network_t *network = decoder_for(codec, &f, images - done, err);
        if (network == NULL) {
            return -1;
        }
        float *soft = graph_data(network->decoder, network->soft);
        for (int n = 0; n < network->batch; n++) {
            size_t first = (size_t)(done + n) * f.places * AGENT_CHANNELS;
            take_symbols(codec, &f, symbols + first, noise_var + first,
                         soft + (size_t)n * f.places * (size_t)detail_of(codec)->shape.code_size);
        }
        decode_chunk(network, &f, rgb + (size_t)done * f.pixels * 3);
        done += network->batch;
    }
    return 0;
}

/* ---- codes for reliable links ---------------------------------------------------------- */

size_t agent_codes(const codec_t *codec, int width, int height)
{
    if (codec->weights->kind != &codec_kind_agent || width < 1 || height < 1 ||
        width > CODEC_SIDE_MAX || height > CODEC_SIDE_MAX) {
        return 0;
    }
    return make_frame(width, height).places;
}

static int check(const codec_t *codec, int width, int height, err_t *err)
{
    return agent_codes(codec, width, height) > 0
               ? 0
               : err_set(err, ERR_ARGUMENT,
                         "codec %s with %d x %d pixels: an agent codec takes 1 .. %d a side",
                         codec_name(codec), width, height, CODEC_SIDE_MAX);
}

int agent_encode(codec_t *codec, const uint8_t *rgb, int width, int height, uint16_t *code,
                 err_t *err)
{
    frame_t f = make_frame(width, height);
    const int *found;
    if (check(codec, width, height, err) < 0 || encode_chunk(codec, &f, 1, rgb, &found, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < f.places; i++) {
        code[i] = (uint16_t)found[i];
    }
    return 0;
}

int agent_decode(codec_t *codec, const uint16_t *code, int width, int height, uint8_t *rgb,
                 err_t *err)
{
    frame_t f = make_frame(width, height);
    codec_network_t *network =
        check(codec, width, height, err) < 0 ? NULL : decoder_for(codec, &f, 1, err);
    if (network == NULL) {
        return -1;
    }
    size_t size = (size_t)detail_of(codec)->shape.code_size;
    float *soft = graph_data(network->decoder, network->soft);
    for (size_t i = 0; i < f.places; i++) {
        if (code[i] >= AGENT_CODES) {
            return err_set(err, ERR_ARGUMENT, "code %zu is %d, above %d", i, code[i],
                           AGENT_CODES - 1);
        }
        memcpy(soft + i * size, detail_of(codec)->codebook + code[i] * size, size * sizeof(*soft));
    }
    decode_chunk(network, &f, rgb);
    return 0;
}

const codec_kind_t codec_kind_agent = {
    .name = "agent",
    .rates = rates,
    .rate_count = 1,
    .rate_list = "1/24",
    .stride = AGENT_STRIDE,
    .channels_first = 0,
    .channels_per_rate = AGENT_CHANNELS,
    .power_name = AGENT_POWER_NAME,
    .open = open_weights,
    .close = close_weights,
    .build = build,
    .prepare = prepare,
    .encode = encode,
    .decode = decode,
};
