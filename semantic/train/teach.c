/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "train/teach.h"

#include "images/dataset.h"
#include "nn/graph.h"
#include "nn/vector.h"
#include "quality/judge.h"
#include "quality/judge_net.h"
#include "safetensors.h"
#include "train/vit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = JUDGE_SIDE, VIEWS = 2 };

static const float imagenet_mean[3] = {0.485f, 0.456f, 0.406f};
static const float imagenet_deviation[3] = {0.229f, 0.224f, 0.225f};

/* One of the two. */
typedef struct {
    params_t *params;
    graph_t *graph;
    node_t picture, feature, logits;
    vit_t *vit;
    float *enlarged;
    const char *path;
    int features, classes;
    size_t parameters;
    char room[4096];
} teacher_net_t;

/* ---- a judge ------------------------------------------------------------------ */

static int judge_shape_of(const char *path, judge_shape_t *shape, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    if (file == NULL) {
        return -1;
    }
    const char *widths = safetensors_note(file, "widths");
    int status = widths != NULL ? judge_shape_parse(shape, widths, err)
                                : err_set(err, ERR_FORMAT, "%s: not the weights of a judge", path);
    safetensors_close(file);
    return status;
}

static int open_judge(teacher_net_t *net, const char *name, err_t *err)
{
    judge_shape_t shape;
    snprintf(net->room, sizeof(net->room), SEMRADIO_MODELS_DIR "/judge-%s.safetensors", name);
    net->path = access(net->room, R_OK) == 0 ? net->room : name;
    if (judge_shape_of(net->path, &shape, err) < 0 ||
        (net->params = params_open(net->path, err)) == NULL ||
        (net->graph = graph_create(net->params, GRAPH_INFER, 1, 1, err)) == NULL) {
        return -1;
    }
    net->picture = graph_input(net->graph, SIDE, SIDE, 3);
    net->feature = judge_net_feature(net->graph, net->picture, &shape);
    net->logits = judge_net_head(net->graph, net->feature);
    graph_keep(net->graph, net->feature);
    if (graph_finish(net->graph, err) < 0) {
        return -1;
    }
    net->features = graph_shape(net->graph, net->feature).c;
    net->classes = JUDGE_CLASSES;
    net->parameters = params_trainable(net->params);
    return 0;
}

/* ---- a vision transformer --------------------------------------------------------- */

static int open_vit(teacher_net_t *net, const char *path, err_t *err)
{
    net->path = path;
    net->vit = vit_open(path, err);
    if (net->vit == NULL) {
        return -1;
    }
    size_t side = (size_t)vit_side(net->vit);
    net->enlarged = malloc(side * side * 3 * sizeof(float));
    net->features = vit_features(net->vit);
    net->classes = vit_classes(net->vit);
    net->parameters = vit_parameters(net->vit);
    return net->enlarged == NULL ? err_set(err, ERR_MEMORY, "no memory for a picture") : 0;
}

/* Where pixel `at` of `side` lies among 32, as two neighbours and the second one's share. */
static float between(int at, int side, int *low, int *high)
{
    float x = ((float)at + 0.5f) * (float)SIDE / (float)side - 0.5f;
    x = x < 0.0f ? 0.0f : x > (float)(SIDE - 1) ? (float)(SIDE - 1) : x;
    *low = (int)x;
    *high = *low + 1 < SIDE ? *low + 1 : *low;
    return x - (float)*low;
}

static void enlarge(const float *in, int side, float *out)
{
    for (int y = 0; y < side; y++) {
        int top, bottom, left, right;
        float dy = between(y, side, &top, &bottom);
        for (int x = 0; x < side; x++) {
            float dx = between(x, side, &left, &right);
            for (int c = 0; c < 3; c++) {
                float above = in[(top * SIDE + left) * 3 + c] * (1.0f - dx) +
                              in[(top * SIDE + right) * 3 + c] * dx;
                float below = in[(bottom * SIDE + left) * 3 + c] * (1.0f - dx) +
                              in[(bottom * SIDE + right) * 3 + c] * dx;
                float value = above * (1.0f - dy) + below * dy;
                *out++ = (value - imagenet_mean[c]) / imagenet_deviation[c];
            }
        }
    }
}

/* ---- both --------------------------------------------------------------------------- */

static void ask(teacher_net_t *net, const float *picture, float *feature, float *logits)
{
    if (net->vit != NULL) {
        enlarge(picture, vit_side(net->vit), net->enlarged);
        vit_run(net->vit, net->enlarged, feature, logits);
        return;
    }
    memcpy(graph_data(net->graph, net->picture), picture, SIDE * SIDE * 3 * sizeof(float));
    graph_forward(net->graph);
    memcpy(feature, graph_data(net->graph, net->feature), (size_t)net->features * sizeof(float));
    memcpy(logits, graph_data(net->graph, net->logits), (size_t)net->classes * sizeof(float));
}

