/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapter_level: a lower level is the first rows of each A and the first columns of each B.
 * Rows of A are contiguous, columns of B are copied.
 */
#include "adapter/adapter_level.h"

#include "adapter/adapter_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- cutting -------------------------------------------------------------- */

/* What a cut is made of. */
typedef struct {
    adapter_array_t *arrays;
    float *columns; /* room for every B */
    adapter_note_t *notes;
    int count;
} cut_t;

/* Columns 0 .. r-1 of b; returns where the room goes on. */
static float *copy_columns(adapter_array_t *b, int r, float *out)
{
    int64_t rows = b->shape[0], columns = b->shape[1];
    for (int64_t i = 0; i < rows; i++) {
        memcpy(out + i * r, b->data + i * columns, (size_t)r * sizeof *out);
    }
    b->data = out;
    b->shape[1] = r;
    return out + rows * r;
}

static int cut_arrays(const adapter_t *high, int level, cut_t *cut, err_t *err)
{
    float *columns = cut->columns;
    for (int i = 0; i < high->count; i++) {
        adapter_array_t array = high->arrays[i];
        char layer[ADAPTER_LAYER_MAX + 1];
        char half = adapter_pair_half(array.name, layer);
        if (half) {
            int ranks[ADAPTER_LEVELS_MAX];
            if (adapter_layer_ranks(high, layer, ranks, err) < 0) {
                return -1;
            }
            int r = ranks[level - 1];
            if (r == 0) {
                continue;
            }
            if (half == 'A') {
                array.shape[0] = r;
            } else {
                columns = copy_columns(&array, r, columns);
            }
        }
        cut->arrays[cut->count++] = array;
    }
    return 0;
}

adapter_t *adapter_level(const adapter_t *high, int level, err_t *err)
{
    if (level < 1 || level > high->info.level) {
        err_set(err, ERR_ARGUMENT, "level %d of an adapter %s %d", level,
                high->info.level > 0 ? "that holds levels 1 .." : "without levels, which is level",
                high->info.level);
        return NULL;
    }
    char number[16];
    snprintf(number, sizeof number, "%d", level);
    cut_t cut = {calloc((size_t)high->count + 1, sizeof *cut.arrays), malloc(high->size),
                 calloc((size_t)high->note_count, sizeof *cut.notes), 0};
    adapter_t *low = NULL;
    if (!cut.arrays || !cut.columns || !cut.notes) {
        err_set(err, ERR_MEMORY, "no memory to cut an adapter");
    } else if (cut_arrays(high, level, &cut, err) == 0) {
        for (int i = 0; i < high->note_count; i++) {
            cut.notes[i] = high->notes[i];
            if (strcmp(cut.notes[i].key, "adapter.level") == 0) {
                cut.notes[i].value = number;
            }
        }
        low = adapter_assemble(cut.arrays, cut.count, cut.notes, high->note_count, err);
    }
    free(cut.arrays);
    free(cut.columns);
    free(cut.notes);
    return low;
}

/* ---- comparing ------------------------------------------------------------ */

static bool starts_with(const adapter_array_t *high, const adapter_array_t *low, char half)
{
    int along = half == 'A' ? 0 : 1; /* the side that grows */
    if (high->shape[!along] != low->shape[!along] || high->shape[along] < low->shape[along]) {
        return false;
    }
    size_t row = (size_t)low->shape[1] * sizeof(float);
    for (int64_t i = 0; i < low->shape[0]; i++) {
        if (memcmp(high->data + i * high->shape[1], low->data + i * low->shape[1], row) != 0) {
            return false;
        }
    }
    return true;
}

int adapter_contains(const adapter_t *high, const adapter_t *low, err_t *err)
{
    if (high->info.base != low->info.base || high->info.kind != low->info.kind ||
        high->info.rank != low->info.rank || high->info.alpha != low->info.alpha) {
        return err_set(err, ERR_ARGUMENT,
                       "two adapters of different base, kind, rank or alpha: none "
                       "contains the other");
    }
    for (int i = 0; i < low->count; i++) {
        const adapter_array_t *mine = &low->arrays[i];
        const adapter_array_t *theirs = adapter_find(high, mine->name);
        char layer[ADAPTER_LAYER_MAX + 1];
        char half = adapter_pair_half(mine->name, layer);
        if (!theirs || (half && !starts_with(theirs, mine, half))) {
            return err_set(err, ERR_ARGUMENT,
                           "array %.80s of the lower adapter is not the start of the "
                           "higher one's",
                           mine->name);
        }
    }
    return 0;
}
