/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_merge: each tensor is checked against the codec before it touches a weight; a variant that
   failed half-way is thrown away by its maker. */
#include "codec/codec_merge.h"

#include "codec/codec_state.h"
#include "nn/lora.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What the parts of one adapter share while it is merged. */
typedef struct {
    const codec_weights_t *weights;
    const codec_adapter_t *adapter;
    params_t *params;
    codec_map_t *map;
    err_t *err;
} merge_t;

static const char suffix_a[] = ".lora_A", suffix_b[] = ".lora_B", replaces[] = "projection.";

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length > tail && strcmp(text + length - tail, suffix) == 0;
}

static size_t tensor_count(const codec_tensor_t *tensor)
{
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        count *= (size_t)tensor->shape[i];
    }
    return count;
}

/* ---- checks ------------------------------------------------------------------ */

static int check_tensor(const codec_tensor_t *tensor, err_t *err)
{
    if (tensor->rank < 1 || tensor->rank > 4) {
        return err_set(err, ERR_ARGUMENT, "tensor %s has %d dimensions, not 1 .. 4", tensor->name,
                       tensor->rank);
    }
    size_t count = 1;
    for (int i = 0; i < tensor->rank; i++) {
        if (tensor->shape[i] < 1 || (count *= (size_t)tensor->shape[i]) > (size_t)1 << 28) {
            return err_set(err, ERR_ARGUMENT, "tensor %s has an impossible shape", tensor->name);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(tensor->data[i])) {
            return err_set(err, ERR_ARGUMENT, "tensor %s: element %zu is not a finite number",
                           tensor->name, i);
        }
    }
    return 0;
}

static int check_adapter(const codec_weights_t *weights, const codec_adapter_t *adapter, err_t *err)
{
    if (adapter->base != weights->hash) {
        return err_set(
            err, ERR_ARGUMENT, "made for the base %016llx, this is codec %s with the hash %016llx",
            (unsigned long long)adapter->base, weights->name, (unsigned long long)weights->hash);
    }
    for (int i = 0; i < adapter->count; i++) {
        if (check_tensor(&adapter->tensors[i], err) < 0) {
            return -1;
        }
    }
    return adapter->count > 0 ? 0 : err_set(err, ERR_ARGUMENT, "it has no tensors");
}

/* ---- low-rank pairs ------------------------------------------------------------ */

static const codec_tensor_t *find_tensor(const codec_adapter_t *adapter, const char *stem,
                                         int length, const char *suffix)
{
    char name[PARAM_NAME_MAX + 16];
    snprintf(name, sizeof(name), "%.*s%s", length, stem, suffix);
    for (int i = 0; i < adapter->count; i++) {
        if (strcmp(adapter->tensors[i].name, name) == 0) {
            return &adapter->tensors[i];
        }
    }
    return NULL;
}

static int check_pair(const codec_tensor_t *a, const codec_tensor_t *b, const param_t *weight,
                      int rank, err_t *err)
{
    int out = weight->shape[0], in = (int)(weight->count / (size_t)out);
    if (a->rank != 2 || b->rank != 2 || a->shape[0] != b->shape[1] || a->shape[0] > rank) {
        return err_set(err, ERR_ARGUMENT, "tensors %s and %s are not a pair of rank %d or less",
                       a->name, b->name, rank);
    }
    if (a->shape[1] != in || b->shape[0] != out) {
        return err_set(err, ERR_ARGUMENT,
                       "tensors %s [%d][%d] and %s [%d][%d] do not fit %s [%d][%d]", a->name,
                       a->shape[0], a->shape[1], b->name, b->shape[0], b->shape[1], weight->name,
                       out, in);
    }
    return 0;
}

static int merge_pair(const merge_t *merge, const codec_tensor_t *a)
{
    const codec_adapter_t *adapter = merge->adapter;
    int length = (int)(strlen(a->name) - strlen(suffix_a));
    const codec_tensor_t *b = find_tensor(adapter, a->name, length, suffix_b);
    char name[PARAM_NAME_MAX + 16];
    snprintf(name, sizeof(name), "%.*s.weight", length, a->name);
    param_t *weight = params_find(merge->params, name);
    if (b == NULL) {
        return err_set(merge->err, ERR_ARGUMENT, "tensor %s has no %.*s%s beside it", a->name,
                       length, a->name, suffix_b);
    }
    if (weight == NULL || weight->rank < 2) {
        return err_set(merge->err, ERR_ARGUMENT, "tensor %s: the codec has no layer %.*s", a->name,
                       length, a->name);
    }
    if (check_pair(a, b, weight, adapter->rank, merge->err) < 0) {
        return -1;
    }
    lora_add(weight->value, weight->shape[0], a->shape[1], a->shape[0],
             adapter->alpha / (float)adapter->rank, a->data, b->data);
    return 0;
}

