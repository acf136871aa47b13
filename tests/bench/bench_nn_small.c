/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The small codec: the public DeepJSCC network of 156,252 weights
 * (semantic/codec/deepjscc.h), here with untrained weights and for any size.
 * A transposed convolution of stride 2 is a 3x3 convolution to four times the
 * channels and depth_to_space (semantic/codec/deepjscc.c); of the 36 weights for
 * the 25 of a 5x5 kernel eleven start at 0.
 */
#include "bench_nn_side.h"
#include "cmplx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LAYERS = 5, KERNEL = 5, HALF = 3 };

static const int encoder_widths[LAYERS] = {16, 32, 32, 32, 2 * NN_CHANNELS}; /* outputs */
static const int decoder_widths[LAYERS] = {32, 32, 32, 16, 3};

node_t nn_small_encoder(graph_t *graph, node_t x)
{
    char name[32], act[32];
    for (int i = 0; i < LAYERS; i++) {
        conv_options_t options = {
            .out_channels = encoder_widths[i], .kernel = KERNEL, .stride = i < 2 ? 2 : 1};
        snprintf(name, sizeof(name), "encoder.%d", i + 1);
        snprintf(act, sizeof(act), "encoder.%d.act", i + 1);
        x = graph_prelu(graph, graph_conv_with(graph, x, name, &options), act);
    }
    return x;
}

node_t nn_small_decoder(graph_t *graph, node_t x)
{
    char name[32], act[32];
    for (int i = 0; i < LAYERS; i++) {
        int up = i < 3 ? 1 : 2;
        snprintf(name, sizeof(name), "decoder.%d", i + 1);
        snprintf(act, sizeof(act), "decoder.%d.act", i + 1);
        x = graph_conv(graph, x, name, decoder_widths[i] * up * up, up == 1 ? KERNEL : HALF);
        x = up == 1 ? x : graph_depth_to_space(graph, x, up);
        x = i + 1 < LAYERS ? graph_prelu(graph, x, act) : graph_sigmoid(graph, x);
    }
    return x;
}

/* Output parity (ry, rx) has no tap where the 5x5 kernel ends: row 0 and column 0 of the odd. */
static void clear_missing(param_t *weight)
{
    size_t inputs = (size_t)weight->shape[1];
    for (size_t o = 0; o < (size_t)weight->shape[0]; o++) {
        for (size_t i = 0; i < inputs; i++) {
            for (size_t t = 0; t < HALF * HALF; t++) {
                if ((t / HALF == 0 && o / 2 % 2 == 1) || (t % HALF == 0 && o % 2 == 1)) {
                    weight->value[(o * inputs + i) * HALF * HALF + t] = 0.0f;
                }
            }
        }
    }
}

int nn_small_write(params_t *params, const char *path, err_t *err)
{
    param_t *up[2] = {params_find(params, "decoder.4.weight"),
                      params_find(params, "decoder.5.weight")};
    for (int i = 0; i < 2 && up[i] != NULL; i++) {
        clear_missing(up[i]);
    }
    params_changed(params);
    return params_save(params, path, "", NULL, NULL, 0, err);
}

/* ---- inference --------------------------------------------------------------- */

typedef struct {
    nn_job_t job;
    const nn_data_t *data;
    params_t *params;
    graph_t *encoder, *decoder;
    node_t picture, latent, received, reconstruction;
    float complex *symbols;
    uint8_t *rgb;
} small_t;

static void destroy(void *work)
{
    small_t *w = work;
    if (w != NULL) {
        graph_destroy(w->encoder);
        graph_destroy(w->decoder);
        params_destroy(w->params);
        free(w->symbols);
        free(w->rgb);
        free(w);
    }
}

static int build(small_t *w, nn_data_t *data, err_t *err)
{
    int side = w->job.side, places = side / NN_STRIDE;
    w->params = params_create(1, err);
    if (w->params == NULL) {
        return -1;
    }
    w->encoder = graph_create(w->params, GRAPH_INFER, w->job.images, 1, err);
    w->decoder = graph_create(w->params, GRAPH_INFER, w->job.images, 1, err);
    if (w->encoder == NULL || w->decoder == NULL) {
        return -1;
    }
    w->picture = graph_input(w->encoder, side, side, 3);
    w->latent = nn_small_encoder(w->encoder, w->picture);
    w->received = graph_input(w->decoder, places, places, 2 * NN_CHANNELS);
    w->reconstruction = nn_small_decoder(w->decoder, w->received);
    if (graph_finish(w->encoder, err) < 0 || graph_finish(w->decoder, err) < 0) {
        return -1;
    }
    snprintf(data->weights, sizeof(data->weights), "%s/small.safetensors", data->folder);
    return nn_small_write(w->params, data->weights, err);
}

static void *create(const nn_job_t *job, nn_data_t *data, err_t *err)
{
    small_t *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    w->job = *job;
    w->data = data;
    w->symbols = calloc((size_t)job->images * data->symbols, sizeof(*w->symbols));
    w->rgb = calloc((size_t)(job->images * job->side * job->side), 3);
    if (w->symbols == NULL || w->rgb == NULL || build(w, data, err) < 0) {
        destroy(w);
        return NULL;
    }
    return w;
}

static size_t bytes(const small_t *w)
{
    return (size_t)(w->job.images * w->job.side * w->job.side) * 3;
}

static void encode(small_t *w)
{
    float *in = graph_data(w->encoder, w->picture);
    for (size_t i = 0; i < bytes(w); i++) {
        in[i] = (float)w->data->pictures[i] * (1.0f / 255.0f);
    }
    graph_forward(w->encoder);
    size_t count = w->data->symbols;
    for (size_t n = 0; n < (size_t)w->job.images; n++) {
        const float *z = graph_data(w->encoder, w->latent) + 2 * n * count;
        double energy = 0.0;
        for (size_t i = 0; i < 2 * count; i++) {
            energy += (double)z[i] * (double)z[i];
        }
        float scale = (float)sqrt((double)count / fmax(energy, 1e-30));
        for (size_t k = 0; k < count; k++) {
            w->symbols[n * count + k] = CMPLXF(z[2 * k] * scale, z[2 * k + 1] * scale);
        }
    }
}

static void decode(small_t *w)
{
    const float root2 = 1.41421356f;
    float *in = graph_data(w->decoder, w->received);
    for (size_t k = 0; k < (size_t)w->job.images * w->data->symbols; k++) {
        in[2 * k] = crealf(w->data->received[k]) * root2;
        in[2 * k + 1] = cimagf(w->data->received[k]) * root2;
    }
    graph_forward(w->decoder);
    const float *out = graph_data(w->decoder, w->reconstruction);
    for (size_t i = 0; i < bytes(w); i++) {
        w->rgb[i] = (uint8_t)(out[i] * 255.0f + 0.5f);
    }
}

static void run(void *work)
{
    small_t *w = work;
    if (w->job.task == NN_ENCODE) {
        encode(w);
    } else {
        decode(w);
    }
}

static void output(void *work, float *out)
{
    const small_t *w = work;
    for (size_t i = 0; w->job.task == NN_DECODE && i < bytes(w); i++) {
        out[i] = (float)w->rgb[i];
    }
    for (size_t k = 0; w->job.task == NN_ENCODE && k < (size_t)w->job.images * w->data->symbols;
         k++) {
        out[2 * k] = crealf(w->symbols[k]);
        out[2 * k + 1] = cimagf(w->symbols[k]);
    }
}

const nn_side_t nn_small = {.create = create, .destroy = destroy, .run = run, .output = output};
