/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec_variant: a codec with adapters, ready to be switched to while it runs.
 *
 *     codec_tensor_t tensors[] = {{"encoder.stem.lora_A", 2, {4, 432}, a}, …};
 *     codec_adapter_t adapter = {.base = codec_hash(codec), .kind = "lora", .rank = 4,
 *                                .alpha = 4, .tensors = tensors, .count = n};
 *     codec_variant_t *v = codec_variant_create(codec, &adapter, 1, &err);  // off the hot path
 *     codec_use(codec, v);        // from the next call on; NULL: the base again
 *     codec_variant_release(v);   // the codec keeps its own reference
 *
 * Kinds of adapters (metadata `adapter.kind` of their files):
 *
 * "lora"    low-rank matrices on any convolution or linear layer of the codec:
 *           `LAYER.lora_A` [r][in*k*k] and `LAYER.lora_B` [out][r], r <= rank;
 *           W becomes W + alpha/rank * B A (Hu et al., 2022).  `projection.TENSOR` replaces the
 *           codec's TENSOR of that shape (E|point|^2 of an adapted encoder: `….running_power`).
 * "linear"  a map of the received soft symbols: `equaliser.weight` [2C][2C] on (re, im) of
 *           each place, axes 2c and 2c+1 being the two parts of complex channel c; perhaps
 *           `equaliser.bias` [2C].  C <= complex channels of the highest rate.  A rate with fewer
 *           channels uses the leading block; channels beyond C pass as they are.
 * "procrustes"  the same; whether it is orthogonal is not checked here.
 * "conv"    the same with a neighbourhood: `equaliser.weight` [2C][2C][k][k], k odd up to 15, as
 *           PyTorch's Conv2d(2C, 2C, k, padding=k/2).
 *           Maps work in front of a codec's decoder; the encoder ignores them.
 *
 * The noise variance after a map is what independent errors give: for complex
 * channel c the mean over its two rows of sum w^2 v / 2 (v: the variance of each
 * input), at most 1.
 *
 * Several adapters in one variant: low-rank ones add up; at most one map.
 *
 * Threads: a variant is immutable; any number of codecs that share the weights
 * (codec_clone) may use it at once.  References are counted: creating gives
 * one, codec_use takes one for that codec and gives back the one before, and
 * codec_close its last.  codec_use belongs to the codec's own thread.
 *
 * Cost: codec_use swaps pointers; each network packs the new weights when it
 * next runs (docs/MODELS.md has the times).  Nothing is allocated, except
 * when a map is used on a larger batch than ever before (codec_prepare after
 * codec_use does it beforehand).
 */
#ifndef SEMANTIC_CODEC_CODEC_VARIANT_H
#define SEMANTIC_CODEC_CODEC_VARIANT_H

#include "codec/codec.h"

enum { CODEC_LORA_RANK_MAX = 256 };

typedef struct {
    const char *name;
    int rank; /* 1 .. 4 */
    int shape[4];
    const float *data;
} codec_tensor_t;

typedef struct {
    uint64_t base;    /* codec_hash of the codec it was made for */
    const char *kind; /* "lora", "linear", "procrustes", "conv" */
    int rank;         /* of "lora": the largest r, 1 .. CODEC_LORA_RANK_MAX */
    float alpha;      /* of "lora": the product is scaled by alpha / rank */
    const codec_tensor_t *tensors;
    int count;
} codec_adapter_t;

typedef struct codec_variant codec_variant_t;

/*
 * Merges `count` >= 1 adapters (one by one, in this order) with the codec's base
 * weights.  Nothing of the adapters is kept.  NULL with ERR_ARGUMENT: made for
 * another base, unknown kind, layer, or tensor, wrong rank or shape, a pair not
 * complete, a value that is not finite.
 */
codec_variant_t *codec_variant_create(const codec_t *codec, const codec_adapter_t *adapters,
                                      int count, err_t *err);

/* The same from adapter files (docs/MODELS.md), safetensors with the metadata adapter.format,
   adapter.base, adapter.kind, adapter.rank, adapter.alpha. */
codec_variant_t *codec_variant_open(const codec_t *codec, const char *const *paths, int count,
                                    err_t *err);

codec_variant_t *codec_variant_retain(codec_variant_t *variant);
void codec_variant_release(codec_variant_t *variant); /* NULL is fine */

/*
 * From its next encode or decode on, the codec works with `variant` (NULL: its
 * base).  The variant must come from a codec with the same weights (assert).  The two ends
 * of a link must change together: the caller stamps its frames (frame header).
 */
void codec_use(codec_t *codec, codec_variant_t *variant);
const codec_variant_t *codec_in_use(const codec_t *codec); /* NULL: the base */

#endif
