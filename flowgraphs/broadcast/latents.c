/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "latents.h"

#include "federated/federated_file.h"
#include "safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int refuse(const char *path, const char *what, err_t *err)
{
    return err_set(err, ERR_FORMAT, "%s: %s", path, what);
}

/* ---- reading --------------------------------------------------------------- */

static float *floats_of(const safetensors_tensor_t *tensor)
{
    float *v = malloc((tensor->count + 1) * sizeof *v);
    if (v) {
        safetensors_to_float(tensor, v);
    }
    return v;
}

/* Where things are. */
typedef struct {
    char path[1024], test_path[1024];
    char x[128], test[128], weight[128], bias[128];
    const char *labels, *other_labels; /* the second where there is no X_test */
    const safetensors_t *train, *tests;
} place_t;

static int find_place(place_t *at, const char *word, err_t *err)
{
    const char *file = strchr(word, '@');
    *at = (place_t){.labels = "labels_test", .other_labels = "labels"};
    if (strlen(word) >= sizeof at->path || (file && file - word > 100)) {
        return err_set(err, ERR_ARGUMENT, "%.80s...: too long a name", word);
    }
    if (!file) {
        strcpy(at->path, word);
        strcpy(at->test_path, word);
        strcpy(at->x, "X");
        strcpy(at->test, "X_test");
        strcpy(at->weight, "head.weight");
        strcpy(at->bias, "head.bias");
        return 0;
    }
    const int length = (int)(file - word);
    const char *comma = strchr(file, ',');
    snprintf(at->x, sizeof at->x, "latent.%.*s", length, word);
    snprintf(at->test, sizeof at->test, "latent.%.*s", length, word);
    snprintf(at->weight, sizeof at->weight, "weight.%.*s", length, word);
    snprintf(at->bias, sizeof at->bias, "bias.%.*s", length, word);
    snprintf(at->path, sizeof at->path, "%.*s",
             comma ? (int)(comma - file) - 1 : (int)strlen(file) - 1, file + 1);
    snprintf(at->test_path, sizeof at->test_path, "%s", comma ? comma + 1 : at->path);
    at->labels = "labels";
    return 0;
}

/* What is sent, or X: sample by sample. */
static int take_tests(latents_t *l, const place_t *at, err_t *err)
{
    const safetensors_tensor_t *tensor = safetensors_find(at->tests, at->test);
    tensor = tensor ? tensor : safetensors_find(at->tests, at->x);
    if (!tensor || tensor->rank != 2 || tensor->shape[0] != l->features || tensor->shape[1] < 1 ||
        tensor->shape[1] > 1 << 26) {
        return refuse(at->test_path,
                      "what is to be sent has not the features of what is aligned on", err);
    }
    l->tests = (int)tensor->shape[1];
    float *by_feature = floats_of(tensor);
    l->test = malloc(tensor->count * sizeof *l->test);
    if (!by_feature || !l->test) {
        free(by_feature);
        return err_set(err, ERR_MEMORY, "%s: no memory for latents", at->test_path);
    }
    for (int f = 0; f < l->features; f++) {
        for (int s = 0; s < l->tests; s++) {
            const float value = by_feature[(size_t)f * (size_t)l->tests + (size_t)s];
            const double off = (double)value - l->mean[f];
            l->test[(size_t)s * (size_t)l->features + (size_t)f] = value;
            l->energy += off * off / l->tests;
        }
    }
    free(by_feature);
    return isfinite(l->energy) && l->energy > 0.0
               ? 0
               : refuse(at->test_path, "latents are constant or not finite", err);
}

static int take_labels(latents_t *l, const place_t *at, err_t *err)
{
    const safetensors_tensor_t *tensor = safetensors_find(at->tests, at->labels);
    if (!tensor && !safetensors_find(at->tests, at->test)) {
        tensor = safetensors_find(at->tests, at->other_labels);
    }
    if (!tensor) {
        return 0;
    }
    if (tensor->count != (size_t)l->tests) {
        return refuse(at->test_path, "there are not as many labels as samples", err);
    }
    float *v = floats_of(tensor);
    l->label = malloc((size_t)l->tests * sizeof *l->label);
    if (!v || !l->label) {
        free(v);
        return err_set(err, ERR_MEMORY, "%s: no memory for labels", at->test_path);
    }
    for (int s = 0; s < l->tests; s++) {
        l->label[s] = v[s] >= 0.0f && v[s] < 1e6f ? (int)v[s] : -1;
    }
    free(v);
    return 0;
}

static int take_head(latents_t *l, const place_t *at, err_t *err)
{
    const safetensors_tensor_t *w = safetensors_find(at->train, at->weight);
    const safetensors_tensor_t *b = safetensors_find(at->train, at->bias);
    if (!w) {
        return 0;
    }
    if (w->rank != 2 || w->shape[1] != l->features || w->shape[0] < 2 || w->shape[0] > 100000 ||
        !b || b->count != (size_t)w->shape[0]) {
        return refuse(at->path, "the classifier is not [classes][features] with a bias [classes]",
                      err);
    }
    l->classes = (int)w->shape[0];
    l->weight = floats_of(w);
    l->bias = floats_of(b);
    return l->weight && l->bias
               ? 0
               : err_set(err, ERR_MEMORY, "%s: no memory for a classifier", at->path);
}

