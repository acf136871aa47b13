/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapter_build: one way in.  Whatever an adapter is made from ends as canonical bytes, and every
 * adapter_t is read from those by the same checks.
 */
#include "adapter/adapter_private.h"

#include "file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_key(const void *left, const void *right)
{
    return strcmp(((const adapter_note_t *)left)->key, ((const adapter_note_t *)right)->key);
}

/* ---- canonical bytes ------------------------------------------------------ */

bool adapter_are_halves(const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        float back;
        safetensors_to_half(&values[i], 1, &half);
        safetensors_tensor_t tensor = {.dtype = SAFETENSORS_F16, .count = 1, .data = &half};
        safetensors_to_float(&tensor, &back);
        if (memcmp(&back, &values[i], sizeof back) != 0) {
            return false;
        }
    }
    return true;
}

/* The array as a tensor, its values as halves in `room` where they all are. */
static safetensors_tensor_t as_tensor(const adapter_array_t *array, uint16_t *room)
{
    size_t count = adapter_elements(array);
    safetensors_tensor_t tensor = {.name = array->name,
                                   .dtype = SAFETENSORS_F32,
                                   .rank = array->rank,
                                   .data = array->data,
                                   .count = count};
    memcpy(tensor.shape, array->shape, sizeof array->shape);
    if (adapter_are_halves(array->data, count)) {
        safetensors_to_half(array->data, count, room);
        tensor.dtype = SAFETENSORS_F16;
        tensor.data = room;
    }
    return tensor;
}

/* arrays and notes must be sorted. */
static int serialise(const adapter_array_t *arrays, int count, const adapter_note_t *notes,
                     int note_count, uint8_t **bytes, size_t *size, err_t *err)
{
    size_t elements = 0;
    for (int i = 0; i < count; i++) {
        elements += adapter_elements(&arrays[i]);
    }
    safetensors_tensor_t *tensors = calloc((size_t)count + 1, sizeof *tensors);
    const char **text = calloc(2 * (size_t)note_count + 1, sizeof *text);
    uint16_t *halves = malloc((elements + 1) * sizeof *halves), *room = halves;
    int result = -1;
    if (!tensors || !text || !halves) {
        err_set(err, ERR_MEMORY, "no memory for an adapter");
    } else {
        for (int i = 0; i < count; i++) {
            tensors[i] = as_tensor(&arrays[i], room);
            room += tensors[i].count;
        }
        for (int i = 0; i < note_count; i++) {
            text[i] = notes[i].key;
            text[note_count + i] = notes[i].value;
        }
        result = safetensors_serialise(tensors, count, text, text + note_count, note_count, bytes,
                                       size, err);
    }
    free(tensors);
    free(text);
    free(halves);
    return result;
}

/* ---- from safetensors ----------------------------------------------------- */

static int take_notes(adapter_t *adapter, const char *name, err_t *err)
{
    int count = safetensors_notes(adapter->file);
    if (count > ADAPTER_NOTES_MAX) {
        return err_set(err, ERR_FORMAT, "%s: too many metadata strings", name);
    }
    adapter->notes = calloc((size_t)count + 1, sizeof *adapter->notes);
    if (!adapter->notes) {
        return err_set(err, ERR_MEMORY, "%s: no memory to read it", name);
    }
    for (int i = 0; i < count; i++) {
        adapter_note_t *note = &adapter->notes[i];
        note->key = safetensors_note_at(adapter->file, i, &note->value);
    }
    adapter->note_count = count;
    qsort(adapter->notes, (size_t)count, sizeof *adapter->notes, by_key);
    return 0;
}

static int take_arrays(adapter_t *adapter, const char *name, err_t *err)
{
    float *values = adapter->values;
    int count = safetensors_count(adapter->file);
    adapter->arrays = calloc((size_t)count + 1, sizeof *adapter->arrays);
    if (!adapter->arrays) {
        return err_set(err, ERR_MEMORY, "%s: no memory to read it", name);
    }
    for (int i = 0; i < count; i++) {
        const safetensors_tensor_t *tensor = safetensors_at(adapter->file, i);
        adapter_array_t *array = &adapter->arrays[i];
        if (tensor->rank > ADAPTER_RANK_MAX) {
            return err_set(err, ERR_FORMAT, "%s: array %.80s: more than 4 dimensions", name,
                           tensor->name);
        }
        *array = (adapter_array_t){.name = tensor->name, .rank = tensor->rank, .data = values};
        memcpy(array->shape, tensor->shape, sizeof array->shape);
        safetensors_to_float(tensor, values);
        values += tensor->count;
    }
    adapter->count = count;
    qsort(adapter->arrays, (size_t)count, sizeof *adapter->arrays, adapter_by_name);
    return 0;
}

static float *room_for_values(const safetensors_t *file, const char *name, err_t *err)
{
    size_t total = 0;
    int count = safetensors_count(file);
    for (int i = 0; i < count; i++) {
        total += safetensors_at(file, i)->count;
    }
    if (count > ADAPTER_ARRAYS_MAX || total > ADAPTER_SIZE_MAX / sizeof(float)) {
        err_set(err, ERR_FORMAT, "%s: too large for an adapter (64 MiB, 4096 arrays)", name);
        return NULL;
    }
    float *values = malloc((total + 1) * sizeof *values);
    if (!values) {
        err_set(err, ERR_MEMORY, "%s: no memory to read it", name);
    }
    return values;
}

