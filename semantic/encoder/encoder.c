/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "encoder/encoder.h"

#include "safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 32, PICTURE = ENCODER_SIDE * ENCODER_SIDE * 3 };

struct encoder {
    params_t *params;
    encoder_shape_t shape;
    graph_t *graph;
    node_t picture;
    encoder_nodes_t out;
};

static int read_shape(encoder_t *encoder, const char *path, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    if (file == NULL) {
        return -1;
    }
    const char *kind = safetensors_note(file, "encoder");
    const char *widths = safetensors_note(file, "widths");
    const char *features = safetensors_note(file, "features");
    if (kind == NULL && widths != NULL && safetensors_note(file, "judge") != NULL) {
        const char *last = strrchr(widths, ',');
        kind = "judge";
        features = last != NULL ? last + 1 : widths;
    }
    int status;
    if (kind == NULL || widths == NULL || features == NULL) {
        status = err_set(err, ERR_FORMAT, "%s: its metadata is not that of an encoder", path);
    } else if ((status = encoder_shape_parse(&encoder->shape, kind, widths, atoi(features), err)) <
               0) {
        err_prefix(err, "%s", path);
    }
    safetensors_close(file);
    return status;
}

static int build(encoder_t *encoder, err_t *err)
{
    encoder->graph = graph_create(encoder->params, GRAPH_INFER, BATCH, 1, err);
    if (encoder->graph == NULL) {
        return -1;
    }
    encoder->picture = graph_input(encoder->graph, ENCODER_SIDE, ENCODER_SIDE, 3);
    encoder->out = encoder_net(encoder->graph, encoder->picture, &encoder->shape);
    graph_keep(encoder->graph, encoder->out.features);
    return graph_finish(encoder->graph, err);
}

encoder_t *encoder_open(const char *name, err_t *err)
{
    char path[4096];
    snprintf(path, sizeof(path), SEMRADIO_MODELS_DIR "/encoder-%s.safetensors", name);
    if (access(path, R_OK) != 0) {
        snprintf(path, sizeof(path), SEMRADIO_MODELS_DIR "/%s.safetensors", name);
    }
    if (access(path, R_OK) != 0) {
        snprintf(path, sizeof(path), "%s", name);
    }
    encoder_t *encoder = calloc(1, sizeof(*encoder));
    if (encoder == NULL) {
        err_set(err, ERR_MEMORY, "no memory for an encoder");
        return NULL;
    }
    if (read_shape(encoder, path, err) < 0) {
        err_prefix(err, "encoder %s", name);
    } else if ((encoder->params = params_open(path, err)) != NULL && build(encoder, err) == 0) {
        return encoder;
    } else {
        err_prefix(err, "%s", path);
    }
    encoder_close(encoder);
    return NULL;
}

void encoder_close(encoder_t *encoder)
{
    if (encoder != NULL) {
        graph_destroy(encoder->graph);
        params_destroy(encoder->params);
        free(encoder);
    }
}

const encoder_shape_t *encoder_shape(const encoder_t *encoder)
{
    return &encoder->shape;
}

void encoder_encode(encoder_t *encoder, const uint8_t *rgb, int count, float *features,
                    float *logits)
{
    float *in = graph_data(encoder->graph, encoder->picture);
    const float *z = graph_data(encoder->graph, encoder->out.features);
    const float *l = graph_data(encoder->graph, encoder->out.logits);
    size_t d = (size_t)encoder->shape.features;
    for (int first = 0; first < count; first += BATCH) {
        int held = count - first < BATCH ? count - first : BATCH;
        const uint8_t *from = rgb + (size_t)first * PICTURE;
        for (int i = 0; i < held * PICTURE; i++) {
            in[i] = (float)from[i] * (1.0f / 255.0f);
        }
        graph_forward(encoder->graph);
        if (features != NULL) {
            memcpy(features + (size_t)first * d, z, (size_t)held * d * sizeof(*z));
        }
        if (logits != NULL) {
            memcpy(logits + (size_t)first * ENCODER_CLASSES, l,
                   (size_t)held * ENCODER_CLASSES * sizeof(*l));
        }
    }
}

void encoder_head(const encoder_t *encoder, const float **weight, const float **bias)
{
    *weight = params_find(encoder->params, "head.weight")->value;
    *bias = params_find(encoder->params, "head.bias")->value;
}
