/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/latents_writer.h"

#include "encoder/encoder.h"
#include "images/dataset.h"
#include "safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LENGTH = 128, PICTURE_BYTES = ENCODER_SIDE * ENCODER_SIDE * 3, CHUNK = 256 };

typedef struct {
    uint8_t *rgb;
    float *labels;
    size_t count;
} pictures_t;

static int read_pictures(pictures_t *p, const dataset_t *set, size_t first, err_t *err)
{
    image_t picture = IMAGE_EMPTY;
    int status = 0;
    for (size_t i = 0; i < p->count && status == 0; i++) {
        int label = DATASET_NO_LABEL;
        status = dataset_get(set, first + i, &picture, &label, err);
        if (status == 0 && image_bytes(&picture) != PICTURE_BYTES) {
            status = err_set(err, ERR_ARGUMENT, "%s: pictures are not 32 x 32", dataset_name(set));
        }
        if (status == 0) {
            memcpy(p->rgb + i * PICTURE_BYTES, picture.rgb, PICTURE_BYTES);
            p->labels[i] = (float)label;
        }
    }
    image_free(&picture);
    return status;
}

/* `wanted` pictures from `first` on; 0: all. */
static int pictures_open(pictures_t *p, const char *spec, size_t first, size_t wanted, err_t *err)
{
    dataset_t *set = dataset_open(spec, err);
    if (set == NULL) {
        return -1;
    }
    size_t all = dataset_count(set);
    int status = 0;
    if (first >= all || wanted > all - first) {
        status = err_set(err, ERR_ARGUMENT, "%s has %zu pictures: not %zu from number %zu",
                         dataset_name(set), all, wanted, first);
    } else {
        p->count = wanted > 0 ? wanted : all - first;
        p->rgb = malloc(p->count * PICTURE_BYTES);
        p->labels = calloc(p->count, sizeof(*p->labels));
        status = p->rgb == NULL || p->labels == NULL
                     ? err_set(err, ERR_MEMORY, "no memory for %zu pictures", p->count)
                     : read_pictures(p, set, first, err);
    }
    dataset_close(set);
    return status;
}

static void pictures_free(pictures_t *p)
{
    free(p->rgb);
    free(p->labels);
}

/* [d][count]; NULL: no memory. */
static float *encode(encoder_t *encoder, const pictures_t *p)
{
    size_t d = (size_t)encoder_shape(encoder)->features;
    float *out = malloc(d * p->count * sizeof(*out)), *chunk = malloc(CHUNK * d * sizeof(*chunk));
    for (size_t first = 0; out != NULL && chunk != NULL && first < p->count; first += CHUNK) {
        size_t held = p->count - first < CHUNK ? p->count - first : CHUNK;
        encoder_encode(encoder, p->rgb + first * PICTURE_BYTES, (int)held, chunk, NULL);
        for (size_t i = 0; i < held; i++) {
            for (size_t j = 0; j < d; j++) {
                out[j * p->count + first + i] = chunk[i * d + j];
            }
        }
    }
    if (chunk == NULL) {
        free(out);
        out = NULL;
    }
    free(chunk);
    return out;
}

/* "a/encoder-x.safetensors" -> "x" */
static void short_name(const char *path, char *name)
{
    const char *slash = strrchr(path, '/');
    const char *at = slash != NULL ? slash + 1 : path;
    at += strncmp(at, "encoder-", 8) == 0 ? 8 : 0;
    snprintf(name, NAME_LENGTH, "%s", at);
    char *dot = strstr(name, ".safetensors");
    if (dot != NULL) {
        *dot = '\0';
    }
}

static safetensors_tensor_t tensor(const char *name, size_t rows, size_t cols, const float *data)
{
    safetensors_tensor_t t = {
        .name = name, .dtype = SAFETENSORS_F32, .rank = rows > 0 ? 2 : 1, .data = data};
    t.shape[0] = (int64_t)(rows > 0 ? rows : cols);
    t.shape[1] = (int64_t)cols;
    t.count = (rows > 0 ? rows : 1) * cols;
    return t;
}

static int write_party(const char *word, const pictures_t *pilots, const pictures_t *test,
                       const options_t *o, err_t *err)
{
    char name[NAME_LENGTH], path[4096];
    encoder_t *encoder = encoder_open(word, err);
    if (encoder == NULL) {
        return -1;
    }
    size_t d = (size_t)encoder_shape(encoder)->features;
    const float *weight, *bias;
    encoder_head(encoder, &weight, &bias);
    float *x = encode(encoder, pilots), *x_test = encode(encoder, test);
    int status = -1;
    if (x == NULL || x_test == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the latents of %s", word);
    } else {
        const safetensors_tensor_t all[] = {tensor("X", d, pilots->count, x),
                                            tensor("labels", 0, pilots->count, pilots->labels),
                                            tensor("X_test", d, test->count, x_test),
                                            tensor("labels_test", 0, test->count, test->labels),
                                            tensor("head.weight", ENCODER_CLASSES, d, weight),
                                            tensor("head.bias", 0, ENCODER_CLASSES, bias)};
        const char *keys[] = {"encoder", "data", "test"};
        const char *values[] = {name, options_string(o, "latents.data"),
                                options_string(o, "latents.test")};
        short_name(word, name);
        snprintf(path, sizeof(path), "%s/%s.safetensors", options_string(o, "latents.out"), name);
        status = safetensors_write(path, all, 6, keys, values, 3, err);
    }
    if (status == 0) {
        printf("%s: %zu features, %zu latents to align on, %zu to test\n", path, d, pilots->count,
               test->count);
    }
    free(x);
    free(x_test);
    encoder_close(encoder);
    return status;
}

int latents_command(const options_t *options, err_t *err)
{
    char list[4096], *rest = NULL;
    pictures_t pilots = {0}, test = {0};
    int written = 0;
    int status = pictures_open(&pilots, options_string(options, "latents.data"),
                               (size_t)options_int(options, "latents.first"),
                               (size_t)options_int(options, "latents.pictures"), err) < 0 ||
                         pictures_open(&test, options_string(options, "latents.test"), 0,
                                       (size_t)options_int(options, "latents.tests"), err) < 0
                     ? -1
                     : 0;
    snprintf(list, sizeof(list), "%s", options_string(options, "latents.encoders"));
    for (char *word = strtok_r(list, ",", &rest); word != NULL && status == 0;
         word = strtok_r(NULL, ",", &rest)) {
        status = write_party(word, &pilots, &test, options, err);
        written++;
    }
    pictures_free(&pilots);
    pictures_free(&test);
    return status == 0 && written == 0 ? err_set(err, ERR_ARGUMENT, "latents.encoders names none")
                                       : status;
}
