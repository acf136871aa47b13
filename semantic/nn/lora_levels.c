/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lora_levels: what lora.c does, with ranks of each level and layer. */
#include "nn/lora_levels.h"

#include "nn/dnnl_conv.h"
#include "nn/lora.h"
#include "nn/low_rank.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIR_RANK_MAX = 256 };

typedef struct {
    char layer[PARAM_NAME_MAX];
    param_t *weight, *a, *b;
    float *base; /* W0 [out][in] */
    float *part; /* [out][rank]: columns of B, or of its gradient, close together */
    int out, in;
    int rank[LORA_LEVELS_MAX + 1]; /* of level l; level 0: none */
} pair_t;

struct lora_levels {
    params_t *merged, *params;
    int levels;
    pair_t *pair;
    int count;
};

static bool is_matrix(const param_t *param)
{
    size_t length = strlen(param->name);
    return (param->rank == 2 || param->rank == 4) && length > 7 &&
           strcmp(param->name + length - 7, ".weight") == 0;
}

/* ---- ranks -------------------------------------------------------------------------- */

static int rank_at(double x, int index)
{
    double phase = index * 0.6180339887498949;
    return (int)floor(x + phase - floor(phase));
}

static size_t size_at(const lora_levels_t *l, double x)
{
    size_t size = 0;
    for (int i = 0; i < l->count; i++) {
        size += (size_t)rank_at(x, i) * (size_t)(l->pair[i].out + l->pair[i].in);
    }
    return size;
}

static int spread_ranks(lora_levels_t *l, double ratio, err_t *err)
{
    double all = (double)lora_levels_weights(l);
    for (int level = 1; level <= l->levels; level++) {
        double low = 0.0, high = PAIR_RANK_MAX;
        for (int k = 0; k < 60; k++) {
            double middle = 0.5 * (low + high);
            *((double)size_at(l, middle) <= level * ratio * all ? &low : &high) = middle;
        }
        for (int i = 0; i < l->count; i++) {
            pair_t *pair = &l->pair[i];
            int most = pair->out < pair->in ? pair->out : pair->in;
            pair->rank[level] = rank_at(low, i) < most ? rank_at(low, i) : most;
        }
    }
    return lora_levels_size(l, 1) > 0
               ? 0
               : err_set(err, ERR_ARGUMENT, "%g of %.0f weights is less than a pair of rank 1",
                         ratio, all);
}

/* ---- pairs -------------------------------------------------------------------------- */

static int add_pair(lora_levels_t *l, pair_t *pair, err_t *err)
{
    char name[PARAM_NAME_MAX + 8];
    int top = pair->rank[l->levels];
    if (top == 0) {
        return 0;
    }
    const int shape_a[2] = {top, pair->in}, shape_b[2] = {pair->out, top};
    snprintf(name, sizeof(name), "%s.lora_A", pair->layer);
    pair->a = params_add(l->params, name, 2, shape_a, PARAM_NO_DECAY, PARAM_INIT_NORMAL,
                         1.0f / sqrtf((float)pair->in), err);
    snprintf(name, sizeof(name), "%s.lora_B", pair->layer);
    pair->b = pair->a == NULL ? NULL
                              : params_add(l->params, name, 2, shape_b, PARAM_NO_DECAY,
                                           PARAM_INIT_CONSTANT, 0.0f, err);
    pair->base = malloc(pair->weight->count * sizeof(float));
    pair->part = malloc((size_t)pair->out * (size_t)top * sizeof(float));
    if (pair->b == NULL || pair->base == NULL || pair->part == NULL) {
        return pair->b == NULL ? -1 : err_set(err, ERR_MEMORY, "no memory for %s", pair->layer);
    }
    memcpy(pair->base, pair->weight->value, pair->weight->count * sizeof(float));
    return 0;
}

static int find_matrices(lora_levels_t *l, err_t *err)
{
    params_freeze(l->merged, "", true);
    for (int i = 0; i < params_count(l->merged); i++) {
        param_t *param = params_at(l->merged, i);
        if (is_matrix(param)) {
            pair_t *pair = &l->pair[l->count++];
            int length = (int)strlen(param->name) - 7;
            *pair = (pair_t){.weight = param, .out = param->shape[0]};
            pair->in = (int)(param->count / (size_t)pair->out);
            snprintf(pair->layer, sizeof(pair->layer), "%.*s", length, param->name);
            param->flags &= ~(unsigned)PARAM_FROZEN;
        }
    }
    return l->count > 0 ? 0 : err_set(err, ERR_ARGUMENT, "no matrices to adapt");
}

/* ---- start from an expert ------------------------------------------------------------- */

static int follow_expert(lora_levels_t *l, const params_t *expert, uint64_t seed, err_t *err)
{
    int status = 0;
    for (int i = 0; status == 0 && i < l->count; i++) {
        pair_t *pair = &l->pair[i];
        const param_t *to = params_find(expert, pair->weight->name);
        if (to == NULL || to->count != pair->weight->count) {
            return err_set(err, ERR_ARGUMENT, "the expert's %s is missing or has another shape",
                           pair->weight->name);
        }
        float *d = pair->a != NULL ? malloc(to->count * sizeof(*d)) : NULL;
        if (d == NULL) {
            status =
                pair->a != NULL ? err_set(err, ERR_MEMORY, "no memory for %s", pair->layer) : 0;
            continue;
        }
        for (size_t k = 0; k < to->count; k++) {
            d[k] = to->value[k] - pair->base[k];
        }
        status = low_rank_factor(d, pair->out, pair->in, pair->a->shape[0], seed, pair->a->value,
                                 pair->b->value, err);
        free(d);
    }
    return status;
}

