/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine has no transposed convolution, and needs none: of stride 1 it is a
 * convolution with the kernel turned around; of stride 2 (5x5, padding 2, output
 * padding 1) it is a 3x3 convolution to four times the channels followed by
 * depth_to_space.  With input index i and output index o = 2q + r
 *
 *     out[o] = sum over k, i with 2i - 2 + k = o  of  in[i] w[k]
 *
 * so output parity r reads in[q + 1 - j], j = 0 … 2, with w[2j + r] (none for k > 4).
 */
#include "codec/deepjscc.h"

#include "cmplx.h"

#include "nn/graph.h"
#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 5, KERNEL = 5, HALF = 3, PLACES = 64, PICTURE = DEEPJSCC_SIDE * DEEPJSCC_SIDE * 3 };

struct deepjscc {
    params_t *params;
    graph_t *encoder, *decoder;
    node_t picture, latent, received, output;
    int batch, channels; /* channels: 2c reals a place */
};

typedef struct {
    const safetensors_t *file;
    params_t *params;
    err_t *err;
} import_t;

/* Values of a tensor of a certain shape; NULL (with an error) if it is not in the file. */
static float *read_tensor(const import_t *in, const char *name, int rank, const int *shape)
{
    const safetensors_tensor_t *tensor = safetensors_find(in->file, name);
    bool fits = tensor != NULL && tensor->rank == rank;
    for (int i = 0; fits && i < rank; i++) {
        fits = tensor->shape[i] == shape[i];
    }
    if (!fits) {
        err_set(in->err, ERR_FORMAT, "tensor %s is missing or has another shape", name);
        return NULL;
    }
    float *values = malloc(tensor->count * sizeof(*values));
    if (values == NULL) {
        err_set(in->err, ERR_MEMORY, "no memory for tensor %s", name);
        return NULL;
    }
    safetensors_to_float(tensor, values);
    return values;
}

static param_t *add(const import_t *in, const char *layer, const char *kind, int rank,
                    const int *shape)
{
    char name[96];
    snprintf(name, sizeof(name), "%s.%s", layer, kind);
    return params_add(in->params, name, rank, shape, 0, PARAM_INIT_CONSTANT, 0.0f, in->err);
}

/* One number or `from` of them, each repeated `times`: `layer.kind` of count from*times. */
static int import_vector(const import_t *in, const char *source, const char *layer,
                         const char *kind, int from, int count)
{
    float *values = read_tensor(in, source, 1, &from);
    param_t *param = values == NULL ? NULL : add(in, layer, kind, 1, &count);
    for (int i = 0; param != NULL && i < count; i++) {
        param->value[i] = values[i / (count / from)];
    }
    free(values);
    return param == NULL ? -1 : 0;
}

static int import_conv(const import_t *in, int layer, int from, int to)
{
    char weight[64], bias[64], slope[64], name[32], act[32];
    snprintf(weight, sizeof(weight), "encoder.conv%d.conv.weight", layer);
    snprintf(bias, sizeof(bias), "encoder.conv%d.conv.bias", layer);
    snprintf(slope, sizeof(slope), "encoder.conv%d.prelu.weight", layer);
    snprintf(name, sizeof(name), "encoder.%d", layer);
    snprintf(act, sizeof(act), "encoder.%d.act", layer);
    int shape[4] = {to, from, KERNEL, KERNEL};
    float *values = read_tensor(in, weight, 4, shape);
    param_t *param = values == NULL ? NULL : add(in, name, "weight", 4, shape);
    if (param != NULL) {
        memcpy(param->value, values, param->count * sizeof(*values));
    }
    free(values);
    return param == NULL || import_vector(in, bias, name, "bias", to, to) < 0 ||
                   import_vector(in, slope, act, "weight", 1, to) < 0
               ? -1
               : 0;
}

/* w[from][to][5][5] of a transposed convolution of stride 1 -> [to][from][5][5]. */
static void turn(const float *w, int from, int to, float *out)
{
    for (int o = 0; o < to; o++) {
        for (int i = 0; i < from; i++) {
            for (int k = 0; k < KERNEL * KERNEL; k++) {
                out[(o * from + i) * KERNEL * KERNEL + k] =
                    w[(i * to + o) * KERNEL * KERNEL + KERNEL * KERNEL - 1 - k];
            }
        }
    }
}