static void put_picture(const uint8_t *rgb, bool mirrored, float *out)
{
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const uint8_t *pixel = rgb + (y * SIDE + (mirrored ? SIDE - 1 - x : x)) * 3;
            for (int c = 0; c < 3; c++) {
                *out++ = (float)pixel[c] * (1.0f / 255.0f);
            }
        }
    }
}

typedef struct {
    params_t *store;
    float *features, *logits, *labels; /* inside the store; logits NULL: the teacher has no head */
    size_t right;
} cache_t;

static float *add_tensor(params_t *store, const char *name, int rank, int count, int width,
                         err_t *err)
{
    int shape[3] = {count, VIEWS, width};
    param_t *tensor =
        params_add(store, name, rank, shape, PARAM_BUFFER, PARAM_INIT_CONSTANT, 0.0f, err);
    return tensor != NULL ? tensor->value : NULL;
}

static int make_cache(cache_t *cache, const teacher_net_t *net, int count, err_t *err)
{
    cache->store = params_create(1, err);
    if (cache->store == NULL) {
        return -1;
    }
    cache->features = add_tensor(cache->store, "features", 3, count, net->features, err);
    cache->labels = add_tensor(cache->store, "labels", 1, count, 1, err);
    cache->logits =
        net->classes > 0 ? add_tensor(cache->store, "logits", 3, count, net->classes, err) : NULL;
    return cache->features == NULL || cache->labels == NULL ||
                   (net->classes > 0 && cache->logits == NULL)
               ? -1
               : 0;
}

static int ask_all(teacher_net_t *net, const dataset_t *set, cache_t *cache, err_t *err)
{
    image_t image = IMAGE_EMPTY;
    float picture[SIDE * SIDE * 3];
    int status = 0;
    for (size_t i = 0; status == 0 && i < dataset_count(set); i++) {
        int label;
        status = dataset_get(set, i, &image, &label, err);
        if (status == 0 && (image.width != SIDE || image.height != SIDE || label < 0)) {
            status = err_set(err, ERR_ARGUMENT, "%s: picture %zu is not 32 x 32 with a class",
                             dataset_name(set), i);
        }
        for (size_t view = 0; status == 0 && view < VIEWS; view++) {
            size_t at = VIEWS * i + view;
            float *logits =
                cache->logits != NULL ? cache->logits + at * (size_t)net->classes : NULL;
            put_picture(image.rgb, view == 1, picture);
            ask(net, picture, cache->features + at * (size_t)net->features, logits);
            cache->right += view == 0 && logits != NULL && vector_argmax(logits, net->classes) == label;
        }
        cache->labels[i] = (float)label;
    }
    image_free(&image);
    return status;
}

static int save(const teacher_net_t *net, const cache_t *cache, size_t count, const char *path,
                err_t *err)
{
    const char *slash = strrchr(net->path, '/');
    char parameters[32], accuracy[64];
    snprintf(parameters, sizeof(parameters), "%zu", net->parameters);
    snprintf(accuracy, sizeof(accuracy), "%.4f (%zu of %zu)", (double)cache->right / (double)count,
             cache->right, count);
    const char *keys[] = {"teacher", "parameters", "accuracy"};
    const char *values[] = {slash != NULL ? slash + 1 : net->path, parameters, accuracy};
    printf("%s: %s parameters, %d features, accuracy on this set %s\n", values[0], parameters,
           net->features, accuracy);
    return params_save(cache->store, path, "", keys, values, 3, err);
}

static int teach(teacher_net_t *net, const dataset_t *set, const char *path, err_t *err)
{
    cache_t cache = {0};
    int status = make_cache(&cache, net, (int)dataset_count(set), err) < 0 ||
                         ask_all(net, set, &cache, err) < 0 ||
                         save(net, &cache, dataset_count(set), path, err) < 0
                     ? -1
                     : 0;
    params_destroy(cache.store);
    return status;
}

int teach_command(const options_t *options, err_t *err)
{
    const char *judge = options_string(options, "task.judge"),
               *vit = options_string(options, "task.vit");
    teacher_net_t net = {0};
    if ((judge[0] == '\0') == (vit[0] == '\0')) {
        return err_set(err, ERR_ARGUMENT, "teach needs either task.judge or task.vit");
    }
    int status = judge[0] != '\0' ? open_judge(&net, judge, err) : open_vit(&net, vit, err);
    dataset_t *set = status == 0 ? dataset_open(options_string(options, "data.train"), err) : NULL;
    status = set == NULL ? -1 : teach(&net, set, options_string(options, "train.out"), err);
    dataset_close(set);
    graph_destroy(net.graph);
    params_destroy(net.params);
    vit_close(net.vit);
    free(net.enlarged);
    return status;
}
