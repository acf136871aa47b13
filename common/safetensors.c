/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * safetensors: the reader.  Every number of the header is checked before it is
 * used; afterwards the tensors are known to tile the data exactly.
 */
#include "safetensors.h"

#include "file.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const size_t header_limit = (size_t)16 << 20;
static const size_t file_limit = (size_t)8 << 30;

struct safetensors {
    uint8_t *bytes;
    json_t *header; /* owns the names and the notes */
    safetensors_tensor_t *tensor;
    int count;
};

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [SAFETENSORS_F32] = {"F32", 4},   [SAFETENSORS_F64] = {"F64", 8},
    [SAFETENSORS_F16] = {"F16", 2},   [SAFETENSORS_BF16] = {"BF16", 2},
    [SAFETENSORS_I64] = {"I64", 8},   [SAFETENSORS_I32] = {"I32", 4},
    [SAFETENSORS_U8] = {"U8", 1},
};

/* One tensor's entry, while it is being checked. */
typedef struct {
    const char *file, *name;
    const json_t *entry;
    safetensors_tensor_t *tensor;
    const uint8_t *data;
    size_t data_size;
    err_t *err;
} entry_t;

static int refuse(const entry_t *e, const char *why)
{
    return err_set(e->err, ERR_FORMAT, "%s: tensor %.80s: %s", e->file, e->name, why);
}

static int parse_name(const entry_t *e)
{
    size_t length = strlen(e->name);
    if (length == 0 || length >= SAFETENSORS_NAME_MAX) {
        return refuse(e, "its name is empty or too long");
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)e->name[i] < 0x20 || e->name[i] == 0x7f) {
            return err_set(e->err, ERR_FORMAT, "%s: a tensor name has control characters", e->file);
        }
    }
    return 0;
}

static int parse_dtype(const entry_t *e)
{
    const char *dtype = json_string_value(json_object_get(e->entry, "dtype"));
    if (!dtype) {
        return refuse(e, "dtype is missing or not a string");
    }
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(dtype, dtypes[i].name) == 0) {
            e->tensor->dtype = (safetensors_dtype_t)i;
            return 0;
        }
    }
    return err_set(e->err, ERR_FORMAT, "%s: tensor %.80s: dtype %.20s is not read here", e->file,
                   e->name, dtype);
}

static int parse_shape(const entry_t *e)
{
    const json_t *shape = json_object_get(e->entry, "shape");
    size_t rank = json_array_size(shape), count = 1;
    if (!json_is_array(shape)) {
        return refuse(e, "shape is missing or not a list");
    }
    if (rank > SAFETENSORS_RANK_MAX) {
        return refuse(e, "it has too many dimensions");
    }
    for (size_t i = 0; i < rank; i++) {
        const json_t *side = json_array_get(shape, i);
        json_int_t value = json_integer_value(side);
        if (!json_is_integer(side) || value < 0) {
            return refuse(e, "a dimension is not a count");
        }
        if (__builtin_mul_overflow(count, (size_t)value, &count)) {
            return refuse(e, "its shape overflows");
        }
        e->tensor->shape[i] = value;
    }
    e->tensor->rank = (int)rank;
    e->tensor->count = count;
    return 0;
}

static int parse_offsets(const entry_t *e)
{
    const json_t *offsets = json_object_get(e->entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    size_t bytes;
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(end)) {
        return refuse(e, "data_offsets is not a pair of numbers");
    }
    json_int_t from = json_integer_value(first), to = json_integer_value(end);
    if (from < 0 || to < from || (size_t)to > e->data_size) {
        return refuse(e, "its data lies outside the file");
    }
    if (__builtin_mul_overflow(e->tensor->count, dtypes[e->tensor->dtype].size, &bytes) ||
        bytes != (size_t)(to - from)) {
        return refuse(e, "its shape and its data disagree in size");
    }
    e->tensor->data = e->data + from;
    return 0;
}

static int parse_entry(const entry_t *e)
{
    e->tensor->name = e->name;
    if (parse_name(e) < 0) {
        return -1;
    }
    if (!json_is_object(e->entry) || json_object_size(e->entry) != 3) {
        return refuse(e, "it is not an object of dtype, shape, and data_offsets");
    }
    return parse_dtype(e) < 0 || parse_shape(e) < 0 || parse_offsets(e) < 0 ? -1 : 0;
}

static int check_metadata(const char *name, json_t *metadata, err_t *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata)) {
        return err_set(err, ERR_FORMAT, "%s: __metadata__ is not an object", name);
    }
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value)) {
            return err_set(err, ERR_FORMAT, "%s: __metadata__ %.60s is not a string", name, key);
        }
    }
    return 0;
}

static int by_place(const void *left, const void *right)
{
    const safetensors_tensor_t *a = left, *b = right;
    if (a->data != b->data) {
        return (const uint8_t *)a->data < (const uint8_t *)b->data ? -1 : 1;
    }
    /* Tensors without elements share an address with the one that follows. */
    return a->count == b->count ? strcmp(a->name, b->name) : a->count < b->count ? -1 : 1;
}

