/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * task as a kind of codec: pictures of at most 32x32 pixels to symbols, symbols to a class
 * (task_net.h).  There is no picture at the far end.  The number of symbols and classes is the
 * weights file's, so each file has a kind of its own, in `detail`.
 */
#include "codec/codec_state.h"
#include "codec/task_net.h"

#include "cmplx.h"
#include "nn/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_MAX = 32, PIXELS = TASK_SIDE * TASK_SIDE * 3 };

typedef struct {
    task_shape_t shape;
    codec_kind_t kind; /* codec_kind_task with this file's rate */
    codec_rate_t rate;
    char rate_list[16];
} detail_t;

static const task_shape_t *shape_of(const codec_weights_t *weights)
{
    return &((const detail_t *)weights->detail)->shape;
}

/* ---- opening ------------------------------------------------------------------ */

static const char *note_of(const safetensors_t *file, const char *key)
{
    const char *text = safetensors_note(file, key);
    return text != NULL ? text : "";
}

static void set_rate(detail_t *detail, int symbols)
{
    int n = TASK_SIDE * TASK_SIDE * 3, k = symbols;
    while (k % 2 == 0 && n % 2 == 0) {
        k /= 2;
        n /= 2;
    }
    if (k % 3 == 0 && n % 3 == 0) {
        k /= 3;
        n /= 3;
    }
    detail->rate = (codec_rate_t){k, n};
    snprintf(detail->rate_list, sizeof(detail->rate_list), "%d/%d", k, n);
    detail->kind = codec_kind_task;
    detail->kind.rates = &detail->rate;
    detail->kind.rate_list = detail->rate_list;
    detail->kind.channels_per_rate = symbols;
}

static int open_weights(codec_weights_t *weights, const safetensors_t *file, err_t *err)
{
    double features = 0, classes = 0, kept = 0, quantised = 0;
    detail_t *detail = calloc(1, sizeof(*detail));
    if (detail == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the codec");
    }
    weights->detail = detail;
    task_shape_t *shape = &detail->shape;
    if (task_shape_parse(shape, note_of(file, "widths"), note_of(file, "depths"), err) < 0 ||
        codec_read_number(file, "features", 4, 2048, &features, err) < 0 ||
        codec_read_number(file, "classes", 2, TASK_CLASSES_MAX, &classes, err) < 0 ||
        codec_read_number(file, "kept", 2, 24, &kept, err) < 0 ||
        codec_read_number(file, "quantised", 0, 1, &quantised, err) < 0) {
        return -1;
    }
    shape->features = (int)features;
    shape->classes = (int)classes;
    shape->kept = (int)kept;
    shape->quantised = quantised > 0.5;
    if (shape->kept % 2 != 0) {
        return err_set(err, ERR_FORMAT, "metadata \"kept\" is %d, not even", shape->kept);
    }
    set_rate(detail, task_shape_symbols(shape));
    weights->kind = &detail->kind;
    return codec_read_power(weights->kind, weights->params, weights->power, err);
}

static void close_weights(codec_weights_t *weights)
{
    free(weights->detail);
}

static void build(const codec_weights_t *weights, codec_network_t *network, codec_half_t half,
                  graph_t *graph)
{
    const task_shape_t *shape = shape_of(weights);
    if (half == CODEC_ENCODER) {
        network->nodes.image = graph_input(graph, TASK_SIDE, TASK_SIDE, 3);
        network->nodes.mode = graph_input(graph, 1, 1, 1);
        node_t h = task_net_encoder(graph, network->nodes.image, shape);
        network->nodes.symbols = task_net_sender(graph, h, network->nodes.mode, shape);
    } else {
        network->soft = graph_input(graph, 1, 1, 3 * task_shape_symbols(shape));
        node_t h = task_net_receiver(graph, network->soft, shape);
        network->picture = task_net_head(graph, h, shape);
    }
}

/* ---- pictures -------------------------------------------------------------------- */

static int check_side(const codec_t *codec, int width, int height, err_t *err)
{
    return width <= TASK_SIDE && height <= TASK_SIDE
               ? 0
               : err_set(err, ERR_ARGUMENT, "codec %s takes pictures up to %d x %d, not %d x %d",
                         codec_name(codec), TASK_SIDE, TASK_SIDE, width, height);
}

static int chunk(int images)
{
    int size = 1;
    while (2 * size <= images && 2 * size <= BATCH_MAX) {
        size *= 2;
    }
    return size;
}

static int prepare(codec_t *codec, int width, int height, int images, err_t *err)
{
    if (check_side(codec, width, height, err) < 0) {
        return -1;
    }
    for (int batch = chunk(images); batch >= 1; batch /= 2) {
        if (codec_network(codec, 1, 1, batch, CODEC_ENCODER, err) == NULL ||
            codec_network(codec, 1, 1, batch, CODEC_DECODER, err) == NULL) {
            return -1;
        }
    }
    return 0;
}

