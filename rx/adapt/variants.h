/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * variants: adapters from a store as codec variants, ready to be switched to while the radio runs.
 * The last VARIANTS_KEPT stay in memory; what a swap may still need is never given up.
 *
 * Threads: load belongs to the control thread and needs no lock; add, has and get are short and are
 * called under the daemon's own lock.
 */
#ifndef ADAPT_VARIANTS_H
#define ADAPT_VARIANTS_H

#include "codec/codec_variant.h"
#include "control/swap.h"
#include "store/store.h"

enum { VARIANTS_KEPT = 2 * SWAP_HELD };

typedef struct variants variants_t;

/*
 * Which half of the codec they are for.  A map with adapter.from, from codec A's symbols to those
 * of its base B, is held by both ends: A's encoder goes on as it is and stamps the tag, B's decoder
 * applies the map.  Each end refuses what is not meant for its half.
 */
typedef enum { VARIANTS_ENCODE, VARIANTS_DECODE } variants_half_t;

/* The store stays the caller's; the codec is cloned. */
variants_t *variants_create(store_t *store, const codec_t *codec, variants_half_t half, err_t *err);
void variants_destroy(variants_t *variants); /* NULL is fine */

/* Verified by hash, checked against the codec, merged with its weights.  ERR_ARGUMENT: no such
   object, or made for another codec; ERR_FORMAT: damaged.  The caller's reference.  *from:
   codec_hash of the codec whose frames it is for (adapter.from), or 0: this codec's own. */
codec_variant_t *variants_load(variants_t *variants, const digest_t *id, uint64_t *from,
                               err_t *err);

/* The same for an adapter that is no store's; errors as codec_variant_create. */
codec_variant_t *variants_make(const codec_t *codec, const adapter_t *adapter, variants_half_t half,
                               err_t *err);

/* Keeps it (takes the reference).  `state`: what must not be given up for it. */
void variants_add(variants_t *variants, const digest_t *id, codec_variant_t *variant, uint64_t from,
                  const swap_state_t *state);
bool variants_has(const variants_t *variants, const digest_t *id);

/* A reference of the caller's, or NULL; *from as above (may be NULL). */
codec_variant_t *variants_get(variants_t *variants, const digest_t *id, uint64_t *from);

/* codec_use, only when it is another one than before. */
void variants_use(codec_t *codec, codec_variant_t *variant);

#endif
