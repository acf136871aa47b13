/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The shipped codec as its users call it: bytes to symbols and back. */
#include "bench_nn_side.h"
#include "codec/codec.h"
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    nn_job_t job;
    const nn_data_t *data;
    codec_t *codec;
    float complex *symbols;
    float *noise_var;
    uint8_t *rgb;
    err_t err;
} image32_t;

static void destroy(void *work)
{
    image32_t *w = work;
    if (w != NULL) {
        codec_close(w->codec);
        free(w->symbols);
        free(w->noise_var);
        free(w->rgb);
        free(w);
    }
}

static void *create(const nn_job_t *job, nn_data_t *data, err_t *err)
{
    size_t count = (size_t)job->images * data->symbols;
    image32_t *w = calloc(1, sizeof(*w));
    place_path(data->weights, sizeof(data->weights), "models", "image32.safetensors");
    if (w == NULL) {
        err_set(err, ERR_MEMORY, "out of memory");
        return NULL;
    }
    w->job = *job;
    w->data = data;
    w->symbols = calloc(count, sizeof(*w->symbols));
    w->noise_var = calloc(count, sizeof(*w->noise_var));
    w->rgb = calloc((size_t)(job->images * job->side * job->side), 3);
    w->codec = codec_open("image32", err);
    if (w->codec == NULL || w->symbols == NULL || w->noise_var == NULL || w->rgb == NULL ||
        codec_set_precision(w->codec, job->bf16 ? CODEC_BF16 : CODEC_FP32, err) < 0 ||
        codec_prepare(w->codec, job->side, job->side, job->images, err) < 0) {
        destroy(w);
        return NULL;
    }
    for (size_t k = 0; k < count; k++) {
        w->noise_var[k] = NN_N0;
    }
    return w;
}

static void run(void *work)
{
    image32_t *w = work;
    int side = w->job.side, images = w->job.images;
    if (w->job.task == NN_ENCODE) {
        codec_encode_batch(w->codec, images, w->data->pictures, side, side, NN_RATE, w->symbols,
                           &w->err);
    } else {
        codec_decode_batch(w->codec, images, w->data->received, w->noise_var, side, side, NN_RATE,
                           w->rgb, &w->err);
    }
}

static void output(void *work, float *out)
{
    const image32_t *w = work;
    size_t count = nn_outputs(&w->job, w->data);
    if (w->job.task == NN_ENCODE) {
        memcpy(out, w->symbols, count * sizeof(*out));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        out[i] = (float)w->rgb[i];
    }
}

bool nn_has_bf16(void)
{
    err_t err = ERR_INIT;
    codec_t *codec = codec_open("image32", &err);
    bool has = codec != NULL && codec_set_precision(codec, CODEC_AUTO, &err) == 0 &&
               codec_get_precision(codec) == CODEC_BF16;
    codec_close(codec);
    return has;
}

const nn_side_t nn_image32 = {.create = create, .destroy = destroy, .run = run, .output = output};
