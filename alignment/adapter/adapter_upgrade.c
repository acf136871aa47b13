/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapter_upgrade: low plus a difference, which may come from anybody.  Sizes are checked
 * against the bytes that are there before anything is allocated for them; the result passes the
 * checks of every adapter and then must have the hash that the difference names.
 */
#include "adapter/adapter_difference.h"

#include "adapter/adapter_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One upgrade. */
typedef struct {
    const adapter_t *low;
    const uint8_t *at, *end; /* data not yet used */
    json_t *header;
    adapter_array_t *arrays;
    float **owned; /* the new matrices */
    adapter_note_t *notes;
    int count, owned_count, note_count;
    err_t *err;
} upgrade_t;

static int refuse(const upgrade_t *u, const char *name, const char *why)
{
    return err_set(u->err, ERR_FORMAT, "difference: %.80s: %s", name, why);
}

/* ---- front ---------------------------------------------------------------- */

int adapter_difference_ends(const void *bytes, size_t size, digest_t *low, digest_t *high,
                            err_t *err)
{
    const uint8_t *at = bytes;
    if (size < DIFFERENCE_FRONT || memcmp(at, DIFFERENCE_MAGIC, 8) != 0) {
        return err_set(err, ERR_FORMAT, "not a difference of adapters");
    }
    memcpy(low->byte, at + 8, DIGEST_SIZE);
    memcpy(high->byte, at + 8 + DIGEST_SIZE, DIGEST_SIZE);
    return 0;
}

static int parse_front(upgrade_t *u, const uint8_t *bytes, size_t size)
{
    static const char *const parts[] = {"pairs", "arrays", "notes"};
    uint32_t length;
    json_error_t error;
    memcpy(&length, bytes + DIFFERENCE_FRONT - 4, 4);
    if (length > DIFFERENCE_HEADER_MAX || length > size - DIFFERENCE_FRONT) {
        return refuse(u, "header", "longer than the difference");
    }
    u->header = json_loadb((const char *)bytes + DIFFERENCE_FRONT, length, JSON_REJECT_DUPLICATES,
                           &error);
    if (!u->header) {
        return refuse(u, "header", error.text);
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!json_is_object(json_object_get(u->header, parts[i]))) {
            return refuse(u, parts[i], "missing or not an object");
        }
    }
    if (!json_is_array(json_object_get(u->header, "drop")) || json_object_size(u->header) != 4) {
        return refuse(u, "header", "not an object of pairs, arrays, notes and drop");
    }
    u->at = bytes + DIFFERENCE_FRONT + length;
    u->end = bytes + size;
    return 0;
}

static int allocate(upgrade_t *u)
{
    size_t pairs = json_object_size(json_object_get(u->header, "pairs"));
    size_t arrays = json_object_size(json_object_get(u->header, "arrays"));
    size_t notes = json_object_size(json_object_get(u->header, "notes"));
    if (pairs > ADAPTER_ARRAYS_MAX || arrays > ADAPTER_ARRAYS_MAX || notes > ADAPTER_NOTES_MAX ||
        json_array_size(json_object_get(u->header, "drop")) > ADAPTER_NOTES_MAX) {
        return refuse(u, "header", "too many entries");
    }
    size_t count = (size_t)u->low->count + 2 * pairs + arrays;
    u->arrays = calloc(count + 1, sizeof *u->arrays);
    u->owned = calloc(2 * pairs + arrays + 1, sizeof *u->owned);
    u->notes = calloc((size_t)u->low->note_count + notes + 1, sizeof *u->notes);
    if (!u->arrays || !u->owned || !u->notes) {
        return err_set(u->err, ERR_MEMORY, "no memory to upgrade an adapter");
    }
    for (int i = 0; i < u->low->count; i++) {
        u->arrays[u->count++] = u->low->arrays[i];
    }
    return 0;
}

/* ---- arrays --------------------------------------------------------------- */

/* Room for count floats, of which `fresh` come from the data that is left. */
static float *make_room(upgrade_t *u, const char *name, size_t count, size_t fresh)
{
    if (fresh > (size_t)(u->end - u->at) / sizeof(float)) {
        refuse(u, name, "its data is cut short");
        return NULL;
    }
    float *room = malloc(count * sizeof *room + 1);
    if (!room) {
        err_set(u->err, ERR_MEMORY, "no memory to upgrade an adapter");
        return NULL;
    }
    u->owned[u->owned_count++] = room;
    return room;
}

static void take(upgrade_t *u, float *out, size_t count)
{
    memcpy(out, u->at, count * sizeof *out);
    u->at += count * sizeof *out;
}

static adapter_array_t *array_called(upgrade_t *u, const char *layer, char half)
{
    char name[ADAPTER_LAYER_MAX + 16];
    snprintf(name, sizeof name, "%s.lora_%c", layer, half);
    for (int i = 0; i < u->low->count; i++) {
        if (strcmp(u->arrays[i].name, name) == 0) {
            return &u->arrays[i];
        }
    }
    return NULL;
}

static int grow_pair(upgrade_t *u, const char *layer, json_int_t r)
{
    adapter_array_t *a = array_called(u, layer, 'A'), *b = array_called(u, layer, 'B');
    if (!a || !b || r <= a->shape[0] || r > 65535) {
        return refuse(u, layer, "grows a pair that is missing, or shrinks it");
    }
    size_t old = (size_t)a->shape[0], now = (size_t)r, more = now - old;
    size_t in = (size_t)a->shape[1], out = (size_t)b->shape[0];
    float *rows = make_room(u, layer, now * in, more * in);
    if (!rows) {
        return -1;
    }
    memcpy(rows, a->data, old * in * sizeof *rows);
    take(u, rows + old * in, more * in);
    float *columns = make_room(u, layer, out * now, out * more);
    if (!columns) {
        return -1;
    }
    for (size_t i = 0; i < out; i++) {
        memcpy(columns + i * now, b->data + i * old, old * sizeof *columns);
        take(u, columns + i * now + old, more);
    }
    a->data = rows;
    b->data = columns;
    a->shape[0] = b->shape[1] = r;
    return 0;
}

