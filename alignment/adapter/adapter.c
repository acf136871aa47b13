/* SPDX-License-Identifier: GPL-3.0-or-later */
/* adapter: an adapter that was read: its arrays, its metadata, its bytes. */
#include "adapter/adapter_private.h"

#include "file.h"

#include <stdlib.h>
#include <string.h>

void adapter_destroy(adapter_t *adapter)
{
    if (adapter) {
        safetensors_close(adapter->file);
        free(adapter->bytes);
        free(adapter->values);
        free(adapter->arrays);
        free(adapter->notes);
        free(adapter);
    }
}

int adapter_save(const adapter_t *adapter, const char *path, err_t *err)
{
    file_writer_t *writer = file_writer_open(path, err);
    if (!writer) {
        return -1;
    }
    if (file_writer_write(writer, adapter->bytes, adapter->size, err) < 0) {
        file_writer_abort(writer);
        return -1;
    }
    return file_writer_commit(writer, err);
}

const adapter_info_t *adapter_info(const adapter_t *adapter)
{
    return &adapter->info;
}

const uint8_t *adapter_bytes(const adapter_t *adapter, size_t *size)
{
    *size = adapter->size;
    return adapter->bytes;
}

digest_t adapter_id(const adapter_t *adapter)
{
    return adapter->id;
}

float adapter_scale(const adapter_t *adapter)
{
    return adapter->info.rank > 0 ? adapter->info.alpha / (float)adapter->info.rank : 0.0f;
}

int adapter_count(const adapter_t *adapter)
{
    return adapter->count;
}

const adapter_array_t *adapter_array(const adapter_t *adapter, int index)
{
    return &adapter->arrays[index];
}

int adapter_by_name(const void *left, const void *right)
{
    return strcmp(((const adapter_array_t *)left)->name, ((const adapter_array_t *)right)->name);
}

const adapter_array_t *adapter_find(const adapter_t *adapter, const char *name)
{
    adapter_array_t key = {.name = name};
    return bsearch(&key, adapter->arrays, (size_t)adapter->count, sizeof key, adapter_by_name);
}

size_t adapter_elements(const adapter_array_t *array)
{
    size_t elements = 1;
    for (int i = 0; i < array->rank; i++) {
        elements *= (size_t)array->shape[i];
    }
    return elements;
}

const char *adapter_note(const adapter_t *adapter, const char *key)
{
    return adapter_notes_find(adapter->notes, adapter->note_count, key);
}

const char *adapter_note_at(const adapter_t *adapter, int index, const char **value)
{
    bool inside = index >= 0 && index < adapter->note_count;
    *value = inside ? adapter->notes[index].value : NULL;
    return inside ? adapter->notes[index].key : NULL;
}

int adapter_check_base(const adapter_t *adapter, uint64_t codec_hash, err_t *err)
{
    return adapter->info.base == codec_hash
               ? 0
               : err_set(err, ERR_STATE,
                         "adapter %s was made for codec %016llx, this one is %016llx",
                         adapter->info.name[0] ? adapter->info.name : "without a name",
                         (unsigned long long)adapter->info.base, (unsigned long long)codec_hash);
}