/* Edges are repeated up to 32 x 32. */
static void put_picture(const uint8_t *rgb, int width, int height, float *out)
{
    for (int y = 0; y < TASK_SIDE; y++) {
        const uint8_t *row = rgb + (size_t)(y < height ? y : height - 1) * (size_t)width * 3;
        for (int x = 0; x < TASK_SIDE; x++) {
            const uint8_t *pixel = row + 3 * (x < width ? x : width - 1);
            for (int c = 0; c < 3; c++) {
                *out++ = (float)pixel[c] * (1.0f / 255.0f);
            }
        }
    }
}

static int encode(codec_t *codec, int images, const uint8_t *rgb, int width, int height, int mode,
                  float complex *symbols, err_t *err)
{
    size_t bytes = (size_t)width * (size_t)height * 3;
    int count = task_shape_symbols(shape_of(codec->weights));
    float snr = task_net_snr(codec_mode_snr_db(codec, mode));
    if (check_side(codec, width, height, err) < 0) {
        return -1;
    }
    for (int done = 0, batch; done < images; done += batch) {
        batch = chunk(images - done);
        codec_network_t *network = codec_network(codec, 1, 1, batch, CODEC_ENCODER, err);
        if (network == NULL) {
            return -1;
        }
        for (int n = 0; n < batch; n++) {
            put_picture(rgb + (size_t)(done + n) * bytes, width, height,
                        graph_data(network->encoder, network->nodes.image) + n * PIXELS);
            graph_data(network->encoder, network->nodes.mode)[n] = snr;
        }
        graph_forward(network->encoder);
        const float *s = graph_data(network->encoder, network->nodes.symbols);
        float complex *out = symbols + (size_t)done * (size_t)count;
        for (int k = 0; k < batch * count; k++) {
            out[k] = CMPLXF(s[2 * k], s[2 * k + 1]);
        }
    }
    return 0;
}

/* What is not there or not sane is lost: 0 with variance 1. */
static void put_symbols(const float complex *symbols, const float *noise_var, int count, float *out)
{
    for (int k = 0; k < count; k++) {
        bool sane = noise_var[k] >= 0.0f && noise_var[k] <= 1.0f && isfinite(crealf(symbols[k])) &&
                    isfinite(cimagf(symbols[k]));
        out[2 * k] = sane ? crealf(symbols[k]) : 0.0f;
        out[2 * k + 1] = sane ? cimagf(symbols[k]) : 0.0f;
        out[2 * count + k] = sane ? noise_var[k] : 1.0f;
    }
}

/* The largest logit, and its share under softmax. */
static int choose(const float *logits, int classes, float *confidence)
{
    int best = vector_argmax(logits, classes);
    double sum = 0.0;
    for (int k = 0; k < classes; k++) {
        sum += exp((double)(logits[k] - logits[best]));
    }
    *confidence = (float)(1.0 / sum);
    return best;
}

static int classify(codec_t *codec, int images, const float complex *symbols,
                    const float *noise_var, int *predicted, float *confidence, err_t *err)
{
    const task_shape_t *shape = shape_of(codec->weights);
    int count = task_shape_symbols(shape);
    for (int done = 0, batch; done < images; done += batch) {
        batch = chunk(images - done);
        codec_network_t *network = codec_network(codec, 1, 1, batch, CODEC_DECODER, err);
        if (network == NULL) {
            return -1;
        }
        for (int n = 0; n < batch; n++) {
            size_t at = (size_t)(done + n) * (size_t)count;
            put_symbols(symbols + at, noise_var + at, count,
                        graph_data(network->decoder, network->soft) + n * 3 * count);
        }
        graph_forward(network->decoder);
        const float *logits = graph_data(network->decoder, network->picture);
        for (int n = 0; n < batch; n++) {
            predicted[done + n] =
                choose(logits + n * shape->classes, shape->classes, &confidence[done + n]);
        }
    }
    return 0;
}

static int classes(const codec_weights_t *weights)
{
    return shape_of(weights)->classes;
}

static int decode(codec_t *codec, int images, const float complex *symbols, const float *noise_var,
                  int width, int height, int mode, uint8_t *rgb, err_t *err)
{
    (void)images, (void)symbols, (void)noise_var, (void)width, (void)height, (void)mode, (void)rgb;
    return err_set(err, ERR_UNSUPPORTED, "codec %s brings classes, no pictures", codec_name(codec));
}

const codec_kind_t codec_kind_task = {
    .name = "task",
    .rate_count = 1,
    .snr_min_db = TASK_SNR_MIN_DB,
    .snr_max_db = TASK_SNR_MAX_DB,
    .stride = TASK_SIDE,
    .power_name = TASK_POWER_NAME,
    .open = open_weights,
    .close = close_weights,
    .build = build,
    .prepare = prepare,
    .encode = encode,
    .decode = decode,
    .classify = classify,
    .classes = classes,
};
