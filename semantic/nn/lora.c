/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lora: merging low-rank pairs into matrices, and their gradients out of the matrices'. */
#include "nn/lora.h"

#include "nn/dnnl_conv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    param_t *weight, *a, *b;
    float *base; /* W0 [out][in] */
    int out, in;
} pair_t;

struct lora {
    params_t *merged, *params;
    int rank;
    float scale;
    pair_t *pair;
    int count;
};

void lora_add(float *w, int out, int in, int rank, float scale, const float *a, const float *b)
{
    for (int o = 0; o < out; o++) {
        float *restrict row = w + (size_t)o * (size_t)in;
        for (int r = 0; r < rank; r++) {
            const float *restrict from = a + (size_t)r * (size_t)in;
            float factor = scale * b[(size_t)o * (size_t)rank + (size_t)r];
#pragma omp simd
            for (int i = 0; i < in; i++) {
                row[i] += factor * from[i];
            }
        }
    }
}

static bool is_matrix(const param_t *param)
{
    size_t length = strlen(param->name);
    return (param->rank == 2 || param->rank == 4) && length > 7 &&
           strcmp(param->name + length - 7, ".weight") == 0;
}

static int add_pair(lora_t *lora, param_t *weight, err_t *err)
{
    pair_t *pair = &lora->pair[lora->count++];
    char name[PARAM_NAME_MAX + 8];
    int layer = (int)strlen(weight->name) - 7;
    *pair = (pair_t){.weight = weight, .out = weight->shape[0]};
    pair->in = (int)(weight->count / (size_t)pair->out);
    const int shape_a[2] = {lora->rank, pair->in}, shape_b[2] = {pair->out, lora->rank};
    snprintf(name, sizeof(name), "%.*s.lora_A", layer, weight->name);
    pair->a = params_add(lora->params, name, 2, shape_a, PARAM_NO_DECAY, PARAM_INIT_NORMAL,
                         1.0f / sqrtf((float)pair->in), err);
    snprintf(name, sizeof(name), "%.*s.lora_B", layer, weight->name);
    pair->b = pair->a == NULL ? NULL
                              : params_add(lora->params, name, 2, shape_b, PARAM_NO_DECAY,
                                           PARAM_INIT_CONSTANT, 0.0f, err);
    pair->base = malloc(weight->count * sizeof(float));
    if (pair->b == NULL || pair->base == NULL) {
        return pair->b == NULL ? -1 : err_set(err, ERR_MEMORY, "no memory for %s", weight->name);
    }
    memcpy(pair->base, weight->value, weight->count * sizeof(float));
    return 0;
}

lora_t *lora_create(params_t *merged, int rank, float alpha, uint64_t seed, err_t *err)
{
    if (rank < 1 || !(alpha > 0.0f)) {
        err_set(err, ERR_ARGUMENT, "low-rank adapters need rank >= 1 and alpha > 0, not %d and %g",
                rank, (double)alpha);
        return NULL;
    }
    lora_t *lora = calloc(1, sizeof(*lora));
    if (lora == NULL ||
        (lora->pair = calloc((size_t)params_count(merged) + 1, sizeof(*lora->pair))) == NULL) {
        free(lora);
        err_set(err, ERR_MEMORY, "no memory for low-rank adapters");
        return NULL;
    }
    lora->merged = merged;
    lora->rank = rank;
    lora->scale = alpha / (float)rank;
    lora->params = params_create(seed, err);
    int status = lora->params == NULL ? -1 : 0;
    params_freeze(merged, "", true);
    for (int i = 0; status == 0 && i < params_count(merged); i++) {
        param_t *param = params_at(merged, i);
        if (is_matrix(param)) {
            param->flags &= ~(unsigned)PARAM_FROZEN;
            status = add_pair(lora, param, err);
        }
    }
    if (status < 0 || params_need_gradients(lora->params, err) < 0) {
        lora_destroy(lora);
        return NULL;
    }
    return lora;
}

void lora_destroy(lora_t *lora)
{
    if (lora == NULL) {
        return;
    }
    for (int i = 0; i < lora->count; i++) {
        free(lora->pair[i].base);
    }
    params_destroy(lora->params);
    free(lora->pair);
    free(lora);
}

params_t *lora_params(lora_t *lora)
{
    return lora->params;
}

void lora_merge(lora_t *lora)
{
    for (int i = 0; i < lora->count; i++) {
        const pair_t *pair = &lora->pair[i];
        memcpy(pair->weight->value, pair->base, pair->weight->count * sizeof(float));
        lora_add(pair->weight->value, pair->out, pair->in, lora->rank, lora->scale, pair->a->value,
                 pair->b->value);
    }
    params_changed(lora->merged);
}

static void scale_by(float *x, size_t count, float factor)
{
    for (size_t i = 0; i < count; i++) {
        x[i] *= factor;
    }
}

void lora_gradients(lora_t *lora)
{
    size_t rank = (size_t)lora->rank;
    for (int i = 0; i < lora->count; i++) {
        const pair_t *pair = &lora->pair[i];
        size_t out = (size_t)pair->out, in = (size_t)pair->in;
        matrix_product(false, true, out, rank, in, pair->weight->grad, pair->a->value, 0.0f,
                       pair->b->grad);
        matrix_product(true, false, rank, in, out, pair->b->value, pair->weight->grad, 0.0f,
                       pair->a->grad);
        scale_by(pair->b->grad, pair->b->count, lora->scale);
        scale_by(pair->a->grad, pair->a->count, lora->scale);
    }
}
