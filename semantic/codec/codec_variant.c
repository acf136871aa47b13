/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A variant is a second store of weights with the adapters merged in, W + s B A
 * (E. Hu et al., "LoRA", ICLR 2022), and perhaps a map of received symbols.
 * Networks are not built again: graph_use_params moves them to the other store.
 */
#include "codec/codec_variant.h"

#include "codec/codec_map.h"
#include "codec/codec_merge.h"
#include "codec/codec_state.h"

#include <assert.h>
#include <stdlib.h>

struct codec_variant {
    atomic_int owners;
    codec_weights_t *weights; /* the base; one owner's share */
    params_t *params;
    float power[CODEC_RATES_MAX];
    codec_map_t map; /* kernel 0: none */
};

codec_variant_t *codec_variant_create(const codec_t *codec, const codec_adapter_t *adapters,
                                      int count, err_t *err)
{
    codec_variant_t *variant = calloc(1, sizeof(*variant));
    if (variant == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a variant");
        return NULL;
    }
    atomic_init(&variant->owners, 1);
    variant->weights = codec->weights;
    atomic_fetch_add(&variant->weights->owners, 1);
    variant->params = params_clone(codec->weights->params, err);
    int status = variant->params == NULL ? -1 : 0;
    if (status == 0) {
        params_seal(variant->params);
    }
    for (int i = 0; status == 0 && i < count; i++) {
        if (codec_merge(variant->weights, &adapters[i], variant->params, &variant->map, err) < 0) {
            status = count > 1 ? err_prefix(err, "adapter %d", i + 1) : err_prefix(err, "adapter");
        }
    }
    if (status < 0 ||
        codec_read_power(variant->weights->kind, variant->params, variant->power, err) < 0) {
        codec_variant_release(variant);
        return NULL;
    }
    params_changed(variant->params);
    return variant;
}

codec_variant_t *codec_variant_retain(codec_variant_t *variant)
{
    atomic_fetch_add(&variant->owners, 1);
    return variant;
}

void codec_variant_release(codec_variant_t *variant)
{
    if (variant != NULL && atomic_fetch_sub(&variant->owners, 1) == 1) {
        codec_map_free(&variant->map);
        params_destroy(variant->params);
        codec_weights_release(variant->weights);
        free(variant);
    }
}

/* ---- using ------------------------------------------------------------------------- */

void codec_use(codec_t *codec, codec_variant_t *variant)
{
    assert(variant == NULL || variant->weights->hash == codec->weights->hash);
    codec_variant_t *before = codec->variant;
    codec->variant = variant != NULL ? codec_variant_retain(variant) : NULL;
    codec_cache_follow(codec); /* no network may point into a store that is gone */
    codec_variant_release(before);
}

const codec_variant_t *codec_in_use(const codec_t *codec)
{
    return codec->variant;
}

params_t *codec_params(const codec_t *codec)
{
    return codec->variant != NULL ? codec->variant->params : codec->weights->params;
}

const float *codec_power(const codec_t *codec)
{
    return codec->variant != NULL ? codec->variant->power : codec->weights->power;
}

const codec_map_t *codec_variant_map(const codec_variant_t *variant)
{
    return variant->map.kernel != 0 ? &variant->map : NULL;
}
