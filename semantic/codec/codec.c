/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening weights, and the arithmetic of rates.  What the network looks like
 * (width, numbers of blocks) is in the file's metadata, written by
 * semradio-train; the numbers are checked before a network is built on them.
 */
#include "codec/codec.h"

#include "codec/codec_state.h"
#include "file.h"
#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHTS_BYTES_MAX = 256 << 20 };

static const codec_rate_t rates[CODEC_RATES] = {{1, 12}, {1, 6}, {1, 4}, {1, 3}};

static int read_number(const safetensors_t *file, const char *key, double min, double max,
                       double *out, err_t *err)
{
    const char *text = safetensors_note(file, key);
    char *end = NULL;
    double value = text == NULL ? 0.0 : strtod(text, &end);
    if (text == NULL || end == text || *end != '\0' || !(value >= min && value <= max)) {
        return err_set(err, ERR_FORMAT, "metadata \"%s\" is %s%s%s, not a number of %g .. %g", key,
                       text != NULL ? "\"" : "", text != NULL ? text : "missing",
                       text != NULL ? "\"" : "", min, max);
    }
    *out = value;
    return 0;
}

static int read_shape(const safetensors_t *file, codec_weights_t *weights, err_t *err)
{
    double width = 0, encoder_blocks = 0, decoder_blocks = 0, bound = 0;
    const char *kind = safetensors_note(file, "codec");
    if (kind == NULL || strcmp(kind, "image32") != 0) {
        return err_set(err, ERR_FORMAT,
                       "not the weights of an image32 codec (metadata \"codec\" "
                       "is %s)",
                       kind != NULL ? kind : "missing");
    }
    if (read_number(file, "width", 8, 512, &width, err) < 0 ||
        read_number(file, "encoder_blocks", 0, 32, &encoder_blocks, err) < 0 ||
        read_number(file, "decoder_blocks", 0, 32, &decoder_blocks, err) < 0 ||
        read_number(file, "bound", 0.1, 100.0, &bound, err) < 0) {
        return -1;
    }
    weights->shape =
        (codec_shape_t){(int)width, (int)encoder_blocks, (int)decoder_blocks, (float)bound};
    snprintf(weights->name, sizeof(weights->name), "%s", kind);
    return 0;
}

static int read_power(codec_weights_t *weights, err_t *err)
{
    const param_t *power = params_find(weights->params, CODEC_POWER_NAME);
    if (power == NULL || power->count != CODEC_CHANNELS) {
        return err_set(err, ERR_FORMAT, "no tensor %s of %d numbers", CODEC_POWER_NAME,
                       CODEC_CHANNELS);
    }
    for (int p = 1; p <= CODEC_RATES; p++) {
        weights->power[p - 1] = power->value[p * CODEC_CHANNELS_PER_RATE - 1];
        if (!(weights->power[p - 1] > 0.0f) || !isfinite(weights->power[p - 1])) {
            return err_set(err, ERR_FORMAT, "tensor %s: element %d is not a positive number",
                           CODEC_POWER_NAME, p * CODEC_CHANNELS_PER_RATE - 1);
        }
    }
    return 0;
}

static uint64_t hash_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a */
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001b3ULL;
    }
    return hash;
}

static int load_weights(codec_weights_t *weights, const char *path, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (file_read_all(path, WEIGHTS_BYTES_MAX, &bytes, &size, err) < 0) {
        return -1;
    }
    safetensors_t *file = safetensors_parse(bytes, size, path, err);
    weights->hash = hash_bytes(bytes, size);
    free(bytes);
    if (file == NULL) {
        return -1;
    }
    int status = read_shape(file, weights, err) < 0 ? err_prefix(err, "%s", path) : 0;
    safetensors_close(file);
    if (status == 0) {
        weights->params = params_open(path, err);
        status = weights->params == NULL ? -1 : 0;
    }
    if (status == 0 && read_power(weights, err) < 0) {
        status = err_prefix(err, "%s", path);
    }
    return status;
}

codec_t *codec_open(const char *name_or_path, err_t *err)
{
    const char *path = name_or_path;
    if (strcmp(name_or_path, "image32") == 0) {
        path = SEMRADIO_MODELS_DIR "/image32.safetensors";
    }
    codec_t *codec = calloc(1, sizeof(*codec));
    codec_weights_t *weights = calloc(1, sizeof(*weights));
    if (codec == NULL || weights == NULL) {
        free(codec);
        free(weights);
        err_set(err, ERR_MEMORY, "no memory for codec %s", name_or_path);
        return NULL;
    }
    codec->weights = weights;
    atomic_init(&weights->owners, 1);
    /* A small network made now finds every missing or misshaped tensor. */
    if (load_weights(weights, path, err) < 0) {
        codec_close(codec);
        return NULL;
    }
    if (codec_network(codec, 1, 1, 1, CODEC_ENCODER, err) == NULL ||
        codec_network(codec, 1, 1, 1, CODEC_DECODER, err) == NULL) {
        err_prefix(err, "%s", path);
        codec_close(codec);
        return NULL;
    }
    return codec;
}

codec_t *codec_clone(const codec_t *codec, err_t *err)
{
    codec_t *clone = calloc(1, sizeof(*clone));
    if (clone == NULL) {
        err_set(err, ERR_MEMORY, "no memory for codec %s", codec->weights->name);
        return NULL;
    }
    clone->weights = codec->weights;
    atomic_fetch_add(&clone->weights->owners, 1);
    return clone;
}

void codec_close(codec_t *codec)
{
    if (codec == NULL) {
        return;
    }
    for (int i = 0; i < CODEC_NETWORKS_MAX; i++) {
        codec_network_free(&codec->networks[i]);
    }
    if (atomic_fetch_sub(&codec->weights->owners, 1) == 1) {
        params_destroy(codec->weights->params);
        free(codec->weights);
    }
    free(codec);
}

const char *codec_name(const codec_t *codec)
{
    return codec->weights->name;
}

uint8_t codec_id(const codec_t *codec)
{
    return (uint8_t)(1 + codec->weights->hash % 255);
}

uint64_t codec_hash(const codec_t *codec)
{
    return codec->weights->hash;
}

int codec_rates(const codec_t *codec, const codec_rate_t **out)
{
    (void)codec;
    if (out != NULL) {
        *out = rates;
    }
    return CODEC_RATES;
}

int codec_find_rate(const codec_t *codec, int numerator, int denominator, err_t *err)
{
    for (int p = 1; p <= CODEC_RATES; p++) {
        if ((int64_t)numerator * rates[p - 1].denominator ==
            (int64_t)rates[p - 1].numerator * denominator) {
            return p;
        }
    }
    return err_set(err, ERR_ARGUMENT, "codec %s has no rate %d/%d, only 1/12, 1/6, 1/4, 1/3",
                   codec->weights->name, numerator, denominator);
}

size_t codec_symbols(const codec_t *codec, int width, int height, int p)
{
    (void)codec;
    if (width < 1 || height < 1 || width > CODEC_SIDE_MAX || height > CODEC_SIDE_MAX || p < 1 ||
        p > CODEC_RATES) {
        return 0;
    }
    return (size_t)(p * CODEC_CHANNELS_PER_RATE) * (size_t)codec_places(width) *
           (size_t)codec_places(height);
}

float codec_scale(const codec_t *codec, int p)
{
    return 1.0f / sqrtf(codec->weights->power[p - 1]);
}