/* The same of stride 2 -> [4 to][from][3][3]; output channel o*4 + 2*ry + rx. */
static void split(const float *w, int from, int to, float *out)
{
    for (int o = 0; o < 4 * to; o++) {
        int ry = o / 2 % 2, rx = o % 2;
        for (int i = 0; i < from; i++) {
            for (int t = 0; t < HALF * HALF; t++) {
                int ky = 2 * (HALF - 1 - t / HALF) + ry, kx = 2 * (HALF - 1 - t % HALF) + rx;
                out[(o * from + i) * HALF * HALF + t] =
                    ky < KERNEL && kx < KERNEL ? w[((i * to + o / 4) * KERNEL + ky) * KERNEL + kx]
                                               : 0.0f;
            }
        }
    }
}

static int import_transposed(const import_t *in, int layer, int from, int to, int stride)
{
    char weight[64], bias[64], slope[64], name[32], act[32];
    snprintf(weight, sizeof(weight), "decoder.tconv%d.transconv.weight", layer);
    snprintf(bias, sizeof(bias), "decoder.tconv%d.transconv.bias", layer);
    snprintf(slope, sizeof(slope), "decoder.tconv%d.activate.weight", layer);
    snprintf(name, sizeof(name), "decoder.%d", layer);
    snprintf(act, sizeof(act), "decoder.%d.act", layer);
    int source[4] = {from, to, KERNEL, KERNEL}, outputs = to * stride * stride;
    int kernel = stride == 1 ? KERNEL : HALF, shape[4] = {outputs, from, kernel, kernel};
    float *values = read_tensor(in, weight, 4, source);
    param_t *param = values == NULL ? NULL : add(in, name, "weight", 4, shape);
    if (param != NULL && stride == 1) {
        turn(values, from, to, param->value);
    } else if (param != NULL) {
        split(values, from, to, param->value);
    }
    free(values);
    if (param == NULL || import_vector(in, bias, name, "bias", to, outputs) < 0) {
        return -1;
    }
    return layer == LAYERS ? 0 : import_vector(in, slope, act, "weight", 1, to);
}

static const int encoder_widths[LAYERS] = {3, 16, 32, 32, 32}; /* inputs */
static const int decoder_widths[LAYERS] = {32, 32, 32, 16, 3}; /* outputs */

static int import_all(deepjscc_t *codec, const char *path, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    if (file == NULL) {
        return -1;
    }
    import_t in = {file, codec->params, err};
    const safetensors_tensor_t *last = safetensors_find(file, "encoder.conv5.conv.bias");
    int status = 0;
    if (last == NULL || last->rank != 1 || last->shape[0] < 2 || last->shape[0] > 256 ||
        last->shape[0] % 2 != 0) {
        status = err_set(err, ERR_FORMAT, "encoder.conv5.conv.bias does not say how many channels");
    } else {
        codec->channels = (int)last->shape[0];
    }
    for (int i = 0; i < LAYERS && status == 0; i++) {
        int to = i + 1 < LAYERS ? encoder_widths[i + 1] : codec->channels;
        int from = i > 0 ? decoder_widths[i - 1] : codec->channels;
        status = import_conv(&in, i + 1, encoder_widths[i], to);
        if (status == 0) {
            status = import_transposed(&in, i + 1, from, decoder_widths[i], i < 3 ? 1 : 2);
        }
    }
    safetensors_close(file);
    return status < 0 ? err_prefix(err, "%s", path) : 0;
}

