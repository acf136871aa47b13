/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapter_level: nested levels of a low-rank set and the differences between them.
 *
 * Level m of a set contains level m-1: of every pair, the lower level's matrices are the first
 * r rows of A and the first r columns of B, bit for bit (Hu and Li, "Distillation-Enabled Knowledge
 * Alignment Protocol", III-A).  `adapter.ranks` = "r1,r2,..." says r of each level for every
 * layer, `adapter.ranks.LAYER` for one; r = 0 leaves the layer out.  Files of two levels of a set
 * differ in `adapter.level` and in the matrices, in nothing else.
 *
 * A difference is what turns one adapter into another that contains it.  It names both by their
 * hashes, carries only rows, columns, arrays and metadata that the lower one lacks, and its
 * application is verified by hash; docs/ADAPTERS.md has the bytes.
 */
#ifndef ALIGNMENT_ADAPTER_ADAPTER_LEVEL_H
#define ALIGNMENT_ADAPTER_ADAPTER_LEVEL_H

#include "adapter/adapter.h"

/* Cuts level 1 .. adapter_info(high)->level out of a levelled adapter. */
adapter_t *adapter_level(const adapter_t *high, int level, err_t *err);

/* 0 when both have the same base, kind and scale and every matrix of `low` is the start of `high`'s
   (other arrays of `low` must be there, whatever their values); else ERR_ARGUMENT names the array.
 */
int adapter_contains(const adapter_t *high, const adapter_t *low, err_t *err);

/* high minus low: *bytes[*size], free() it.  Deterministic. */
int adapter_difference(const adapter_t *high, const adapter_t *low, uint8_t **bytes, size_t *size,
                       err_t *err);

/* low plus a difference (hostile input).  ERR_STATE: it was made for another adapter; ERR_FORMAT:
   malformed, or the result is not what it promised. */
adapter_t *adapter_upgrade(const adapter_t *low, const void *bytes, size_t size, err_t *err);

/* The two hashes of a difference, without applying it. */
int adapter_difference_ends(const void *bytes, size_t size, digest_t *low, digest_t *high,
                            err_t *err);

/* The bytes of rows, columns and arrays that `high` has and `low` lacks, halves where they are
   halves: what a difference must carry.  0 unless adapter_contains. */
size_t adapter_missing_bytes(const adapter_t *high, const adapter_t *low);

#endif
