/* SPDX-License-Identifier: GPL-3.0-or-later */
/* params_file: the parameter store to and from safetensors files. */
#include "nn/params.h"
#include "safetensors.h"

#include <stdlib.h>
#include <string.h>

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* PyTorch's batch norm counts its batches in an integer that we do not keep. */
static bool skipped(const char *name)
{
    const char *last = strrchr(name, '.');
    return strcmp(last ? last + 1 : name, "num_batches_tracked") == 0;
}

static bool same_shape(const param_t *param, const safetensors_tensor_t *tensor)
{
    bool same = param->rank == tensor->rank;
    for (int i = 0; same && i < param->rank; i++) {
        same = param->shape[i] == tensor->shape[i];
    }
    return same;
}

/* Names, shapes and completeness, before anything is written. */
static int check_file(const params_t *params, const safetensors_t *file, const char *path,
                      const char *prefix, params_match_t match, err_t *err)
{
    for (int i = 0; i < safetensors_count(file); i++) {
        const safetensors_tensor_t *tensor = safetensors_at(file, i);
        const param_t *param = params_find(params, tensor->name);
        if (!starts_with(tensor->name, prefix) || skipped(tensor->name)) {
            continue;
        }
        if (!param && match == PARAMS_EXACT) {
            return err_set(err, ERR_FORMAT, "%s: tensor %s is unknown to the network", path,
                           tensor->name);
        }
        if (param && !same_shape(param, tensor)) {
            return err_set(err, ERR_FORMAT, "%s: tensor %s has another shape than the network's",
                           path, tensor->name);
        }
    }
    for (int i = 0; match != PARAMS_PARTIAL && i < params_count(params); i++) {
        const char *name = params_at(params, i)->name;
        if (starts_with(name, prefix) && !safetensors_find(file, name)) {
            return err_set(err, ERR_FORMAT, "%s: tensor %s is missing", path, name);
        }
    }
    return 0;
}

int params_load(params_t *params, const char *path, const char *prefix, params_match_t match,
                err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    int set = 0;
    if (!file || check_file(params, file, path, prefix, match, err) < 0) {
        safetensors_close(file);
        return -1;
    }
    for (int i = 0; i < params_count(params); i++) {
        param_t *param = params_at(params, i);
        const safetensors_tensor_t *tensor = safetensors_find(file, param->name);
        if (tensor && starts_with(param->name, prefix)) {
            safetensors_to_float(tensor, param->value);
            set++;
        }
    }
    safetensors_close(file);
    params_changed(params);
    return set;
}

static int adopt(params_t *params, const safetensors_tensor_t *tensor, err_t *err)
{
    int shape[PARAM_RANK_MAX] = {1, 1, 1, 1};
    int rank = tensor->rank ? tensor->rank : 1; /* a scalar is [1] */
    if (rank > PARAM_RANK_MAX) {
        return err_set(err, ERR_FORMAT, "tensor %s has %d dimensions", tensor->name, rank);
    }
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] < 1 || tensor->shape[i] > 1 << 30) {
            return err_set(err, ERR_FORMAT, "tensor %s has an impossible shape", tensor->name);
        }
        shape[i] = (int)tensor->shape[i];
    }
    param_t *param =
        params_add(params, tensor->name, rank, shape, 0, PARAM_INIT_CONSTANT, 0.0f, err);
    if (!param) {
        return -1;
    }
    safetensors_to_float(tensor, param->value);
    return 0;
}

params_t *params_open(const char *path, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    params_t *params = file ? params_create(0, err) : NULL;
    for (int i = 0; params && i < safetensors_count(file); i++) {
        const safetensors_tensor_t *tensor = safetensors_at(file, i);
        if (!skipped(tensor->name) && adopt(params, tensor, err) < 0) {
            err_prefix(err, "%s", path);
            params_destroy(params);
            params = NULL;
        }
    }
    safetensors_close(file);
    if (params) {
        params_seal(params);
    }
    return params;
}

int params_save(const params_t *params, const char *path, const char *prefix,
                const char *const *keys, const char *const *values, int notes, err_t *err)
{
    int count = 0, result;
    safetensors_tensor_t *tensor = calloc((size_t)params_count(params) + 1, sizeof *tensor);
    if (!tensor) {
        return err_set(err, ERR_MEMORY, "%s: no memory to write it", path);
    }
    for (int i = 0; i < params_count(params); i++) {
        const param_t *param = params_at(params, i);
        if (!starts_with(param->name, prefix)) {
            continue;
        }
        safetensors_tensor_t *to = &tensor[count++];
        to->name = param->name;
        to->rank = param->rank;
        for (int k = 0; k < param->rank; k++) {
            to->shape[k] = param->shape[k];
        }
        to->count = param->count;
        to->data = param->value;
    }
    result = safetensors_write(path, tensor, count, keys, values, notes, err);
    free(tensor);
    return result;
}
