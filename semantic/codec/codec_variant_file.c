/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_variant_file: adapters from safetensors files.  Metadata are strings; see docs/MODELS.md.
 */
#include "codec/codec_kind.h"
#include "codec/codec_variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADAPTERS_MAX = 16, TENSORS_MAX = 4096 };

typedef struct {
    safetensors_t *file;
    codec_tensor_t *tensors;
    float *values;
} loaded_t;

static void unload(loaded_t *loaded)
{
    safetensors_close(loaded->file);
    free(loaded->tensors);
    free(loaded->values);
}

static int read_notes(const safetensors_t *file, codec_adapter_t *adapter, err_t *err)
{
    double format = 0, rank = 1, alpha = 1;
    const char *base = safetensors_note(file, "adapter.base");
    char *end = NULL;
    adapter->kind = safetensors_note(file, "adapter.kind");
    if (codec_read_number(file, "adapter.format", 1, 1, &format, err) < 0) {
        return -1;
    }
    adapter->base = base == NULL ? 0 : strtoull(base, &end, 16);
    if (base == NULL || end == base || *end != '\0' || adapter->kind == NULL) {
        return err_set(err, ERR_FORMAT, "metadata \"adapter.%s\" is missing or not as it should be",
                       adapter->kind == NULL ? "kind" : "base");
    }
    if (strcmp(adapter->kind, "lora") == 0 &&
        (codec_read_number(file, "adapter.rank", 1, CODEC_LORA_RANK_MAX, &rank, err) < 0 ||
         codec_read_number(file, "adapter.alpha", -1e6, 1e6, &alpha, err) < 0)) {
        return -1;
    }
    adapter->rank = (int)rank;
    adapter->alpha = (float)alpha;
    return 0;
}

static int read_tensors(loaded_t *loaded, codec_adapter_t *adapter, err_t *err)
{
    int count = safetensors_count(loaded->file);
    size_t all = 0;
    for (int i = 0; i < count; i++) {
        const safetensors_tensor_t *tensor = safetensors_at(loaded->file, i);
        if (tensor->rank < 1 || tensor->rank > 4 || count > TENSORS_MAX) {
            return err_set(err, ERR_FORMAT,
                           "tensor %s has %d dimensions, not 1 .. 4 (or more than "
                           "%d tensors)",
                           tensor->name, tensor->rank, TENSORS_MAX);
        }
        for (int k = 0; k < tensor->rank; k++) {
            if (tensor->shape[k] < 1 || tensor->shape[k] > 1 << 28) {
                return err_set(err, ERR_FORMAT, "tensor %s has an impossible shape", tensor->name);
            }
        }
        all += tensor->count;
    }
    loaded->tensors = calloc((size_t)count + 1, sizeof(*loaded->tensors));
    loaded->values = calloc(all + 1, sizeof(*loaded->values));
    if (loaded->tensors == NULL || loaded->values == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %d tensors", count);
    }
    float *at = loaded->values;
    for (int i = 0; i < count; i++) {
        const safetensors_tensor_t *tensor = safetensors_at(loaded->file, i);
        codec_tensor_t *to = &loaded->tensors[i];
        *to = (codec_tensor_t){.name = tensor->name, .rank = tensor->rank, .data = at};
        for (int k = 0; k < tensor->rank; k++) {
            to->shape[k] = (int)tensor->shape[k];
        }
        safetensors_to_float(tensor, at);
        at += tensor->count;
    }
    adapter->tensors = loaded->tensors;
    adapter->count = count;
    return 0;
}

codec_variant_t *codec_variant_open(const codec_t *codec, const char *const *paths, int count,
                                    err_t *err)
{
    loaded_t loaded[ADAPTERS_MAX] = {{NULL, NULL, NULL}};
    codec_adapter_t adapters[ADAPTERS_MAX];
    codec_variant_t *variant = NULL;
    int status =
        count >= 1 && count <= ADAPTERS_MAX
            ? 0
            : err_set(err, ERR_ARGUMENT, "%d adapters; 1 .. %d are possible", count, ADAPTERS_MAX);
    for (int i = 0; status == 0 && i < count; i++) {
        loaded[i].file = safetensors_open(paths[i], err);
        if (loaded[i].file == NULL) {
            status = -1;
        } else if (read_notes(loaded[i].file, &adapters[i], err) < 0 ||
                   read_tensors(&loaded[i], &adapters[i], err) < 0) {
            status = err_prefix(err, "%s", paths[i]);
        }
    }
    if (status == 0) {
        variant = codec_variant_create(codec, adapters, count, err);
        if (variant == NULL) {
            err_prefix(err, "%s", paths[0]);
        }
    }
    for (int i = 0; i < ADAPTERS_MAX; i++) {
        unload(&loaded[i]);
    }
    return variant;
}
