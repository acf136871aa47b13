/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/latents.h"

#include "encoder/encoder.h"
#include "images/dataset.h"
#include "safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENCODERS_MAX = 32, NAME_MAX_LENGTH = 64, PICTURE_BYTES = ENCODER_SIDE * ENCODER_SIDE * 3, CHUNK = 256 };

typedef struct {
    char name[NAME_MAX_LENGTH], tensor[3][NAME_MAX_LENGTH + 8];
    encoder_t *encoder;
    float *latent; /* [d][n] */
} source_t;

typedef struct {
    source_t source[ENCODERS_MAX];
    int sources;
    uint8_t *pictures;
    float *labels, *chunk;
    size_t count;
} latents_t;

static int read_pictures(latents_t *l, const dataset_t *set, size_t first, err_t *err)
{
    image_t picture = IMAGE_EMPTY;
    int status = 0;
    for (size_t i = 0; i < l->count && status == 0; i++) {
        int label = DATASET_NO_LABEL;
        status = dataset_get(set, first + i, &picture, &label, err);
        if (status == 0 && image_bytes(&picture) != PICTURE_BYTES) {
            status = err_set(err, ERR_ARGUMENT, "%s: pictures are not 32 x 32", dataset_name(set));
        }
        if (status == 0) {
            memcpy(l->pictures + i * PICTURE_BYTES, picture.rgb, PICTURE_BYTES);
            l->labels[i] = (float)label;
        }
    }
    image_free(&picture);
    return status;
}

static int open_pictures(latents_t *l, const options_t *o, err_t *err)
{
    dataset_t *set = dataset_open(options_string(o, "latents.data"), err);
    if (set == NULL) {
        return -1;
    }
    size_t all = dataset_count(set), first = (size_t)options_int(o, "latents.first");
    size_t wanted = (size_t)options_int(o, "latents.pictures");
    int status = 0;
    if (first >= all || (wanted > 0 && wanted > all - first)) {
        status = err_set(err, ERR_ARGUMENT, "%s has %zu pictures: not %zu from number %zu", dataset_name(set),
                         all, wanted, first);
    } else {
        l->count = wanted > 0 ? wanted : all - first;
        l->pictures = malloc(l->count * PICTURE_BYTES);
        l->labels = calloc(l->count, sizeof(*l->labels));
        l->chunk = calloc((size_t)CHUNK * ENCODER_FEATURES_MAX, sizeof(*l->chunk));
        status = l->pictures == NULL || l->labels == NULL || l->chunk == NULL
                     ? err_set(err, ERR_MEMORY, "no memory for %zu pictures", l->count)
                     : read_pictures(l, set, first, err);
    }
    dataset_close(set);
    return status;
}

/* "a/encoder-x.safetensors" -> "x" */
static void short_name(const char *path, char *name)
{
    const char *slash = strrchr(path, '/');
    const char *at = slash != NULL ? slash + 1 : path;
    at += strncmp(at, "encoder-", 8) == 0 ? 8 : 0;
    snprintf(name, NAME_MAX_LENGTH, "%s", at);
    char *dot = strstr(name, ".safetensors");
    if (dot != NULL) {
        *dot = '\0';
    }
}

static int encode(latents_t *l, source_t *s, err_t *err)
{
    size_t d = (size_t)encoder_shape(s->encoder)->features;
    s->latent = malloc(d * l->count * sizeof(*s->latent));
    if (s->latent == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu latents", l->count);
    }
    for (size_t first = 0; first < l->count; first += CHUNK) {
        size_t held = l->count - first < CHUNK ? l->count - first : CHUNK;
        encoder_encode(s->encoder, l->pictures + first * PICTURE_BYTES, (int)held, l->chunk, NULL);
        for (size_t i = 0; i < held; i++) {
            for (size_t j = 0; j < d; j++) {
                s->latent[j * l->count + first + i] = l->chunk[i * d + j];
            }
        }
    }
    return 0;
}

static int open_sources(latents_t *l, const char *list, err_t *err)
{
    char text[4096];
    snprintf(text, sizeof(text), "%s", list);
    char *rest = NULL;
    for (char *word = strtok_r(text, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
        source_t *s = &l->source[l->sources];
        if (l->sources == ENCODERS_MAX) {
            return err_set(err, ERR_ARGUMENT, "more than %d encoders", ENCODERS_MAX);
        }
        short_name(word, s->name);
        s->encoder = encoder_open(word, err);
        if (s->encoder == NULL) {
            return -1;
        }
        l->sources++;
        if (encode(l, s, err) < 0) {
            return -1;
        }
    }
    return l->sources > 0 ? 0 : err_set(err, ERR_ARGUMENT, "latents.encoders names none");
}

static int write_file(const latents_t *l, const options_t *o, err_t *err)
{
    safetensors_tensor_t tensors[3 * ENCODERS_MAX + 1];
    int count = 0;
    for (int i = 0; i < l->sources; i++) {
        source_t *s = (source_t *)&l->source[i];
        const float *weight, *bias;
        size_t d = (size_t)encoder_shape(s->encoder)->features;
        encoder_head(s->encoder, &weight, &bias);
        snprintf(s->tensor[0], sizeof(s->tensor[0]), "latent.%s", s->name);
        snprintf(s->tensor[1], sizeof(s->tensor[1]), "weight.%s", s->name);
        snprintf(s->tensor[2], sizeof(s->tensor[2]), "bias.%s", s->name);
        tensors[count++] = (safetensors_tensor_t){.name = s->tensor[0], .dtype = SAFETENSORS_F32, .rank = 2,
            .shape = {(int64_t)d, (int64_t)l->count}, .count = d * l->count, .data = s->latent};
        tensors[count++] = (safetensors_tensor_t){.name = s->tensor[1], .dtype = SAFETENSORS_F32, .rank = 2,
            .shape = {ENCODER_CLASSES, (int64_t)d}, .count = d * ENCODER_CLASSES, .data = weight};
        tensors[count++] = (safetensors_tensor_t){.name = s->tensor[2], .dtype = SAFETENSORS_F32, .rank = 1,
            .shape = {ENCODER_CLASSES}, .count = ENCODER_CLASSES, .data = bias};
    }
    tensors[count++] = (safetensors_tensor_t){.name = "labels", .dtype = SAFETENSORS_F32, .rank = 1,
        .shape = {(int64_t)l->count}, .count = l->count, .data = l->labels};
    const char *keys[] = {"data", "first"};
    const char *values[] = {options_string(o, "latents.data"), options_text(o, "latents.first")};
    return safetensors_write(options_string(o, "latents.out"), tensors, count, keys, values, 2, err);
}

int latents_command(const options_t *options, err_t *err)
{
    latents_t *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for latents");
    }
    int status = open_pictures(l, options, err) < 0 ||
                         open_sources(l, options_string(options, "latents.encoders"), err) < 0 ||
                         write_file(l, options, err) < 0
                     ? -1
                     : 0;
    if (status == 0) {
        printf("%s: %zu latents of %d encoder%s\n", options_string(options, "latents.out"), l->count,
               l->sources, l->sources == 1 ? "" : "s");
    }
    for (int i = 0; i < ENCODERS_MAX; i++) {
        encoder_close(l->source[i].encoder);
        free(l->source[i].latent);
    }
    free(l->pictures);
    free(l->labels);
    free(l->chunk);
    free(l);
    return status;
}
