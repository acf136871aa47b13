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
    u->header =
        json_loadb((const char *)bytes + DIFFERENCE_FRONT, length, JSON_REJECT_DUPLICATES, &error);
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

/* An entry's list: its numbers, and whether "F16" follows them. */
typedef struct {
    int count;
    bool half;
    int64_t number[ADAPTER_RANK_MAX];
} entry_t;

static int read_entry(const upgrade_t *u, const char *name, const json_t *list, entry_t *entry)
{
    size_t count = json_array_size(list);
    const char *last = count > 0 ? json_string_value(json_array_get(list, count - 1)) : NULL;
    *entry = (entry_t){.half = last && strcmp(last, "F16") == 0};
    count -= entry->half;
    if (count < 1 || count > ADAPTER_RANK_MAX) {
        return refuse(u, name, "not 1 .. 4 numbers");
    }
    for (size_t i = 0; i < count; i++) {
        json_int_t side = json_integer_value(json_array_get(list, i));
        if (side < 1 || side > ADAPTER_SIZE_MAX) {
            return refuse(u, name, "a dimension is not a count, or it is too large");
        }
        entry->number[i] = side;
    }
    entry->count = (int)count;
    return 0;
}

/* Room for count floats, of which `fresh` come from the data that is left. */
static float *make_room(upgrade_t *u, const char *name, size_t count, size_t fresh, bool half)
{
    if (fresh > (size_t)(u->end - u->at) / (half ? 2 : 4)) {
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

static void take(upgrade_t *u, float *out, size_t count, bool half)
{
    safetensors_tensor_t tensor = {
        .dtype = half ? SAFETENSORS_F16 : SAFETENSORS_F32, .count = count, .data = u->at};
    safetensors_to_float(&tensor, out);
    u->at += count * (half ? 2 : 4);
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

static int grow_pair(upgrade_t *u, const char *layer, const entry_t *entry)
{
    adapter_array_t *a = array_called(u, layer, 'A'), *b = array_called(u, layer, 'B');
    int64_t r = entry->number[0];
    if (!a || !b || r <= a->shape[0] || r > 65535) {
        return refuse(u, layer, "grows a pair that is missing, or shrinks it");
    }
    size_t old = (size_t)a->shape[0], now = (size_t)r, more = now - old;
    size_t in = (size_t)a->shape[1], out = (size_t)b->shape[0];
    float *rows = make_room(u, layer, now * in, more * in, entry->half);
    if (!rows) {
        return -1;
    }
    memcpy(rows, a->data, old * in * sizeof *rows);
    take(u, rows + old * in, more * in, entry->half);
    float *columns = make_room(u, layer, out * now, out * more, entry->half);
    if (!columns) {
        return -1;
    }
    for (size_t i = 0; i < out; i++) {
        memcpy(columns + i * now, b->data + i * old, old * sizeof *columns);
        take(u, columns + i * now + old, more, entry->half);
    }
    a->data = rows;
    b->data = columns;
    a->shape[0] = b->shape[1] = r;
    return 0;
}

/* An array whose name lives as long as the header; in the place of one that low has. */
static int add_array(upgrade_t *u, const char *name, const entry_t *shape)
{
    adapter_array_t array = {.name = name, .rank = shape->count};
    size_t count = 1;
    for (int i = 0; i < array.rank; i++) {
        array.shape[i] = shape->number[i];
        count *= (size_t)array.shape[i]; /* at most 2^26 * 2^26 before it is refused */
        if (count > ADAPTER_SIZE_MAX) {
            return refuse(u, name, "too large");
        }
    }
    float *values = make_room(u, name, count, count, shape->half);
    if (!values) {
        return -1;
    }
    take(u, values, count, shape->half);
    array.data = values;
    int place = 0;
    while (place < u->low->count && strcmp(u->arrays[place].name, name) != 0) {
        place++;
    }
    u->arrays[place < u->low->count ? place : u->count++] = array;
    return 0;
}

/* A pair that low lacks: its two names are added to the header, which keeps them. */
static int add_pair(upgrade_t *u, const char *layer, const entry_t *sides)
{
    char name[ADAPTER_LAYER_MAX + 16];
    json_t *names = json_object_get(u->header, "names");
    if (array_called(u, layer, 'A') || array_called(u, layer, 'B')) {
        return refuse(u, layer, "adds a pair that is there");
    }
    for (int i = 0; i < 2; i++) {
        entry_t shape = {.count = 2, .half = sides->half};
        shape.number[i] = sides->number[0]; /* A [r][in], B [out][r] */
        shape.number[1 - i] = sides->number[2 - i];
        snprintf(name, sizeof name, "%s.lora_%c", layer, 'A' + i);
        if (json_object_set_new(names, name, json_true()) < 0) {
            return err_set(u->err, ERR_MEMORY, "no memory to upgrade an adapter");
        }
        if (add_array(u, json_object_iter_key(json_object_iter_at(names, name)), &shape) < 0) {
            return -1;
        }
    }
    return 0;
}

static int apply_arrays(upgrade_t *u)
{
    const char *key;
    json_t *value;
    entry_t entry;
    json_object_set_new(u->header, "names", json_object());
    json_object_foreach(json_object_get(u->header, "pairs"), key, value)
    {
        if (strlen(key) > ADAPTER_LAYER_MAX) {
            return refuse(u, key, "its name is too long");
        }
        if (read_entry(u, key, value, &entry) < 0) {
            return -1;
        }
        if (entry.count != 1 && entry.count != 3) {
            return refuse(u, key, "neither [r] nor [r, out, in]");
        }
        if ((entry.count == 1 ? grow_pair : add_pair)(u, key, &entry) < 0) {
            return -1;
        }
    }
    json_object_foreach(json_object_get(u->header, "arrays"), key, value)
    {
        if (read_entry(u, key, value, &entry) < 0 || add_array(u, key, &entry) < 0) {
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
    json_object_foreach(notes, key, value)
    {
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
