/* SPDX-License-Identifier: GPL-3.0-or-later */
/* adapter_private: what the files of `adapter` share. */
#ifndef ALIGNMENT_ADAPTER_ADAPTER_PRIVATE_H
#define ALIGNMENT_ADAPTER_ADAPTER_PRIVATE_H

#include "adapter/adapter.h"
#include "safetensors.h"

#include <stdbool.h>

struct adapter {
    safetensors_t *file; /* owns names, data and notes */
    uint8_t *bytes;      /* the canonical form */
    float *values;       /* of all arrays */
    size_t size;
    digest_t id;
    adapter_info_t info;
    adapter_array_t *arrays; /* sorted by name */
    adapter_note_t *notes;   /* sorted by key */
    int count, note_count;
};

/* For qsort and bsearch over arrays. */
int adapter_by_name(const void *left, const void *right);

/* The text of a metadata key; NULL: absent. */
const char *adapter_notes_find(const adapter_note_t *notes, int count, const char *key);

/* Metadata strings to info. */
int adapter_info_read(adapter_info_t *info, const adapter_note_t *notes, int count,
                      const char *name, err_t *err);

/* Info to metadata strings: text[] holds them, notes[] points into it.  Returns how many. */
enum { ADAPTER_INFO_NOTES = 16, ADAPTER_INFO_TEXT = 160 };
int adapter_info_write(const adapter_info_t *info, adapter_note_t notes[ADAPTER_INFO_NOTES],
                       char text[ADAPTER_INFO_NOTES][ADAPTER_INFO_TEXT]);

/* The ranks of one layer at each level into ranks[levels]; those of all layers where it has none.
 */
int adapter_layer_ranks(const adapter_t *adapter, const char *layer, int ranks[ADAPTER_LEVELS_MAX],
                        err_t *err);

/* Shapes, pairs, finite values. */
int adapter_check_arrays(const adapter_t *adapter, const char *name, err_t *err);

/* Splits "LAYER.lora_A" or "LAYER.lora_B": 'A' or 'B' with LAYER in layer[], else 0. */
char adapter_pair_half(const char *name, char layer[ADAPTER_LAYER_MAX + 1]);

/* The B of an A's layer or the other way round; NULL: missing. */
const adapter_array_t *adapter_pair_find(const adapter_t *adapter, const char *layer, char half);

/* An adapter of arrays and all its metadata strings; sorts both. */
adapter_t *adapter_assemble(adapter_array_t *arrays, int count, adapter_note_t *notes,
                            int note_count, err_t *err);

/* Whether every value is exactly a half (IEEE 754 binary16): then it is stored as one. */
bool adapter_are_halves(const float *values, size_t count);

/* A word of letters, digits, . _ -, beginning with a letter or digit, shorter than 64. */
bool adapter_word_valid(const char *word);

#endif