static int take_x(latents_t *l, const place_t *at, err_t *err)
{
    if (federated_file_matrix(at->path, at->x, &l->x, err) < 0) {
        return -1;
    }
    if (l->x.is_complex || l->x.rows > 8192) {
        return refuse(at->path, "latents are complex, or have more than 8192 features", err);
    }
    l->features = l->x.rows;
    l->half = (l->features + 1) / 2;
    l->samples = l->x.samples;
    l->mean = calloc((size_t)l->features, sizeof *l->mean);
    for (int f = 0; l->mean && f < l->features; f++) {
        for (int s = 0; s < l->samples; s++) {
            l->mean[f] += l->x.v[(size_t)f * (size_t)l->samples + (size_t)s] / l->samples;
        }
    }
    return l->mean ? 0 : err_set(err, ERR_MEMORY, "%s: no memory", at->path);
}

latents_t *latents_load(const char *word, err_t *err)
{
    place_t at;
    latents_t *l = NULL;
    safetensors_t *train = NULL, *tests = NULL;
    int code = find_place(&at, word, err);
    if (code == 0) {
        l = calloc(1, sizeof *l);
        at.train = train = l ? safetensors_open(at.path, err) : NULL;
        at.tests = tests = train ? safetensors_open(at.test_path, err) : NULL;
        code = tests && take_x(l, &at, err) == 0 && take_tests(l, &at, err) == 0 &&
                       take_labels(l, &at, err) == 0 && take_head(l, &at, err) == 0
                   ? 0
                   : -1;
    }
    safetensors_close(train);
    safetensors_close(tests);
    if (code < 0) {
        latents_destroy(l);
        return NULL;
    }
    return l;
}

void latents_destroy(latents_t *l)
{
    if (l) {
        free((void *)l->x.v);
        free(l->test);
        free(l->mean);
        free(l->label);
        free(l->weight);
        free(l->bias);
        free(l);
    }
}

/* ---- without alignment ------------------------------------------------------ */

/* Of complex feature c: sqrt E |x - mean|^2. */
static double deviation(const latents_t *l, int c)
{
    double sum = 0.0;
    for (int f = c; f < l->features; f += l->half) {
        for (int s = 0; s < l->samples; s++) {
            const double off = l->x.v[(size_t)f * (size_t)l->samples + (size_t)s] - l->mean[f];
            sum += off * off / l->samples;
        }
    }
    return sum > 0.0 ? sqrt(sum) : 1.0;
}

static adapter_t *first(const latents_t *l, int uses, bool out, err_t *err)
{
    const int channels = uses > l->half ? uses : l->half, width = 2 * channels;
    float *weight = calloc((size_t)width * (size_t)width, sizeof *weight),
          *bias = calloc((size_t)width, sizeof *bias);
    adapter_info_t info = ADAPTER_INFO_INIT;
    adapter_t *adapter = NULL;
    info.kind = ADAPTER_LINEAR;
    if (!weight || !bias) {
        err_set(err, ERR_MEMORY, "no memory for a map of %d channels", channels);
    } else {
        for (int f = 0; f < l->features; f++) {
            const int c = f % l->half, at = 2 * c + f / l->half;
            const double size = deviation(l, c), factor = out ? 1.0 / size : size;
            if (c < uses) {
                weight[at * width + at] = (float)factor;
            }
            bias[at] = out ? c < uses ? (float)(-l->mean[f] / size) : 0.0f : (float)l->mean[f];
        }
        const adapter_array_t arrays[] = {{"equaliser.weight", 2, {width, width}, weight},
                                          {"equaliser.bias", 1, {width}, bias}};
        adapter = adapter_build(&info, arrays, 2, NULL, 0, err);
    }
    free(weight);
    free(bias);
    return adapter;
}

adapter_t *latents_first_out(const latents_t *l, int uses, err_t *err)
{
    return first(l, uses, true, err);
}

adapter_t *latents_first_in(const latents_t *l, int uses, err_t *err)
{
    return first(l, uses, false, err);
}

/* ---- samples ---------------------------------------------------------------- */

void latents_lay(const latents_t *l, uint64_t i, float complex *to, int place, int places)
{
    const float *x = l->test + (size_t)(i % (uint64_t)l->tests) * (size_t)l->features;
    for (int c = 0; c < l->half; c++) {
        const float im = c + l->half < l->features ? x[c + l->half] : 0.0f;
        to[(size_t)c * (size_t)places + (size_t)place] = CMPLXF(x[c], im);
    }
}

static int class_of(const latents_t *l, const float *features)
{
    int best = 0;
    float most = -INFINITY;
    for (int k = 0; k < l->classes; k++) {
        float sum = l->bias[k];
        for (int f = 0; f < l->features; f++) {
            sum += l->weight[k * l->features + f] * features[f];
        }
        if (sum > most) {
            most = sum;
            best = k;
        }
    }
    return best;
}

double latents_error(const latents_t *l, uint64_t i, const float complex *from, int place,
                     int places, float *scratch, int *right)
{
    const size_t at = (size_t)(i % (uint64_t)l->tests);
    const float *y = l->test + at * (size_t)l->features;
    double sum = 0.0;
    for (int f = 0; f < l->features; f++) {
        const float complex v = from[(size_t)(f % l->half) * (size_t)places + (size_t)place];
        scratch[f] = f < l->half ? crealf(v) : cimagf(v);
        sum += (double)(scratch[f] - y[f]) * (double)(scratch[f] - y[f]);
    }
    *right = l->classes > 0 && l->label ? class_of(l, scratch) == l->label[at] : -1;
    return sum;
}
