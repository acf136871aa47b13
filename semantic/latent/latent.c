/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening weights.  What our own network looks like is in the file's metadata, written by
 * semradio-train; an AutoencoderKL shows it in its tensors.  Either way a small network made at
 * opening finds every tensor that is missing or has another shape.
 */
#include "latent/latent.h"

#include "file.h"
#include "latent/latent_state.h"
#include "place.h"
#include "safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHTS_BYTES_MAX ((size_t)2 << 30)

static int read_number(const safetensors_t *file, const char *key, int min, int max, int *out,
                       err_t *err)
{
    const char *text = safetensors_note(file, key);
    char *end = NULL;
    long value = text == NULL ? 0 : strtol(text, &end, 10);
    if (text == NULL || end == text || *end != '\0' || value < min || value > max) {
        return err_set(err, ERR_FORMAT, "metadata \"%s\" is %s%s%s, not a number of %d .. %d", key,
                       text != NULL ? "\"" : "", text != NULL ? text : "missing",
                       text != NULL ? "\"" : "", min, max);
    }
    *out = (int)value;
    return 0;
}

static int check_variance(const params_t *params, err_t *err)
{
    const param_t *variance = params_find(params, LATENT_NET_VARIANCE);
    if (variance == NULL || variance->count != LATENT_NET_CHANNELS) {
        return err_set(err, ERR_FORMAT, "no tensor %s of %d numbers", LATENT_NET_VARIANCE,
                       LATENT_NET_CHANNELS);
    }
    for (size_t c = 0; c < variance->count; c++) {
        if (!(variance->value[c] > 0.0f)) {
            return err_set(err, ERR_FORMAT, "tensor %s: element %zu is not a positive number",
                           LATENT_NET_VARIANCE, c);
        }
    }
    return 0;
}

static int check_finite(const params_t *params, err_t *err)
{
    for (int i = 0; i < params_count(params); i++) {
        const param_t *param = params_at(params, i);
        for (size_t k = 0; k < param->count; k++) {
            if (!isfinite(param->value[k])) {
                return err_set(err, ERR_FORMAT, "tensor %s: element %zu is not finite", param->name,
                               k);
            }
        }
    }
    return 0;
}

static int load_own(latent_weights_t *weights, const safetensors_t *file, const char *path,
                    err_t *err)
{
    latent_net_shape_t *shape = &weights->own;
    if (read_number(file, "width", 8, 512, &shape->width, err) < 0 ||
        read_number(file, "encoder_blocks", 0, 32, &shape->encoder_blocks, err) < 0 ||
        read_number(file, "decoder_blocks", 0, 32, &shape->decoder_blocks, err) < 0) {
        return err_prefix(err, "%s", path);
    }
    weights->kind = LATENT_OWN;
    weights->stride = LATENT_NET_STRIDE;
    weights->channels = LATENT_NET_CHANNELS;
    weights->side_max = LATENT_SIDE_MAX;
    weights->networks_max = LATENT_NETWORKS_MAX;
    weights->params = params_open(path, err);
    if (weights->params == NULL) {
        return -1;
    }
    if (check_finite(weights->params, err) < 0 || check_variance(weights->params, err) < 0) {
        return err_prefix(err, "%s", path);
    }
    return 0;
}

static int load_kl(latent_weights_t *weights, const safetensors_t *file, const char *path,
                   err_t *err)
{
    weights->params = params_create(1, err);
    if (weights->params == NULL ||
        autoencoder_kl_import(file, path, weights->params, &weights->kl, err) < 0 ||
        check_finite(weights->params, err) < 0) {
        return err_prefix(err, "%s", path);
    }
    weights->kind = LATENT_AUTOENCODER_KL;
    weights->stride = 1 << (weights->kl.levels - 1);
    weights->channels = weights->kl.channels;
    weights->side_max = AUTOENCODER_KL_SIDE_MAX;
    weights->networks_max = 2;
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

static int load_weights(latent_weights_t *weights, const char *path, err_t *err)
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
    const char *kind = safetensors_note(file, "latent");
    int status;
    if (kind != NULL && strcmp(kind, "blocks8") == 0) {
        status = load_own(weights, file, path, err);
    } else if (kind == NULL && autoencoder_kl_matches(file)) {
        status = load_kl(weights, file, path, err);
    } else {
        status = err_set(err, ERR_FORMAT,
                         "%s: neither the weights of a latent codec (metadata \"latent\" is %s) "
                         "nor an AutoencoderKL (tensors encoder.conv_in and decoder.conv_in)",
                         path, kind != NULL ? kind : "missing");
    }
    safetensors_close(file);
    return status;
}

latent_t *latent_open(const char *name_or_path, err_t *err)
{
    char place[4096];
    const char *path = name_or_path;
    if (strcmp(name_or_path, "latent") == 0) {
        path = place_path(place, sizeof(place), "models", "latent.safetensors");
    }
    latent_t *latent = calloc(1, sizeof(*latent));
    latent_weights_t *weights = calloc(1, sizeof(*weights));
    if (latent == NULL || weights == NULL) {
        free(latent);
        free(weights);
        err_set(err, ERR_MEMORY, "no memory for latent codec %s", name_or_path);
        return NULL;
    }
    latent->weights = weights;
    atomic_init(&weights->owners, 1);
    if (load_weights(weights, path, err) < 0) {
        latent_close(latent);
        return NULL;
    }
    if (latent_prepare(latent, 1, 1, err) < 0) {
        err_prefix(err, "%s", path);
        latent_close(latent);
        return NULL;
    }
    return latent;
}

latent_t *latent_clone(const latent_t *latent, err_t *err)
{
    latent_t *clone = calloc(1, sizeof(*clone));
    if (clone == NULL) {
        err_set(err, ERR_MEMORY, "no memory for another latent codec");
        return NULL;
    }
    clone->weights = latent->weights;
    atomic_fetch_add(&clone->weights->owners, 1);
    return clone;
}

void latent_close(latent_t *latent)
{
    if (latent == NULL) {
        return;
    }
    for (int i = 0; i < LATENT_NETWORKS_MAX; i++) {
        latent_network_free(&latent->networks[i]);
    }
    if (atomic_fetch_sub(&latent->weights->owners, 1) == 1) {
        params_destroy(latent->weights->params);
        free(latent->weights);
    }
    free(latent);
}

const char *latent_name(const latent_t *latent)
{
    return latent->weights->kind == LATENT_OWN ? "latent" : "AutoencoderKL";
}

uint64_t latent_hash(const latent_t *latent)
{
    return latent->weights->hash;
}

int latent_stride(const latent_t *latent)
{
    return latent->weights->stride;
}

int latent_channels(const latent_t *latent)
{
    return latent->weights->channels;
}

int latent_side_max(const latent_t *latent)
{
    return latent->weights->side_max;
}

int latent_places(const latent_t *latent, int side)
{
    return side / latent->weights->stride + (side % latent->weights->stride != 0);
}

size_t latent_count(const latent_t *latent, int width, int height)
{
    int max = latent->weights->side_max;
    if (width < 1 || height < 1 || width > max || height > max) {
        return 0;
    }
    return (size_t)latent_places(latent, width) * (size_t)latent_places(latent, height) *
           (size_t)latent->weights->channels;
}
