/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapter_difference: high minus low.
 *
 *     "semdiff1" · SHA-256 of low · SHA-256 of high · u32 n · JSON[n] · float data
 *
 * little-endian.  The JSON says, in the order of the data,
 *     "pairs":  {LAYER: r, ...} grows LAYER's pair to rank r;  LAYER: [r, out, in] adds one.
 *               Data: the new rows of A [.][in], then the new columns of B [out][.]
 *     "arrays": {NAME: [shape], ...} adds an array.  Data: all of it
 *     "notes":  {KEY: TEXT, ...} sets a metadata string;  "drop": [KEY, ...] removes some
 */
#include "adapter/adapter_difference.h"

#include "adapter/adapter_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- header --------------------------------------------------------------- */

static json_t *describe_pairs(const adapter_t *high, const adapter_t *low)
{
    json_t *pairs = json_object();
    for (int i = 0; i < high->count; i++) {
        char layer[ADAPTER_LAYER_MAX + 1];
        const adapter_array_t *a = &high->arrays[i];
        if (adapter_pair_half(a->name, layer) != 'A') {
            continue;
        }
        const adapter_array_t *mine = adapter_find(low, a->name);
        const adapter_array_t *b = adapter_pair_find(high, layer, 'B');
        if (!mine) {
            json_object_set_new(pairs, layer,
                                json_pack("[I,I,I]", (json_int_t)a->shape[0],
                                          (json_int_t)b->shape[0], (json_int_t)a->shape[1]));
        } else if (mine->shape[0] < a->shape[0]) {
            json_object_set_new(pairs, layer, json_integer(a->shape[0]));
        }
    }
    return pairs;
}

static json_t *describe_arrays(const adapter_t *high, const adapter_t *low)
{
    json_t *arrays = json_object();
    for (int i = 0; i < high->count; i++) {
        char layer[ADAPTER_LAYER_MAX + 1];
        const adapter_array_t *array = &high->arrays[i];
        if (adapter_pair_half(array->name, layer) || adapter_find(low, array->name)) {
            continue;
        }
        json_t *shape = json_array();
        for (int k = 0; k < array->rank; k++) {
            json_array_append_new(shape, json_integer(array->shape[k]));
        }
        json_object_set_new(arrays, array->name, shape);
    }
    return arrays;
}

static json_t *describe_notes(const adapter_t *high, const adapter_t *low, json_t *drop)
{
    json_t *notes = json_object();
    for (int i = 0; i < high->note_count; i++) {
        const char *mine = adapter_note(low, high->notes[i].key);
        if (!mine || strcmp(mine, high->notes[i].value) != 0) {
            json_object_set_new(notes, high->notes[i].key, json_string(high->notes[i].value));
        }
    }
    for (int i = 0; i < low->note_count; i++) {
        if (!adapter_note(high, low->notes[i].key)) {
            json_array_append_new(drop, json_string(low->notes[i].key));
        }
    }
    return notes;
}

/* ---- data ----------------------------------------------------------------- */

static uint8_t *put(uint8_t *out, const float *from, int64_t count)
{
    size_t bytes = (size_t)count * sizeof *from;
    memcpy(out, from, bytes);
    return out + bytes;
}

/* Rows of A and columns of B from rank `r` on. */
static uint8_t *put_pair(uint8_t *out, const adapter_array_t *a, const adapter_array_t *b, int64_t r)
{
    int64_t more = a->shape[0] - r;
    out = put(out, a->data + r * a->shape[1], more * a->shape[1]);
    for (int64_t i = 0; i < b->shape[0]; i++) {
        out = put(out, b->data + i * b->shape[1] + r, more);
    }
    return out;
}

static uint8_t *put_data(uint8_t *out, const adapter_t *high, const adapter_t *low, json_t *header)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(header, "pairs"), key, value) {
        const adapter_array_t *a = adapter_pair_find(high, key, 'A');
        const adapter_array_t *mine = adapter_pair_find(low, key, 'A');
        out = put_pair(out, a, adapter_pair_find(high, key, 'B'), mine ? mine->shape[0] : 0);
    }
    json_object_foreach(json_object_get(header, "arrays"), key, value) {
        const adapter_array_t *array = adapter_find(high, key);
        out = put(out, array->data, (int64_t)adapter_elements(array));
    }
    return out;
}

int adapter_difference(const adapter_t *high, const adapter_t *low, uint8_t **bytes, size_t *size,
                       err_t *err)
{
    if (adapter_contains(high, low, err) < 0) {
        return -1;
    }
    json_t *drop = json_array();
    json_t *notes = describe_notes(high, low, drop);
    json_t *header = json_pack("{s:o,s:o,s:o,s:o}", "pairs", describe_pairs(high, low), "arrays",
                               describe_arrays(high, low), "notes", notes, "drop", drop);
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    size_t length = text ? strlen(text) : 0;
    *size = DIFFERENCE_FRONT + length + adapter_missing_bytes(high, low);
    *bytes = text ? malloc(*size) : NULL;
    int result = 0;
    if (!*bytes) {
        result = err_set(err, ERR_MEMORY, "no memory for a difference of adapters");
    } else {
        uint32_t stated = (uint32_t)length;
        memcpy(*bytes, DIFFERENCE_MAGIC, 8);
        memcpy(*bytes + 8, low->id.byte, DIGEST_SIZE);
        memcpy(*bytes + 8 + DIGEST_SIZE, high->id.byte, DIGEST_SIZE);
        memcpy(*bytes + 8 + 2 * DIGEST_SIZE, &stated, 4);
        memcpy(*bytes + DIFFERENCE_FRONT, text, length);
        put_data(*bytes + DIFFERENCE_FRONT + length, high, low, header);
    }
    free(text);
    json_decref(header);
    return result;
}