static int build(deepjscc_t *codec, err_t *err)
{
    char name[32], act[32];
    params_seal(codec->params);
    codec->encoder = graph_create(codec->params, GRAPH_INFER, codec->batch, 1, err);
    codec->decoder = graph_create(codec->params, GRAPH_INFER, codec->batch, 1, err);
    if (codec->encoder == NULL || codec->decoder == NULL) {
        return -1;
    }
    node_t x = codec->picture = graph_input(codec->encoder, DEEPJSCC_SIDE, DEEPJSCC_SIDE, 3);
    for (int i = 0; i < LAYERS; i++) {
        conv_options_t options = {.out_channels =
                                      i + 1 < LAYERS ? encoder_widths[i + 1] : codec->channels,
                                  .kernel = KERNEL,
                                  .stride = i < 2 ? 2 : 1};
        snprintf(name, sizeof(name), "encoder.%d", i + 1);
        snprintf(act, sizeof(act), "encoder.%d.act", i + 1);
        x = graph_prelu(codec->encoder, graph_conv_with(codec->encoder, x, name, &options), act);
    }
    codec->latent = x;
    x = codec->received = graph_input(codec->decoder, 8, 8, codec->channels);
    for (int i = 0; i < LAYERS; i++) {
        int up = i < 3 ? 1 : 2;
        snprintf(name, sizeof(name), "decoder.%d", i + 1);
        snprintf(act, sizeof(act), "decoder.%d.act", i + 1);
        x = graph_conv(codec->decoder, x, name, decoder_widths[i] * up * up,
                       up == 1 ? KERNEL : HALF);
        x = up == 1 ? x : graph_depth_to_space(codec->decoder, x, up);
        x = i + 1 < LAYERS ? graph_prelu(codec->decoder, x, act) : graph_sigmoid(codec->decoder, x);
    }
    codec->output = x;
    return graph_finish(codec->encoder, err) < 0 ? -1 : graph_finish(codec->decoder, err);
}

deepjscc_t *deepjscc_open(const char *path, int batch, err_t *err)
{
    deepjscc_t *codec = calloc(1, sizeof(*codec));
    if (codec == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %s", path);
        return NULL;
    }
    codec->batch = batch;
    codec->params = params_create(1, err);
    if (codec->params == NULL || import_all(codec, path, err) < 0 || build(codec, err) < 0) {
        deepjscc_close(codec);
        return NULL;
    }
    return codec;
}

void deepjscc_close(deepjscc_t *codec)
{
    if (codec != NULL) {
        graph_destroy(codec->encoder);
        graph_destroy(codec->decoder);
        params_destroy(codec->params);
        free(codec);
    }
}

size_t deepjscc_symbols(const deepjscc_t *codec)
{
    return (size_t)codec->channels / 2 * PLACES;
}

void deepjscc_encode(deepjscc_t *codec, const uint8_t *rgb, float complex *symbols)
{
    float *in = graph_data(codec->encoder, codec->picture);
    for (size_t i = 0; i < (size_t)codec->batch * PICTURE; i++) {
        in[i] = (float)rgb[i] * (1.0f / 255.0f);
    }
    graph_forward(codec->encoder);
    size_t count = deepjscc_symbols(codec);
    const float *latent = graph_data(codec->encoder, codec->latent);
    for (size_t n = 0; n < (size_t)codec->batch; n++) {
        const float *z = latent + 2 * n * count;
        double energy = 0.0;
        for (size_t i = 0; i < 2 * count; i++) {
            energy += (double)z[i] * (double)z[i];
        }
        float scale = (float)sqrt((double)count / fmax(energy, 1e-30));
        for (size_t k = 0; k < count; k++) {
            symbols[n * count + k] = CMPLXF(z[2 * k] * scale, z[2 * k + 1] * scale);
        }
    }
}

void deepjscc_decode(deepjscc_t *codec, const float complex *received, uint8_t *rgb)
{
    const float root2 = 1.41421356f; /* that code has unit power per real number */
    size_t count = deepjscc_symbols(codec) * (size_t)codec->batch;
    float *in = graph_data(codec->decoder, codec->received);
    for (size_t k = 0; k < count; k++) {
        in[2 * k] = crealf(received[k]) * root2;
        in[2 * k + 1] = cimagf(received[k]) * root2;
    }
    graph_forward(codec->decoder);
    const float *out = graph_data(codec->decoder, codec->output);
    for (size_t i = 0; i < (size_t)codec->batch * PICTURE; i++) {
        rgb[i] = (uint8_t)(out[i] * 255.0f + 0.5f); /* a sigmoid: within 0 .. 1 */
    }
}
