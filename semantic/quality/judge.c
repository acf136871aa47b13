/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two networks, for 32 pictures and for one, on shared weights. */
#include "quality/judge.h"

#include "place.h"
#include "quality/judge_net.h"
#include "safetensors.h"
#include "nn/vector.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 32, PICTURE = JUDGE_SIDE * JUDGE_SIDE * 3 };

typedef struct {
    atomic_int owners;
    params_t *params;
    judge_shape_t shape;
} weights_t;

typedef struct {
    graph_t *graph;
    node_t picture, logits;
} network_t;

struct judge {
    weights_t *weights;
    network_t one, many;
};

static const char *const known[] = {"cifar10", "fashion-mnist"};

/* The file of a known name, or the name itself. */
static const char *file_of(const char *name, char *path, size_t size)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(name, known[i]) == 0) {
            char file[64];
            snprintf(file, sizeof(file), "judge-%s.safetensors", name);
            return place_path(path, size, "models", file);
        }
    }
    return name;
}

int judge_known(const char *name)
{
    char path[4096];
    const char *file = file_of(name, path, sizeof(path)), *end = strrchr(name, '.');
    const int meant = file != name || strchr(name, '/') != NULL ||
                      (end != NULL && strcmp(end, ".safetensors") == 0);
    return meant && access(file, R_OK) == 0;
}

static int read_shape(judge_shape_t *shape, const char *path, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    if (file == NULL) {
        return -1;
    }
    const char *kind = safetensors_note(file, "judge");
    const char *widths = safetensors_note(file, "widths");
    int status;
    if (kind == NULL || strcmp(kind, "resnet") != 0 || widths == NULL) {
        status = err_set(err, ERR_FORMAT, "%s: its metadata is not that of a judge", path);
    } else if ((status = judge_shape_parse(shape, widths, err)) < 0) {
        err_prefix(err, "%s", path);
    }
    safetensors_close(file);
    return status;
}

params_t *judge_net_open(const char *name, judge_shape_t *shape, err_t *err)
{
    char path[4096];
    const char *file = file_of(name, path, sizeof(path));
    return read_shape(shape, file, err) < 0 ? NULL : params_open(file, err);
}

static int build(network_t *network, const weights_t *weights, int batch, err_t *err)
{
    network->graph = graph_create(weights->params, GRAPH_INFER, batch, 1, err);
    if (network->graph == NULL) {
        return -1;
    }
    network->picture = graph_input(network->graph, JUDGE_SIDE, JUDGE_SIDE, 3);
    network->logits = judge_net(network->graph, network->picture, &weights->shape);
    return graph_finish(network->graph, err);
}

/* A judge on these weights, which it now owns a share of. */
static judge_t *make(weights_t *weights, err_t *err)
{
    judge_t *judge = calloc(1, sizeof(*judge));
    if (judge == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a judge");
        return NULL;
    }
    judge->weights = weights;
    atomic_fetch_add(&weights->owners, 1);
    if (build(&judge->one, weights, 1, err) < 0 || build(&judge->many, weights, BATCH, err) < 0) {
        judge_close(judge);
        return NULL;
    }
    return judge;
}

static void release(weights_t *weights)
{
    if (atomic_fetch_sub(&weights->owners, 1) == 1) {
        params_destroy(weights->params);
        free(weights);
    }
}

judge_t *judge_open(const char *name, err_t *err)
{
    char room[4096];
    const char *path = file_of(name, room, sizeof(room));
    weights_t *weights = calloc(1, sizeof(*weights));
    if (weights == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a judge");
        return NULL;
    }
    atomic_init(&weights->owners, 1);
    judge_t *judge = NULL;
    if (read_shape(&weights->shape, path, err) < 0) {
        err_prefix(err, "judge (cifar10, fashion-mnist, or a file)");
    } else if ((weights->params = params_open(path, err)) != NULL &&
               (judge = make(weights, err)) == NULL) {
        err_prefix(err, "%s", path);
    }
    release(weights);
    return judge;
}

judge_t *judge_clone(const judge_t *judge, err_t *err)
{
    return make(judge->weights, err);
}

void judge_close(judge_t *judge)
{
    if (judge != NULL) {
        graph_destroy(judge->one.graph);
        graph_destroy(judge->many.graph);
        release(judge->weights);
        free(judge);
    }
}

static void put_pictures(float *out, const uint8_t *rgb, int count)
{
    for (int i = 0; i < count * PICTURE; i++) {
        out[i] = (float)rgb[i] * (1.0f / 255.0f);
    }
}

static void softmax(const float *logits, float *probability)
{
    float largest = logits[vector_argmax(logits, JUDGE_CLASSES)], sum = 0.0f;
    for (int k = 0; k < JUDGE_CLASSES; k++) {
        probability[k] = expf(logits[k] - largest);
        sum += probability[k];
    }
    for (int k = 0; k < JUDGE_CLASSES; k++) {
        probability[k] /= sum;
    }
}

int judge_classify(judge_t *judge, const uint8_t *rgb, float probability[JUDGE_CLASSES])
{
    network_t *network = &judge->one;
    put_pictures(graph_data(network->graph, network->picture), rgb, 1);
    graph_forward(network->graph);
    const float *logits = graph_data(network->graph, network->logits);
    if (probability != NULL) {
        softmax(logits, probability);
    }
    return vector_argmax(logits, JUDGE_CLASSES);
}

void judge_classify_batch(judge_t *judge, const uint8_t *rgb, int count, int *predicted)
{
    while (count >= BATCH) {
        network_t *network = &judge->many;
        put_pictures(graph_data(network->graph, network->picture), rgb, BATCH);
        graph_forward(network->graph);
        const float *logits = graph_data(network->graph, network->logits);
        for (int n = 0; n < BATCH; n++) {
            predicted[n] = vector_argmax(logits + n * JUDGE_CLASSES, JUDGE_CLASSES);
        }
        rgb += BATCH * PICTURE;
        predicted += BATCH;
        count -= BATCH;
    }
    for (int n = 0; n < count; n++) {
        predicted[n] = judge_classify(judge, rgb + n * PICTURE, NULL);
    }
}