/* An array whose name lives as long as the header. */
static int add_array(upgrade_t *u, const char *name, const json_t *shape)
{
    adapter_array_t array = {.name = name, .rank = (int)json_array_size(shape)};
    size_t count = 1;
    if (json_array_size(shape) < 1 || json_array_size(shape) > ADAPTER_RANK_MAX) {
        return refuse(u, name, "not 1 .. 4 dimensions");
    }
    for (int i = 0; i < array.rank; i++) {
        json_int_t side = json_integer_value(json_array_get(shape, (size_t)i));
        if (side < 1 || side > ADAPTER_SIZE_MAX || (count *= (size_t)side) > ADAPTER_SIZE_MAX) {
            return refuse(u, name, "a dimension is not a count, or it is too large");
        }
        array.shape[i] = side;
    }
    float *values = make_room(u, name, count, count);
    if (!values) {
        return -1;
    }
    take(u, values, count);
    array.data = values;
    u->arrays[u->count++] = array;
    return 0;
}

/* A pair that low lacks: its two names are added to the header, which keeps them. */
static int add_pair(upgrade_t *u, const char *layer, const json_t *sides)
{
    char name[2][ADAPTER_LAYER_MAX + 16];
    const json_t *r = json_array_get(sides, 0);
    if (json_array_size(sides) != 3 || strlen(layer) > ADAPTER_LAYER_MAX) {
        return refuse(u, layer, "not [r, out, in], or its name is too long");
    }
    json_t *names = json_object_get(u->header, "names");
    for (int i = 0; i < 2; i++) {
        snprintf(name[i], sizeof name[i], "%s.lora_%c", layer, 'A' + i);
        json_t *shape = i == 0 ? json_pack("[O,O]", r, json_array_get(sides, 2))
                               : json_pack("[O,O]", json_array_get(sides, 1), r);
        if (!shape || json_object_set_new(names, name[i], shape) < 0) {
            return err_set(u->err, ERR_MEMORY, "no memory to upgrade an adapter");
        }
        const char *kept = json_object_iter_key(json_object_iter_at(names, name[i]));
        if (add_array(u, kept, shape) < 0) {
            return -1;
        }
    }
    return 0;
}

static int apply_arrays(upgrade_t *u)
{
    const char *key;
    json_t *value;
    json_object_set_new(u->header, "names", json_object());
    json_object_foreach(json_object_get(u->header, "pairs"), key, value) {
        if (strlen(key) > ADAPTER_LAYER_MAX) {
            return refuse(u, key, "its name is too long");
        }
        if ((json_is_integer(value) ? grow_pair(u, key, json_integer_value(value))
                                    : add_pair(u, key, value)) < 0) {
            return -1;
        }
    }
    json_object_foreach(json_object_get(u->header, "arrays"), key, value) {
        if (add_array(u, key, value) < 0) {
            return -1;
        }
    }
    return u->at == u->end ? 0 : refuse(u, "data", "more than the header describes");
}

/* ---- notes ---------------------------------------------------------------- */

static bool dropped(const upgrade_t *u, const char *key)
{
    const json_t *drop = json_object_get(u->header, "drop");
    for (size_t i = 0; i < json_array_size(drop); i++) {
        const char *text = json_string_value(json_array_get(drop, i));
        if (text && strcmp(text, key) == 0) {
            return true;
        }
    }
    return false;
}

static int apply_notes(upgrade_t *u)
{
    json_t *notes = json_object_get(u->header, "notes"), *value;
    const char *key;
    for (int i = 0; i < u->low->note_count; i++) {
        const adapter_note_t *note = &u->low->notes[i];
        if (!json_object_get(notes, note->key) && !dropped(u, note->key)) {
            u->notes[u->note_count++] = *note;
        }
    }
    json_object_foreach(notes, key, value) {
        if (!json_is_string(value)) {
            return refuse(u, "notes", "a metadata string is not a string");
        }
        u->notes[u->note_count++] = (adapter_note_t){key, json_string_value(value)};
    }
    return 0;
}

/* ---- all of it ------------------------------------------------------------ */

static adapter_t *apply(upgrade_t *u, const uint8_t *bytes, size_t size)
{
    digest_t low, high;
    if (adapter_difference_ends(bytes, size, &low, &high, u->err) < 0) {
        return NULL;
    }
    if (!digest_equal(&low, &u->low->id)) {
        err_set(u->err, ERR_STATE, "the difference was made for another adapter");
        return NULL;
    }
    if (parse_front(u, bytes, size) < 0 || allocate(u) < 0 || apply_arrays(u) < 0 ||
        apply_notes(u) < 0) {
        return NULL;
    }
    adapter_t *result = adapter_assemble(u->arrays, u->count, u->notes, u->note_count, u->err);
    if (result && !digest_equal(&result->id, &high)) {
        refuse(u, "result", "its hash is not the one that was promised");
        adapter_destroy(result);
        return NULL;
    }
    return result;
}

adapter_t *adapter_upgrade(const adapter_t *low, const void *bytes, size_t size, err_t *err)
{
    upgrade_t u = {.low = low, .err = err};
    adapter_t *high = apply(&u, bytes, size);
    for (int i = 0; i < u.owned_count; i++) {
        free(u.owned[i]);
    }
    free(u.owned);
    free(u.arrays);
    free(u.notes);
    json_decref(u.header);
    return high;
}
