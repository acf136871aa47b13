/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_merge: one adapter into a variant's weights or map of symbols.  Private to semantic/codec.
 */
#ifndef SEMANTIC_CODEC_CODEC_MERGE_H
#define SEMANTIC_CODEC_CODEC_MERGE_H

#include "codec/codec_kind.h"
#include "codec/codec_map.h"
#include "codec/codec_variant.h"

/* Merges into `params`, a copy of the base weights, or fills `map`.  0, or -1 as
 * codec_variant_create. */
int codec_merge(const codec_weights_t *weights, const codec_adapter_t *adapter, params_t *params,
                codec_map_t *map, err_t *err);

#endif