/* In order, each tensor starts where the one before ended; the last ends the file. */
static int check_tiling(const safetensors_t *file, const char *name, const uint8_t *data,
                        size_t size, err_t *err)
{
    const uint8_t *at = data;
    for (int i = 0; i < file->count; i++) {
        const safetensors_tensor_t *tensor = &file->tensor[i];
        if ((const uint8_t *)tensor->data != at) {
            return err_set(err, ERR_FORMAT, "%s: tensor %.80s: its data %s", name, tensor->name,
                           (const uint8_t *)tensor->data < at ? "overlaps another tensor's"
                                                              : "leaves a hole before it");
        }
        at += tensor->count * dtypes[tensor->dtype].size;
    }
    return at == data + size
               ? 0
               : err_set(err, ERR_FORMAT, "%s: %zu bytes at the end belong to no tensor", name,
                         (size_t)(data + size - at));
}

static int parse_tensors(safetensors_t *file, const char *name, const uint8_t *data, size_t size,
                         err_t *err)
{
    const char *key;
    json_t *value;
    file->tensor = calloc(json_object_size(file->header) + 1, sizeof *file->tensor);
    if (!file->tensor) {
        return err_set(err, ERR_MEMORY, "%s: no memory for its tensors", name);
    }
    json_object_foreach(file->header, key, value) {
        if (strcmp(key, "__metadata__") == 0) {
            if (check_metadata(name, value, err) < 0) {
                return -1;
            }
            continue;
        }
        entry_t entry = {name, key, value, &file->tensor[file->count], data, size, err};
        if (parse_entry(&entry) < 0) {
            return -1;
        }
        file->count++;
    }
    if (file->count > 0) {
        qsort(file->tensor, (size_t)file->count, sizeof *file->tensor, by_place);
    }
    return check_tiling(file, name, data, size, err);
}

static int parse(safetensors_t *file, size_t size, const char *name, err_t *err)
{
    uint64_t length = 0;
    if (size < 8) {
        return err_set(err, ERR_FORMAT, "%s: too short for a safetensors file", name);
    }
    for (int i = 7; i >= 0; i--) {
        length = length << 8 | file->bytes[i];
    }
    if (length > header_limit || length > size - 8) {
        return err_set(err, ERR_FORMAT, "%s: its header claims %llu bytes", name,
                       (unsigned long long)length);
    }
    const char *text = (const char *)file->bytes + 8;
    if (length == 0 || text[0] != '{') {
        return err_set(err, ERR_FORMAT, "%s: its header is not a JSON object", name);
    }
    json_error_t error;
    file->header = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (!file->header) {
        return err_set(err, ERR_FORMAT, "%s: header: %s at byte %d", name, error.text,
                       error.position);
    }
    return parse_tensors(file, name, file->bytes + 8 + length, size - 8 - (size_t)length, err);
}

/* Takes `bytes`. */
static safetensors_t *adopt(uint8_t *bytes, size_t size, const char *name, err_t *err)
{
    safetensors_t *file = calloc(1, sizeof *file);
    if (!file) {
        free(bytes);
        err_set(err, ERR_MEMORY, "%s: no memory to read it", name);
        return NULL;
    }
    file->bytes = bytes;
    if (parse(file, size, name, err) < 0) {
        safetensors_close(file);
        return NULL;
    }
    return file;
}

safetensors_t *safetensors_open(const char *path, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (file_read_all(path, file_limit, &bytes, &size, err) < 0) {
        return NULL;
    }
    return adopt(bytes, size, path, err);
}

safetensors_t *safetensors_parse(const void *bytes, size_t size, const char *name, err_t *err)
{
    uint8_t *copy = malloc(size + 1);
    if (!copy) {
        err_set(err, ERR_MEMORY, "%s: no memory to read it", name);
        return NULL;
    }
    if (size > 0) {
        memcpy(copy, bytes, size);
    }
    return adopt(copy, size, name, err);
}

void safetensors_close(safetensors_t *file)
{
    if (file) {
        json_decref(file->header);
        free(file->tensor);
        free(file->bytes);
        free(file);
    }
}

int safetensors_count(const safetensors_t *file)
{
    return file->count;
}

const safetensors_tensor_t *safetensors_at(const safetensors_t *file, int index)
{
    return &file->tensor[index];
}

const safetensors_tensor_t *safetensors_find(const safetensors_t *file, const char *name)
{
    for (int i = 0; i < file->count; i++) {
        if (strcmp(file->tensor[i].name, name) == 0) {
            return &file->tensor[i];
        }
    }
    return NULL;
}

const char *safetensors_note(const safetensors_t *file, const char *key)
{
    return json_string_value(json_object_get(json_object_get(file->header, "__metadata__"), key));
}

int safetensors_notes(const safetensors_t *file)
{
    return (int)json_object_size(json_object_get(file->header, "__metadata__"));
}

const char *safetensors_note_at(const safetensors_t *file, int index, const char **value)
{
    json_t *metadata = json_object_get(file->header, "__metadata__");
    void *at = json_object_iter(metadata);
    for (int i = 0; at && i < index; i++) {
        at = json_object_iter_next(metadata, at);
    }
    *value = at ? json_string_value(json_object_iter_value(at)) : NULL;
    return at ? json_object_iter_key(at) : NULL;
}