lora_levels_t *lora_levels_create(params_t *merged, int levels, double ratio,
                                  const params_t *expert, uint64_t seed, err_t *err)
{
    if (levels < 1 || levels > LORA_LEVELS_MAX || !(ratio > 0.0) || ratio * levels > 1.0) {
        err_set(err, ERR_ARGUMENT, "%d levels of %g are not 1 .. %d that fit into the weights",
                levels, ratio, LORA_LEVELS_MAX);
        return NULL;
    }
    lora_levels_t *l = calloc(1, sizeof(*l));
    if (l == NULL ||
        (l->pair = calloc((size_t)params_count(merged) + 1, sizeof(*l->pair))) == NULL) {
        free(l);
        err_set(err, ERR_MEMORY, "no memory for low-rank levels");
        return NULL;
    }
    l->merged = merged;
    l->levels = levels;
    l->params = params_create(seed, err);
    int status =
        l->params == NULL || find_matrices(l, err) < 0 || spread_ranks(l, ratio, err) < 0 ? -1 : 0;
    for (int i = 0; status == 0 && i < l->count; i++) {
        status = add_pair(l, &l->pair[i], err);
    }
    if (status == 0 && expert != NULL) {
        status = follow_expert(l, expert, seed, err);
    }
    if (status < 0 || params_need_gradients(l->params, err) < 0) {
        lora_levels_destroy(l);
        return NULL;
    }
    return l;
}

void lora_levels_destroy(lora_levels_t *l)
{
    if (l == NULL) {
        return;
    }
    for (int i = 0; i < l->count; i++) {
        free(l->pair[i].base);
        free(l->pair[i].part);
    }
    params_destroy(l->params);
    free(l->pair);
    free(l);
}

/* ---- steps ---------------------------------------------------------------------------- */

/* The first `rank` columns of b[out][top]. */
static void take_columns(const pair_t *pair, size_t rank, const float *b)
{
    size_t top = (size_t)pair->b->shape[1];
    for (size_t o = 0; o < (size_t)pair->out; o++) {
        memcpy(pair->part + o * rank, b + o * top, rank * sizeof(float));
    }
}

void lora_levels_merge(lora_levels_t *l, int level)
{
    for (int i = 0; i < l->count; i++) {
        const pair_t *pair = &l->pair[i];
        if (pair->a == NULL) {
            continue;
        }
        memcpy(pair->weight->value, pair->base, pair->weight->count * sizeof(float));
        take_columns(pair, (size_t)pair->rank[level], pair->b->value);
        lora_add(pair->weight->value, pair->out, pair->in, pair->rank[level], 1.0f, pair->a->value,
                 pair->part);
    }
    params_changed(l->merged);
}

void lora_levels_gradients(lora_levels_t *l, int level)
{
    for (int i = 0; i < l->count; i++) {
        const pair_t *pair = &l->pair[i];
        size_t out = (size_t)pair->out, in = (size_t)pair->in, rank = (size_t)pair->rank[level];
        if (pair->a == NULL) {
            continue;
        }
        memset(pair->a->grad, 0, pair->a->count * sizeof(float));
        memset(pair->b->grad, 0, pair->b->count * sizeof(float));
        if (rank == 0) {
            continue;
        }
        take_columns(pair, rank, pair->b->value);
        matrix_product(true, false, rank, in, out, pair->part, pair->weight->grad, 0.0f,
                       pair->a->grad);
        matrix_product(false, true, out, rank, in, pair->weight->grad, pair->a->value, 0.0f,
                       pair->part);
        for (size_t o = 0; o < out; o++) {
            memcpy(pair->b->grad + o * (size_t)pair->b->shape[1], pair->part + o * rank,
                   rank * sizeof(float));
        }
    }
}

/* ---- what they are -------------------------------------------------------------------- */

params_t *lora_levels_params(lora_levels_t *l)
{
    return l->params;
}

int lora_levels_pairs(const lora_levels_t *l)
{
    return l->count;
}

int lora_levels_rank(const lora_levels_t *l, int pair, int level)
{
    return l->pair[pair].rank[level];
}

const char *lora_levels_layer(const lora_levels_t *l, int pair)
{
    return l->pair[pair].layer;
}

size_t lora_levels_size(const lora_levels_t *l, int level)
{
    size_t size = 0;
    for (int i = 0; i < l->count; i++) {
        const pair_t *pair = &l->pair[i];
        size += (size_t)pair->rank[level] * (size_t)(pair->out + pair->in);
    }
    return size;
}

size_t lora_levels_weights(const lora_levels_t *l)
{
    size_t all = 0;
    for (int i = 0; i < l->count; i++) {
        all += (size_t)l->pair[i].out * (size_t)l->pair[i].in;
    }
    return all;
}
