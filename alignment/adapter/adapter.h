/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapter: a small set of weights that changes what a codec does, with the facts about it.
 *
 * One format: a safetensors file whose `__metadata__` says what it is (docs/ADAPTERS.md).
 *
 *     adapter.format   "1"                          adapter.rate       rate p; absent: every rate
 *     adapter.base     codec_hash, 16 hex digits    adapter.snr_group  "10:15" dB; absent: every
 * SNR adapter.kind     lora | projection | linear   adapter.level      1 .. levels; absent: no
 * levels | procrustes | conv          adapter.ranks      "2,4,6": rank of each level adapter.rank
 * largest rank r (lora)        adapter.ranks.LAYER   the same of one layer adapter.alpha    W +
 * alpha/rank * B A         adapter.name, .author, .created, .parent
 *     adapter.from     codec_hash of another codec: a map of its symbols to the base's
 *
 * Tensors, all finite:
 *
 *     LAYER.lora_A [r][in*k*k]   LAYER.lora_B [out][r]     a pair on any layer, r <= adapter.rank
 *     any other name in a lora      replaces the codec's tensor of that name and shape
 *     projection.weight, projection.*                      a 1x1 rate projection
 *     equaliser.weight [2C][2C] or [2C][2C][k][k], equaliser.bias [2C]    (fit/equaliser.h)
 *
 * To this room a layer is only a name; the codec knows which matrix it means.  The scale is
 * alpha / adapter.rank, also on layers whose own r is smaller, so that all levels of one set share
 * one scale.
 *
 * Canonical form: tensors and metadata keys sorted by their bytes, header padded to 64, a tensor
 * stored as F16 when each of its values is exactly a half, else as F32.  The same
 * content has the same bytes, and the identity of an adapter is SHA-256 of them.  adapter_import
 * reads any safetensors file with these keys (any order, any number format) and makes the canonical
 * form; adapter_parse, for what comes over the wire or out of the store, takes nothing else.
 *
 * An adapter_t is immutable; any number of threads may use it.
 */
#ifndef ALIGNMENT_ADAPTER_ADAPTER_H
#define ALIGNMENT_ADAPTER_ADAPTER_H

#include "adapter/digest.h"
#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ADAPTER_SIZE_MAX = 64 << 20, /* bytes */
    ADAPTER_ARRAYS_MAX = 4096,
    ADAPTER_NOTES_MAX = 512,
    ADAPTER_TEXT_MAX = 64, /* name, author, created: shorter than this */
    ADAPTER_LEVELS_MAX = 16,
    ADAPTER_RANK_MAX = 4, /* dimensions of an array */
    ADAPTER_LAYER_MAX = 200,
};

typedef enum {
    ADAPTER_LORA,       /* low-rank pairs, perhaps with a projection */
    ADAPTER_PROJECTION, /* projection.weight */
    ADAPTER_LINEAR,     /* equaliser.weight [2C][2C] */
    ADAPTER_PROCRUSTES, /* the same, orthogonal */
    ADAPTER_CONV,       /* equaliser.weight [2C][2C][k][k], k odd */
    ADAPTER_KINDS,
} adapter_kind_t;

/* What the metadata says. */
typedef struct {
    uint64_t base; /* codec_hash of the codec it was made for */
    uint64_t from; /* linear, procrustes, conv: codec_hash of the codec whose symbols it turns into
                      base's; 0: base's own */
    adapter_kind_t kind;
    int rank;                       /* 0: no low-rank pairs */
    float alpha;                    /* 0 where rank is 0 */
    int rate;                       /* p >= 1; 0: every rate */
    float snr_low_db, snr_high_db;  /* NAN, NAN: every SNR */
    int level, levels;              /* 0, 0: not levelled */
    int ranks[ADAPTER_LEVELS_MAX];  /* rank of levels 1 .. levels, nondecreasing */
    char name[ADAPTER_TEXT_MAX];    /* store_name_check, or "" */
    char author[ADAPTER_TEXT_MAX];  /* "" */
    char created[ADAPTER_TEXT_MAX]; /* "2026-07-24T12:04:31Z", or "" */
    char parent[DIGEST_TEXT];       /* the adapter it was made from, or "" */
} adapter_info_t;

#define ADAPTER_INFO_INIT                                                                          \
    {                                                                                              \
        .snr_low_db = __builtin_nanf(""), .snr_high_db = __builtin_nanf("")                        \
    }

/* One array.  `name` and `data` belong to the adapter (or, when building, to the caller). */
typedef struct {
    const char *name;
    int rank; /* dimensions, 1 .. 4 */
    int64_t shape[ADAPTER_RANK_MAX];
    const float *data; /* row-major */
} adapter_array_t;

/* A metadata string that is not one of the above (its key must not start with "adapter."), or
   "adapter.ranks.LAYER". */
typedef struct {
    const char *key, *value;
} adapter_note_t;

typedef struct adapter adapter_t;

/* The canonical form.  ERR_ARGUMENT or ERR_FORMAT names the key or the array. */
adapter_t *adapter_build(const adapter_info_t *info, const adapter_array_t *arrays, int count,
                         const adapter_note_t *notes, int note_count, err_t *err);
/* From canonical bytes (hostile input); `name` stands for them in errors.  ERR_FORMAT. */
adapter_t *adapter_parse(const void *bytes, size_t size, const char *name, err_t *err);
/* From any safetensors bytes with the keys above; from a file. */
adapter_t *adapter_import(const void *bytes, size_t size, const char *name, err_t *err);
adapter_t *adapter_load(const char *path, err_t *err);
void adapter_destroy(adapter_t *adapter); /* NULL is fine */

/* Writes the canonical bytes to a file, atomically. */
int adapter_save(const adapter_t *adapter, const char *path, err_t *err);

const adapter_info_t *adapter_info(const adapter_t *adapter);
const uint8_t *adapter_bytes(const adapter_t *adapter, size_t *size); /* canonical */
digest_t adapter_id(const adapter_t *adapter);                        /* SHA-256 of them */

/* alpha / rank: the factor on B A.  0 without pairs. */
float adapter_scale(const adapter_t *adapter);

/* Arrays in canonical order, 0 .. adapter_count - 1; by name (NULL: none). */
int adapter_count(const adapter_t *adapter);
const adapter_array_t *adapter_array(const adapter_t *adapter, int index);
const adapter_array_t *adapter_find(const adapter_t *adapter, const char *name);
size_t adapter_elements(const adapter_array_t *array); /* product of the shape */

/* Every metadata string by its key (NULL: none), and in canonical order (NULL past the last). */
const char *adapter_note(const adapter_t *adapter, const char *key);
const char *adapter_note_at(const adapter_t *adapter, int index, const char **value);

/* ERR_STATE with both hashes unless the adapter was made for this codec. */
int adapter_check_base(const adapter_t *adapter, uint64_t codec_hash, err_t *err);

const char *adapter_kind_name(adapter_kind_t kind);
int adapter_kind_find(const char *name); /* -1: none */

#endif
