/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * params: a growing table of tensors.  Each tensor is its own allocation, so
 * its address never changes while graphs hold it.  Lookup is a linear search:
 * networks have tens of tensors and look-ups happen at build only.
 */
#include "nn/params.h"

#include "rng.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct params {
    param_t **tensor;
    int count, capacity;
    uint64_t seed;
    uint64_t version;
    bool sealed;
};

/* Unique over all stores: a graph that changes stores (graph_params.c) sees that it did. */
static uint64_t next_version(void)
{
    static atomic_uint_fast64_t last;
    return atomic_fetch_add(&last, 1) + 1;
}

params_t *params_create(uint64_t seed, err_t *err)
{
    params_t *params = calloc(1, sizeof *params);
    if (!params) {
        err_set(err, ERR_MEMORY, "no memory for a parameter store");
        return NULL;
    }
    params->seed = seed;
    params->version = next_version();
    return params;
}

static void param_free(param_t *param)
{
    if (param) {
        free(param->value);
        free(param->grad);
        free(param);
    }
}

void params_destroy(params_t *params)
{
    if (!params) {
        return;
    }
    for (int i = 0; i < params->count; i++) {
        param_free(params->tensor[i]);
    }
    free(params->tensor);
    free(params);
}

param_t *params_find(const params_t *params, const char *name)
{
    for (int i = 0; i < params->count; i++) {
        if (strcmp(params->tensor[i]->name, name) == 0) {
            return params->tensor[i];
        }
    }
    return NULL;
}

/* Zeroed and aligned for the widest vectors; rounded up so that size is a multiple of it. */
static float *floats_alloc(size_t count)
{
    size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    float *memory = aligned_alloc(64, bytes ? bytes : 64);
    if (memory) {
        memset(memory, 0, bytes);
    }
    return memory;
}

static int same_shape(const param_t *param, int rank, const int *shape)
{
    if (param->rank != rank) {
        return 0;
    }
    for (int i = 0; i < rank; i++) {
        if (param->shape[i] != shape[i]) {
            return 0;
        }
    }
    return 1;
}

static void shape_text(char *text, size_t size, int rank, const int *shape)
{
    size_t at = 0;
    text[0] = '\0';
    for (int i = 0; i < rank && at < size; i++) {
        int wrote = snprintf(text + at, size - at, i ? "x%d" : "%d", shape[i]);
        at += wrote > 0 ? (size_t)wrote : 0;
    }
}

/* FNV-1a: a stream number from the name, so that values do not depend on the order. */
static uint64_t name_stream(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++) {
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3u;
    }
    return hash;
}

static void fill(param_t *param, uint64_t seed, param_init_t init, float amount)
{
    rng_t rng;
    rng_seed(&rng, seed, name_stream(param->name));
    if (init == PARAM_INIT_NORMAL && amount != 0.0f) {
        rng_normal(&rng, param->value, param->count);
        for (size_t i = 0; i < param->count; i++) {
            param->value[i] *= amount;
        }
    } else if (init == PARAM_INIT_UNIFORM) {
        for (size_t i = 0; i < param->count; i++) {
            param->value[i] = (2.0f * rng_uniform(&rng) - 1.0f) * amount;
        }
    } else {
        for (size_t i = 0; i < param->count; i++) {
            param->value[i] = amount;
        }
    }
}

static param_t *param_new(const char *name, int rank, const int *shape, unsigned flags, err_t *err)
{
    param_t *param = calloc(1, sizeof *param);
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        count *= (size_t)shape[i];
    }
    if (!param || !(param->value = floats_alloc(count))) {
        param_free(param);
        err_set(err, ERR_MEMORY, "no memory for tensor %s", name);
        return NULL;
    }
    snprintf(param->name, sizeof param->name, "%s", name);
    param->rank = rank;
    for (int i = 0; i < PARAM_RANK_MAX; i++) {
        param->shape[i] = i < rank ? shape[i] : 1;
    }
    param->count = count;
    param->flags = flags;
    return param;
}

static int append(params_t *params, param_t *param, err_t *err)
{
    if (params->count == params->capacity) {
        int capacity = params->capacity ? 2 * params->capacity : 32;
        param_t **grown = realloc(params->tensor, (size_t)capacity * sizeof *grown);
        if (!grown) {
            return err_set(err, ERR_MEMORY, "no memory for %d tensors", capacity);
        }
        params->tensor = grown;
        params->capacity = capacity;
    }
    params->tensor[params->count++] = param;
    params->version = next_version();
    return 0;
}

