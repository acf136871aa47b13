/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "variants.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    digest_t id;
    codec_variant_t *variant; /* NULL: free */
    uint64_t used;
} kept_t;

struct variants {
    store_t *store;
    codec_t *codec;
    kept_t kept[VARIANTS_KEPT];
    uint64_t turn;
};

variants_t *variants_create(store_t *store, const codec_t *codec, err_t *err)
{
    variants_t *variants = calloc(1, sizeof *variants);
    if (variants == NULL) {
        err_set(err, ERR_MEMORY, "no memory for adapters");
        return NULL;
    }
    variants->store = store;
    variants->codec = codec_clone(codec, err);
    if (variants->codec == NULL) {
        free(variants);
        return NULL;
    }
    return variants;
}

void variants_destroy(variants_t *variants)
{
    if (variants != NULL) {
        for (int i = 0; i < VARIANTS_KEPT; i++) {
            codec_variant_release(variants->kept[i].variant);
        }
        codec_close(variants->codec);
        free(variants);
    }
}

/* ---- the same thing in two rooms' words ---- */

static const char *kind_of(adapter_kind_t kind)
{
    switch (kind) {
    case ADAPTER_LINEAR:
    case ADAPTER_PROCRUSTES: /* a linear map that happens to be orthogonal */
        return "linear";
    case ADAPTER_CONV:
        return "conv";
    default:
        return adapter_kind_name(kind);
    }
}

static const char *name_of(const char *name)
{
    return strcmp(name, "equaliser.weight") == 0 ? "symbols.weight"
           : strcmp(name, "equaliser.bias") == 0 ? "symbols.bias"
                                                 : name;
}

codec_variant_t *variants_make(const codec_t *codec, const adapter_t *adapter, err_t *err)
{
    const adapter_info_t *info = adapter_info(adapter);
    const int count = adapter_count(adapter);
    codec_tensor_t *tensors = calloc((size_t)count + 1, sizeof *tensors);
    if (tensors == NULL) {
        err_set(err, ERR_MEMORY, "no memory for an adapter of %d arrays", count);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        const adapter_array_t *array = adapter_array(adapter, i);
        tensors[i] = (codec_tensor_t){
            .name = name_of(array->name), .rank = array->rank, .data = array->data};
        for (int d = 0; d < array->rank; d++) {
            tensors[i].shape[d] = (int)array->shape[d]; /* ADAPTER_SIZE_MAX bounds it */
        }
    }
    const codec_adapter_t given = {.base = info->base,
                                   .kind = kind_of(info->kind),
                                   .rank = info->rank,
                                   .alpha = info->alpha,
                                   .tensors = tensors,
                                   .count = count};
    codec_variant_t *variant = codec_variant_create(codec, &given, 1, err);
    free(tensors);
    return variant;
}

static kept_t *find(const variants_t *variants, const digest_t *id)
{
    for (int i = 0; i < VARIANTS_KEPT; i++) {
        const kept_t *kept = &variants->kept[i];
        if (kept->variant != NULL && digest_equal(&kept->id, id)) {
            return (kept_t *)(uintptr_t)kept;
        }
    }
    return NULL;
}

codec_variant_t *variants_load(variants_t *variants, const digest_t *id, err_t *err)
{
    const kept_t *kept = find(variants, id); /* only this thread adds */
    if (kept != NULL) {
        return codec_variant_retain(kept->variant);
    }
    adapter_t *adapter = store_load_adapter(variants->store, id, err);
    if (adapter == NULL) {
        return NULL;
    }
    codec_variant_t *variant = variants_make(variants->codec, adapter, err);
    adapter_destroy(adapter);
    return variant;
}

static bool needed(const swap_state_t *state, const digest_t *id)
{
    return (state->tag != 0 && digest_equal(&state->id, id)) ||
           swap_list_tag(&state->held, id) != 0;
}

void variants_add(variants_t *variants, const digest_t *id, codec_variant_t *variant,
                  const swap_state_t *state)
{
    kept_t *place = find(variants, id);
    for (int i = 0; i < VARIANTS_KEPT && (place == NULL || place->variant != NULL); i++) {
        kept_t *kept = &variants->kept[i];
        if (place != NULL && digest_equal(&place->id, id)) {
            break;
        }
        if (kept->variant == NULL ||
            (!needed(state, &kept->id) && (place == NULL || kept->used < place->used))) {
            place = kept;
        }
    }
    if (place == NULL) { /* cannot be: a swap needs at most SWAP_HELD + 1 */
        codec_variant_release(variant);
        return;
    }
    codec_variant_release(place->variant);
    *place = (kept_t){*id, variant, ++variants->turn};
}

bool variants_has(const variants_t *variants, const digest_t *id)
{
    return find(variants, id) != NULL;
}

codec_variant_t *variants_get(variants_t *variants, const digest_t *id)
{
    kept_t *kept = find(variants, id);
    if (kept == NULL) {
        return NULL;
    }
    kept->used = ++variants->turn;
    return codec_variant_retain(kept->variant);
}

void variants_use(codec_t *codec, codec_variant_t *variant)
{
    if (codec_in_use(codec) != variant) {
        codec_use(codec, variant);
    }
}