static int replace(const merge_t *merge, const codec_tensor_t *tensor)
{
    size_t skip = sizeof(replaces) - 1;
    param_t *param = strncmp(tensor->name, replaces, skip) == 0
                         ? params_find(merge->params, tensor->name + skip)
                         : NULL;
    if (param == NULL) {
        return err_set(merge->err, ERR_ARGUMENT,
                       "tensor %s: neither .lora_A, .lora_B, nor projection.TENSOR of the codec",
                       tensor->name);
    }
    bool fits = param->rank == tensor->rank;
    for (int i = 0; fits && i < param->rank; i++) {
        fits = param->shape[i] == tensor->shape[i];
    }
    if (!fits) {
        return err_set(merge->err, ERR_ARGUMENT, "tensor %s has another shape than the codec's",
                       tensor->name);
    }
    memcpy(param->value, tensor->data, tensor_count(tensor) * sizeof(*tensor->data));
    return 0;
}

static int merge_lora(const merge_t *merge)
{
    const codec_adapter_t *adapter = merge->adapter;
    if (adapter->rank < 1 || adapter->rank > CODEC_LORA_RANK_MAX || !isfinite(adapter->alpha)) {
        return err_set(merge->err, ERR_ARGUMENT, "rank %d is not 1 .. %d, or alpha %g not finite",
                       adapter->rank, CODEC_LORA_RANK_MAX, (double)adapter->alpha);
    }
    int status = 0;
    for (int i = 0; status == 0 && i < adapter->count; i++) {
        const codec_tensor_t *tensor = &adapter->tensors[i];
        if (ends_with(tensor->name, suffix_a)) {
            status = merge_pair(merge, tensor);
        } else if (ends_with(tensor->name, suffix_b)) {
            int length = (int)(strlen(tensor->name) - strlen(suffix_b));
            if (find_tensor(adapter, tensor->name, length, suffix_a) == NULL) {
                status = err_set(merge->err, ERR_ARGUMENT, "tensor %s has no %.*s%s beside it",
                                 tensor->name, length, tensor->name, suffix_a);
            }
        } else {
            status = replace(merge, tensor);
        }
    }
    return status;
}

/* ---- maps of symbols ------------------------------------------------------------ */

static int check_map(const codec_tensor_t *weight, const codec_tensor_t *bias, bool conv, int most,
                     err_t *err)
{
    int reals = weight->shape[0];
    if (weight->rank != (conv ? 4 : 2) || weight->shape[1] != reals || reals % 2 != 0 ||
        reals > most) {
        return err_set(err, ERR_ARGUMENT, "tensor equaliser.weight is not [2C][2C]%s with 2C <= %d",
                       conv ? "[k][k]" : "", most);
    }
    if (conv && (weight->shape[2] != weight->shape[3] || weight->shape[2] % 2 == 0 ||
                 weight->shape[2] > CODEC_MAP_KERNEL_MAX)) {
        return err_set(err, ERR_ARGUMENT,
                       "tensor equaliser.weight: a kernel of %d x %d is not odd, "
                       "square, up to %d",
                       weight->shape[2], weight->shape[3], CODEC_MAP_KERNEL_MAX);
    }
    if (bias != NULL && (bias->rank != 1 || bias->shape[0] != reals)) {
        return err_set(err, ERR_ARGUMENT, "tensor equaliser.bias is not [%d]", reals);
    }
    return 0;
}

static int merge_map(const merge_t *merge, bool conv)
{
    const codec_adapter_t *adapter = merge->adapter;
    const codec_kind_t *kind = merge->weights->kind;
    const codec_tensor_t *weight = find_tensor(adapter, "equaliser", 9, ".weight");
    const codec_tensor_t *bias = find_tensor(adapter, "equaliser", 9, ".bias");
    if (weight == NULL || adapter->count != (bias != NULL ? 2 : 1)) {
        return err_set(merge->err, ERR_ARGUMENT,
                       "a map has the tensors equaliser.weight and perhaps equaliser.bias");
    }
    int most = 2 * codec_channels(kind, kind->rate_count);
    if (check_map(weight, bias, conv, most, merge->err) < 0) {
        return -1;
    }
    if (merge->map->kernel != 0) {
        return err_set(merge->err, ERR_ARGUMENT, "a variant has at most one map of symbols");
    }
    return codec_map_init(merge->map, conv ? weight->shape[2] : 1, weight->shape[0], weight->data,
                          bias != NULL ? bias->data : NULL, merge->err);
}

/* ---- by kind --------------------------------------------------------------------- */

int codec_merge(const codec_weights_t *weights, const codec_adapter_t *adapter, params_t *params,
                codec_map_t *map, err_t *err)
{
    const merge_t merge = {weights, adapter, params, map, err};
    if (check_adapter(weights, adapter, err) < 0) {
        return -1;
    }
    if (strcmp(adapter->kind, "lora") == 0) {
        return merge_lora(&merge);
    }
    if (strcmp(adapter->kind, "linear") == 0 || strcmp(adapter->kind, "procrustes") == 0) {
        return merge_map(&merge, false);
    }
    if (strcmp(adapter->kind, "conv") == 0) {
        return merge_map(&merge, true);
    }
    return err_set(err, ERR_ARGUMENT, "kind \"%.40s\" is not one of lora, linear, procrustes, conv",
                   adapter->kind);
}