static int check_new(const params_t *params, const char *name, int rank, const int *shape,
                     err_t *err)
{
    if (params->sealed) {
        return err_set(err, ERR_ARGUMENT, "the weights have no tensor %s", name);
    }
    if (strlen(name) == 0 || strlen(name) >= PARAM_NAME_MAX) {
        return err_set(err, ERR_ARGUMENT, "tensor name \"%.40s\" is empty or too long", name);
    }
    if (rank < 1 || rank > PARAM_RANK_MAX) {
        return err_set(err, ERR_ARGUMENT, "tensor %s has rank %d, not 1 .. 4", name, rank);
    }
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 1 || (count *= (size_t)shape[i]) > (size_t)1 << 31) {
            return err_set(err, ERR_ARGUMENT, "tensor %s has an impossible shape", name);
        }
    }
    return 0;
}

param_t *params_add(params_t *params, const char *name, int rank, const int *shape,
                    unsigned flags, param_init_t init, float amount, err_t *err)
{
    param_t *param = params_find(params, name);
    if (param) {
        if (!same_shape(param, rank, shape)) {
            char have[64], want[64];
            shape_text(have, sizeof have, param->rank, param->shape);
            shape_text(want, sizeof want, rank, shape);
            err_set(err, ERR_ARGUMENT, "tensor %s is %s, the network needs %s", name, have, want);
            return NULL;
        }
        /* A tensor that came from a file knows only its values; learn the rest here. */
        if (!params->sealed) {
            param->flags |= flags;
        }
        return param;
    }
    if (check_new(params, name, rank, shape, err) < 0 ||
        !(param = param_new(name, rank, shape, flags, err))) {
        return NULL;
    }
    if (append(params, param, err) < 0) {
        param_free(param);
        return NULL;
    }
    fill(param, params->seed, init, amount);
    return param;
}

params_t *params_clone(const params_t *params, err_t *err)
{
    params_t *copy = params_create(params->seed, err);
    for (int i = 0; copy && i < params->count; i++) {
        const param_t *from = params->tensor[i];
        param_t *to = param_new(from->name, from->rank, from->shape, from->flags, err);
        if (!to || append(copy, to, err) < 0) {
            param_free(to);
            params_destroy(copy);
            return NULL;
        }
        memcpy(to->value, from->value, from->count * sizeof(float));
    }
    return copy;
}

int params_count(const params_t *params)
{
    return params->count;
}

param_t *params_at(const params_t *params, int index)
{
    return params->tensor[index];
}

size_t params_trainable(const params_t *params)
{
    size_t count = 0;
    for (int i = 0; i < params->count; i++) {
        if (!(params->tensor[i]->flags & (PARAM_BUFFER | PARAM_FROZEN))) {
            count += params->tensor[i]->count;
        }
    }
    return count;
}

void params_seal(params_t *params)
{
    params->sealed = true;
}

int params_freeze(params_t *params, const char *prefix, bool frozen)
{
    int matched = 0;
    for (int i = 0; i < params->count; i++) {
        param_t *param = params->tensor[i];
        if (strncmp(param->name, prefix, strlen(prefix)) == 0) {
            param->flags = frozen ? param->flags | PARAM_FROZEN
                                  : param->flags & ~(unsigned)PARAM_FROZEN;
            matched++;
        }
    }
    return matched;
}

int params_need_gradients(params_t *params, err_t *err)
{
    for (int i = 0; i < params->count; i++) {
        param_t *param = params->tensor[i];
        if (!(param->flags & (PARAM_BUFFER | PARAM_FROZEN)) && !param->grad) {
            param->grad = floats_alloc(param->count);
            if (!param->grad) {
                return err_set(err, ERR_MEMORY, "no memory for the gradient of %s", param->name);
            }
        }
    }
    return 0;
}

void params_zero_gradients(params_t *params)
{
    for (int i = 0; i < params->count; i++) {
        param_t *param = params->tensor[i];
        if (param->grad) {
            memset(param->grad, 0, param->count * sizeof(float));
        }
    }
}

void params_changed(params_t *params)
{
    params->version = next_version();
}

uint64_t params_version(const params_t *params)
{
    return params->version;
}
