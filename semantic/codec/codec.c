/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec: opening weights of any kind, the arithmetic of rates, and the way to
 * the kind's own code.  The kind is told by the file's metadata "codec".
 */
#include "codec/codec.h"

#include "codec/codec_map.h"
#include "codec/codec_state.h"
#include "file.h"
#include "place.h"
#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WEIGHTS_BYTES_MAX = 256 << 20 };

static const codec_kind_t *const kinds[] = {&codec_kind_image32, &codec_kind_deka,
                                            &codec_kind_task, &codec_kind_agent};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* Without another word, the Es/N0 that a codec prepares for. */
enum { SNR_DEFAULT_DB = 10 };

static const codec_kind_t *find_kind(const char *name)
{
    for (int i = 0; name != NULL && i < KINDS; i++) {
        if (strcmp(kinds[i]->name, name) == 0) {
            return kinds[i];
        }
    }
    return NULL;
}

int codec_read_number(const safetensors_t *file, const char *key, double min, double max,
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

int codec_channels(const codec_kind_t *kind, int p)
{
    return kind->channels_first + p * kind->channels_per_rate;
}

int codec_read_power(const codec_kind_t *kind, const params_t *params, float *power, err_t *err)
{
    const param_t *tensor = params_find(params, kind->power_name);
    int channels = codec_channels(kind, kind->rate_count);
    if (tensor == NULL || tensor->count != (size_t)channels) {
        return err_set(err, ERR_FORMAT, "no tensor %s of %d numbers", kind->power_name, channels);
    }
    for (int p = 1; p <= kind->rate_count; p++) {
        int element = codec_channels(kind, p) - 1;
        power[p - 1] = tensor->value[element];
        if (!(power[p - 1] > 0.0f) || !isfinite(power[p - 1])) {
            return err_set(err, ERR_FORMAT, "tensor %s: element %d is not a positive number",
                           kind->power_name, element);
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

static int load_parsed(codec_weights_t *weights, const safetensors_t *file, const char *path,
                       err_t *err)
{
    const char *name = safetensors_note(file, "codec");
    weights->kind = find_kind(name);
    if (weights->kind == NULL) {
        return err_set(err, ERR_FORMAT, "%s: not the weights of a codec (metadata \"codec\" is %s)",
                       path, name != NULL ? name : "missing");
    }
    snprintf(weights->name, sizeof(weights->name), "%s", name);
    weights->params = params_open(path, err);
    if (weights->params == NULL) {
        return -1;
    }
    return weights->kind->open(weights, file, err) < 0 ? err_prefix(err, "%s", path) : 0;
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
    int status = load_parsed(weights, file, path, err);
    safetensors_close(file);
    return status;
}

static int attach(codec_t *codec, err_t *err)
{
    const codec_kind_t *kind = codec->weights->kind;
    return kind->attach != NULL ? kind->attach(codec, err) : 0;
}

codec_t *codec_open(const char *name_or_path, err_t *err)
{
    char path[4096];
    char file[256];
    snprintf(file, sizeof(file), "%s.safetensors", name_or_path);
    place_path(path, sizeof(path), "models", file);
    bool shipped = strchr(name_or_path, '/') == NULL && access(path, F_OK) == 0;
    if (!shipped) {
        snprintf(path, sizeof(path), "%s", name_or_path);
    }
    if (!shipped && strchr(name_or_path, '/') == NULL && access(path, F_OK) != 0) {
        char folder[4096];
        err_set(err, ERR_ARGUMENT, "there is no codec \"%s\": neither in %s nor as a file",
                name_or_path, place_path(folder, sizeof(folder), "models", ""));
        return NULL;
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
    if (load_weights(weights, path, err) < 0) {
        codec_close(codec);
        return NULL;
    }
    if (shipped) { /* several files may be of one kind */
        snprintf(weights->name, sizeof(weights->name), "%s", name_or_path);
    }
    /* A small network made now finds every missing or misshaped tensor. */
    if (attach(codec, err) < 0 || codec_network(codec, 1, 1, 1, CODEC_ENCODER, err) == NULL ||
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
    if (attach(clone, err) < 0) {
        codec_close(clone);
        return NULL;
    }
    clone->bf16 = codec->bf16;
    codec_use(clone, codec->variant);
    return clone;
}

static bool made_for_bf16(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}

static void drop_networks(codec_t *codec)
{
    for (int i = 0; i < CODEC_NETWORKS_MAX; i++) {
        codec_network_free(&codec->networks[i]);
    }
}

int codec_set_precision(codec_t *codec, codec_precision_t precision, err_t *err)
{
    bool before = codec->bf16;
    codec->bf16 = precision == CODEC_BF16 || (precision == CODEC_AUTO && made_for_bf16());
    drop_networks(codec);
    if (codec_network(codec, 1, 1, 1, CODEC_DECODER, err) == NULL) {
        codec->bf16 = before;
        return -1;
    }
    return 0;
}

codec_precision_t codec_get_precision(const codec_t *codec)
{
    return codec->bf16 ? CODEC_BF16 : CODEC_FP32;
}

void codec_weights_release(codec_weights_t *weights)
{
    if (atomic_fetch_sub(&weights->owners, 1) == 1) {
        if (weights->kind != NULL && weights->kind->close != NULL) {
            weights->kind->close(weights);
        }
        params_destroy(weights->params);
        free(weights);
    }
}

void codec_close(codec_t *codec)
{
    if (codec == NULL) {
        return;
    }
    drop_networks(codec);
    if (codec->weights->kind != NULL && codec->weights->kind->detach != NULL) {
        codec->weights->kind->detach(codec);
    }
    codec_variant_release(codec->variant);
    codec_weights_release(codec->weights);
    free(codec->mapped);
    free(codec->mapped_var);
    free(codec->mapped_in);
    free(codec);
}

/* ---- what it is ------------------------------------------------------------- */

const char *codec_name(const codec_t *codec)
{
    return codec->weights->name;
}

uint8_t codec_id_of(uint64_t hash)
{
    return (uint8_t)(1 + hash % 255);
}

uint8_t codec_id(const codec_t *codec)
{
    return codec_id_of(codec->weights->hash);
}

uint64_t codec_hash(const codec_t *codec)
{
    return codec->weights->hash;
}

int codec_rates(const codec_t *codec, const codec_rate_t **out)
{
    const codec_kind_t *kind = codec->weights->kind;
    if (out != NULL) {
        *out = kind->rates;
    }
    return kind->rate_count;
}

int codec_find_rate(const codec_t *codec, int numerator, int denominator, err_t *err)
{
    const codec_kind_t *kind = codec->weights->kind;
    for (int p = 1; p <= kind->rate_count; p++) {
        const codec_rate_t *rate = &kind->rates[p - 1];
        if ((int64_t)numerator * rate->denominator == (int64_t)rate->numerator * denominator) {
            return p;
        }
    }
    return err_set(err, ERR_ARGUMENT, "codec %s has no rate %d/%d, only %s", codec->weights->name,
                   numerator, denominator, kind->rate_list);
}

static int places(const codec_kind_t *kind, int side)
{
    return (side + kind->stride - 1) / kind->stride;
}

/* Whether the kind's networks are told a design SNR. */
static bool tells_snr(const codec_kind_t *kind)
{
    return kind->snr_max_db > kind->snr_min_db;
}

int codec_mode(const codec_t *codec, int p, double snr_db)
{
    const codec_kind_t *kind = codec->weights->kind;
    if (!tells_snr(kind)) {
        return p;
    }
    double inside = snr_db > kind->snr_min_db ? snr_db : kind->snr_min_db; /* a NaN too */
    inside = inside < kind->snr_max_db ? inside : kind->snr_max_db;
    return p + kind->rate_count * (1 + (int)lround(inside) - kind->snr_min_db);
}

int codec_mode_rate(const codec_t *codec, int mode)
{
    const codec_kind_t *kind = codec->weights->kind;
    int steps = tells_snr(kind) ? 2 + kind->snr_max_db - kind->snr_min_db : 1;
    return mode < 1 || mode > kind->rate_count * steps ? 0 : 1 + (mode - 1) % kind->rate_count;
}

double codec_mode_snr_db(const codec_t *codec, int mode)
{
    int step = (mode - 1) / codec->weights->kind->rate_count;
    return step < 1 ? SNR_DEFAULT_DB : step - 1 + codec->weights->kind->snr_min_db;
}

float codec_mode_power(const codec_t *codec, int mode)
{
    const codec_kind_t *kind = codec->weights->kind;
    int p = codec_mode_rate(codec, mode);
    if (p < 1 || !tells_snr(kind)) {
        return 1.0f;
    }
    float power =
        codec->weights->mode_power[p - 1][(int)codec_mode_snr_db(codec, mode) - kind->snr_min_db];
    return power > 0.0f ? power : 1.0f;
}

size_t codec_symbols(const codec_t *codec, int width, int height, int mode)
{
    const codec_kind_t *kind = codec->weights->kind;
    int p = codec_mode_rate(codec, mode);
    if (width < 1 || height < 1 || width > CODEC_SIDE_MAX || height > CODEC_SIDE_MAX || p < 1) {
        return 0;
    }
    return (size_t)codec_channels(kind, p) * (size_t)places(kind, width) *
           (size_t)places(kind, height);
}

float codec_scale(const codec_t *codec, int mode)
{
    int p = codec_mode_rate(codec, mode);
    return 1.0f / sqrtf(codec_power(codec)[p > 0 ? p - 1 : 0] * codec_mode_power(codec, mode));
}

/* ---- pictures ---------------------------------------------------------------- */

static int check_size(const codec_t *codec, int width, int height, int mode, err_t *err)
{
    if (codec_symbols(codec, width, height, mode) == 0) {
        return err_set(err, ERR_ARGUMENT,
                       "codec %s: %d x %d pixels in mode %d is outside 1 .. %d a side and the "
                       "codec's modes",
                       codec_name(codec), width, height, mode, CODEC_SIDE_MAX);
    }
    return 0;
}

int codec_prepare(codec_t *codec, int width, int height, int images, err_t *err)
{
    const codec_kind_t *kind = codec->weights->kind;
    if (check_size(codec, width, height, 1, err) < 0 ||
        kind->prepare(codec, width, height, images, err) < 0) {
        return -1;
    }
    size_t largest = codec_symbols(codec, width, height, kind->rate_count);
    return codec_map_prepare(codec, largest * (size_t)(images > 0 ? images : 1), err);
}

int codec_encode_batch(codec_t *codec, int images, const uint8_t *rgb, int width, int height,
                       int mode, float complex *symbols, err_t *err)
{
    return check_size(codec, width, height, mode, err) < 0
               ? -1
               : codec->weights->kind->encode(codec, images, rgb, width, height, mode, symbols,
                                              err);
}

int codec_decode_batch(codec_t *codec, int images, const float complex *symbols,
                       const float *noise_var, int width, int height, int mode, uint8_t *rgb,
                       err_t *err)
{
    const codec_kind_t *kind = codec->weights->kind;
    if (check_size(codec, width, height, mode, err) < 0) {
        return -1;
    }
    if (codec_map_wanted(codec)) {
        if (codec_map_run(codec, images, places(kind, height), places(kind, width),
                          codec_channels(kind, codec_mode_rate(codec, mode)), symbols, noise_var,
                          err) < 0) {
            return -1;
        }
        symbols = codec->mapped;
        noise_var = codec->mapped_var;
    }
    return kind->decode(codec, images, symbols, noise_var, width, height, mode, rgb, err);
}

int codec_classes(const codec_t *codec)
{
    const codec_kind_t *kind = codec->weights->kind;
    return kind->classes != NULL ? kind->classes(codec->weights) : 0;
}

int codec_classify_batch(codec_t *codec, int images, const float complex *symbols,
                         const float *noise_var, int width, int height, int mode, int *predicted,
                         float *confidence, err_t *err)
{
    const codec_kind_t *kind = codec->weights->kind;
    if (check_size(codec, width, height, mode, err) < 0) {
        return -1;
    }
    if (kind->classify == NULL) {
        return err_set(err, ERR_UNSUPPORTED, "codec %s brings pictures, no classes",
                       codec_name(codec));
    }
    if (codec_map_wanted(codec)) {
        if (codec_map_run(codec, images, 1, 1, codec_channels(kind, codec_mode_rate(codec, mode)),
                          symbols, noise_var, err) < 0) {
            return -1;
        }
        symbols = codec->mapped;
        noise_var = codec->mapped_var;
    }
    return kind->classify(codec, images, symbols, noise_var, predicted, confidence, err);
}

int codec_encode(codec_t *codec, const uint8_t *rgb, int width, int height, int mode,
                 float complex *symbols, err_t *err)
{
    return codec_encode_batch(codec, 1, rgb, width, height, mode, symbols, err);
}

int codec_decode(codec_t *codec, const float complex *symbols, const float *noise_var, int width,
                 int height, int mode, uint8_t *rgb, err_t *err)
{
    return codec_decode_batch(codec, 1, symbols, noise_var, width, height, mode, rgb, err);
}