static int digest_file(adapter_t *adapter, const char *name, err_t *err)
{
    if (take_notes(adapter, name, err) < 0 || take_arrays(adapter, name, err) < 0 ||
        adapter_info_read(&adapter->info, adapter->notes, adapter->note_count, name, err) < 0 ||
        adapter_check_arrays(adapter, name, err) < 0 ||
        serialise(adapter->arrays, adapter->count, adapter->notes, adapter->note_count,
                  &adapter->bytes, &adapter->size, err) < 0) {
        return -1;
    }
    if (adapter->size > ADAPTER_SIZE_MAX) {
        return err_set(err, ERR_FORMAT, "%s: larger than 64 MiB", name);
    }
    adapter->id = digest_of(adapter->bytes, adapter->size);
    return 0;
}

adapter_t *adapter_import(const void *bytes, size_t size, const char *name, err_t *err)
{
    safetensors_t *file = safetensors_parse(bytes, size, name, err);
    float *values = file ? room_for_values(file, name, err) : NULL;
    adapter_t *adapter = values ? calloc(1, sizeof *adapter) : NULL;
    if (!adapter) {
        if (values) {
            err_set(err, ERR_MEMORY, "%s: no memory to read it", name);
        }
        safetensors_close(file);
        free(values);
        return NULL;
    }
    adapter->file = file;
    adapter->values = values;
    if (digest_file(adapter, name, err) < 0) {
        adapter_destroy(adapter);
        return NULL;
    }
    return adapter;
}

adapter_t *adapter_parse(const void *bytes, size_t size, const char *name, err_t *err)
{
    adapter_t *adapter = adapter_import(bytes, size, name, err);
    if (adapter && (adapter->size != size || memcmp(adapter->bytes, bytes, size) != 0)) {
        err_set(err, ERR_FORMAT, "%s: an adapter, but not in canonical form (import it)", name);
        adapter_destroy(adapter);
        return NULL;
    }
    return adapter;
}

adapter_t *adapter_load(const char *path, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (file_read_all(path, ADAPTER_SIZE_MAX, &bytes, &size, err) < 0) {
        return NULL;
    }
    adapter_t *adapter = adapter_import(bytes, size, path, err);
    free(bytes);
    return adapter;
}

/* ---- built ---------------------------------------------------------------- */

static int check_built(const adapter_info_t *info, const adapter_array_t *arrays, int count,
                       const adapter_note_t *notes, int note_count, err_t *err)
{
    if ((unsigned)info->kind >= ADAPTER_KINDS || info->levels < 0 ||
        info->levels > ADAPTER_LEVELS_MAX || count < 0 || count > ADAPTER_ARRAYS_MAX ||
        note_count < 0 || note_count > ADAPTER_NOTES_MAX - ADAPTER_INFO_NOTES) {
        return err_set(err, ERR_ARGUMENT, "an adapter's kind, levels or counts are out of range");
    }
    for (int i = 0; i < count; i++) {
        size_t elements = 1;
        bool good = arrays[i].rank >= 1 && arrays[i].rank <= ADAPTER_RANK_MAX;
        for (int k = 0; good && k < arrays[i].rank; k++) {
            good = arrays[i].shape[k] >= 1 && arrays[i].shape[k] <= ADAPTER_SIZE_MAX &&
                   (elements *= (size_t)arrays[i].shape[k]) <= ADAPTER_SIZE_MAX / sizeof(float);
        }
        if (!good) {
            return err_set(err, ERR_ARGUMENT,
                           "array %.80s: its shape is not 1 .. 4 counts, or too large",
                           arrays[i].name);
        }
    }
    for (int i = 0; i < note_count; i++) {
        if (strncmp(notes[i].key, "adapter.", 8) == 0 &&
            strncmp(notes[i].key, "adapter.ranks.", 14) != 0) {
            return err_set(err, ERR_ARGUMENT, "%.60s: the adapter's own keys come from its info",
                           notes[i].key);
        }
    }
    return 0;
}

adapter_t *adapter_assemble(adapter_array_t *arrays, int count, adapter_note_t *notes,
                            int note_count, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    qsort(arrays, (size_t)count, sizeof *arrays, adapter_by_name);
    qsort(notes, (size_t)note_count, sizeof *notes, by_key);
    for (int i = 1; i < note_count; i++) {
        if (strcmp(notes[i].key, notes[i - 1].key) == 0) {
            err_set(err, ERR_ARGUMENT, "two metadata strings %.60s", notes[i].key);
            return NULL;
        }
    }
    if (serialise(arrays, count, notes, note_count, &bytes, &size, err) < 0) {
        return NULL;
    }
    adapter_t *adapter = adapter_parse(bytes, size, "adapter", err);
    free(bytes);
    return adapter;
}

adapter_t *adapter_build(const adapter_info_t *info, const adapter_array_t *arrays, int count,
                         const adapter_note_t *notes, int note_count, err_t *err)
{
    char text[ADAPTER_INFO_NOTES][ADAPTER_INFO_TEXT];
    adapter_note_t own[ADAPTER_INFO_NOTES];
    if (check_built(info, arrays, count, notes, note_count, err) < 0) {
        return NULL;
    }
    int own_count = adapter_info_write(info, own, text);
    adapter_array_t *sorted = calloc((size_t)count + 1, sizeof *sorted);
    adapter_note_t *all = calloc((size_t)(own_count + note_count), sizeof *all);
    adapter_t *adapter = NULL;
    if (!sorted || !all) {
        err_set(err, ERR_MEMORY, "no memory for an adapter");
    } else {
        if (count > 0) {
            memcpy(sorted, arrays, (size_t)count * sizeof *sorted);
        }
        memcpy(all, own, (size_t)own_count * sizeof *all);
        if (note_count > 0) {
            memcpy(all + own_count, notes, (size_t)note_count * sizeof *all);
        }
        adapter = adapter_assemble(sorted, count, all, own_count + note_count, err);
    }
    free(sorted);
    free(all);
    return adapter;
}
