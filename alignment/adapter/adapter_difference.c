/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapter_difference: high minus low.
 *
 *     "semdiff1" · SHA-256 of low · SHA-256 of high · u32 n · JSON[n] · data
 *
 * little-endian.  The JSON says, in the order of the data,
 *     "pairs":  {LAYER: [r], ...} grows LAYER's pair to rank r;  LAYER: [r, out, in] adds one.
 *               Data: the new rows of A [.][in], then the new columns of B [out][.]
 *     "arrays": {NAME: [shape], ...} adds an array, or takes the place of one.  Data: all of it
 *     "notes":  {KEY: TEXT, ...} sets a metadata string;  "drop": [KEY, ...] removes some
 * Data are floats; after a last word "F16" in a list, halves (when all of that entry's values are).
 */
#include "adapter/adapter_difference.h"

#include "adapter/adapter_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is being written. */
typedef struct {
    const adapter_t *high, *low;
    json_t *pairs, *arrays;
    float *entry;  /* one entry's values */
    uint8_t *data; /* all of them */
    size_t size;   /* of data so far */
} difference_t;

/* The entry's values go to the data; `list`, which describes them, goes to `to` under `key`. */
static void put(difference_t *d, json_t *to, const char *key, json_t *list, size_t count)
{
    if (adapter_are_halves(d->entry, count)) {
        for (size_t i = 0; i < count; i++) {
            uint16_t half;
            safetensors_to_half(&d->entry[i], 1, &half);
            memcpy(d->data + d->size + 2 * i, &half, sizeof half);
        }
        d->size += 2 * count;
        json_array_append_new(list, json_string("F16"));
    } else {
        memcpy(d->data + d->size, d->entry, count * sizeof *d->entry);
        d->size += count * sizeof *d->entry;
    }
    json_object_set_new(to, key, list);
}

static void put_pair(difference_t *d, const char *layer, const adapter_array_t *a)
{
    const adapter_array_t *mine = adapter_find(d->low, a->name);
    const adapter_array_t *b = adapter_pair_find(d->high, layer, 'B');
    int64_t from = mine ? mine->shape[0] : 0, more = a->shape[0] - from;
    if (more == 0) {
        return;
    }
    float *to = d->entry + more * a->shape[1];
    memcpy(d->entry, a->data + from * a->shape[1], (size_t)(more * a->shape[1]) * sizeof *to);
    for (int64_t i = 0; i < b->shape[0]; i++, to += more) {
        memcpy(to, b->data + i * b->shape[1] + from, (size_t)more * sizeof *to);
    }
    json_t *list = mine ? json_pack("[I]", (json_int_t)a->shape[0])
                        : json_pack("[I,I,I]", (json_int_t)a->shape[0], (json_int_t)b->shape[0],
                                    (json_int_t)a->shape[1]);
    put(d, d->pairs, layer, list, (size_t)(to - d->entry));
}

static void put_array(difference_t *d, const adapter_array_t *array)
{
    const adapter_array_t *mine = adapter_find(d->low, array->name);
    size_t count = adapter_elements(array);
    if (mine && mine->rank == array->rank &&
        memcmp(mine->shape, array->shape, sizeof array->shape) == 0 &&
        memcmp(mine->data, array->data, count * sizeof *array->data) == 0) {
        return;
    }
    json_t *shape = json_array();
    for (int k = 0; k < array->rank; k++) {
        json_array_append_new(shape, json_integer(array->shape[k]));
    }
    memcpy(d->entry, array->data, count * sizeof *array->data);
    put(d, d->arrays, array->name, shape, count);
}

static void put_all(difference_t *d)
{
    char layer[ADAPTER_LAYER_MAX + 1];
    for (int i = 0; i < d->high->count; i++) {
        if (adapter_pair_half(d->high->arrays[i].name, layer) == 'A') {
            put_pair(d, layer, &d->high->arrays[i]);
        }
    }
    for (int i = 0; i < d->high->count; i++) {
        if (!adapter_pair_half(d->high->arrays[i].name, layer)) {
            put_array(d, &d->high->arrays[i]);
        }
    }
}

static int difference_create(difference_t *d, const adapter_t *high, const adapter_t *low,
                             err_t *err)
{
    size_t elements = 1;
    if (adapter_contains(high, low, err) < 0) {
        return -1;
    }
    for (int i = 0; i < high->count; i++) {
        elements += adapter_elements(&high->arrays[i]);
    }
    *d = (difference_t){high,
                        low,
                        json_object(),
                        json_object(),
                        malloc(elements * sizeof(float)),
                        malloc(elements * sizeof(float)),
                        0};
    if (!d->pairs || !d->arrays || !d->entry || !d->data) {
        return err_set(err, ERR_MEMORY, "no memory for a difference of adapters");
    }
    put_all(d);
    return 0;
}

static void difference_destroy(difference_t *d)
{
    json_decref(d->pairs);
    json_decref(d->arrays);
    free(d->entry);
    free(d->data);
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

static char *header_text(const difference_t *d)
{
    json_t *drop = json_array(), *notes = describe_notes(d->high, d->low, drop);
    json_t *header = json_pack("{s:O,s:O,s:o,s:o}", "pairs", d->pairs, "arrays", d->arrays, "notes",
                               notes, "drop", drop);
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    return text;
}

int adapter_difference(const adapter_t *high, const adapter_t *low, uint8_t **bytes, size_t *size,
                       err_t *err)
{
    difference_t d = {0};
    *bytes = NULL;
    int result = difference_create(&d, high, low, err);
    char *text = result == 0 ? header_text(&d) : NULL;
    size_t length = text ? strlen(text) : 0;
    *size = DIFFERENCE_FRONT + length + d.size;
    if (result == 0 && (!text || !(*bytes = malloc(*size)))) {
        result = err_set(err, ERR_MEMORY, "no memory for a difference of adapters");
    } else if (result == 0) {
        uint32_t stated = (uint32_t)length;
        memcpy(*bytes, DIFFERENCE_MAGIC, 8);
        memcpy(*bytes + 8, low->id.byte, DIGEST_SIZE);
        memcpy(*bytes + 8 + DIGEST_SIZE, high->id.byte, DIGEST_SIZE);
        memcpy(*bytes + 8 + 2 * DIGEST_SIZE, &stated, 4);
        memcpy(*bytes + DIFFERENCE_FRONT, text, length);
        memcpy(*bytes + DIFFERENCE_FRONT + length, d.data, d.size);
    }
    free(text);
    difference_destroy(&d);
    return result;
}

size_t adapter_missing_bytes(const adapter_t *high, const adapter_t *low)
{
    difference_t d = {0};
    size_t missing = difference_create(&d, high, low, NULL) == 0 ? d.size : 0;
    difference_destroy(&d);
    return missing;
}
