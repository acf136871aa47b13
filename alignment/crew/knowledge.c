/* SPDX-License-Identifier: GPL-3.0-or-later */
/* knowledge: cutting adapters into increments, and putting them together again. */
#include "crew/knowledge.h"

#include "adapter/adapter_level.h"
#include "control/field.h"

#include <stdlib.h>
#include <string.h>

static int check_task(const char *task, err_t *err)
{
    if (strlen(task) >= KNOWLEDGE_TASK || strchr(task, '.') != NULL) {
        return err_set(err, ERR_ARGUMENT, "task \"%.60s\": at most %d letters, digits, _ or -",
                       task, KNOWLEDGE_TASK - 1);
    }
    return store_name_check(task, err) == 0 ? 0 : err_prefix(err, "task \"%s\"", task);
}

/* ---- cutting ---- */

/* Bytes of a canonical adapter behind its header: the matrices. */
static uint64_t data_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t header = 0;
    memcpy(&header, bytes, sizeof header);
    return size - sizeof header - header;
}

static int put_level(store_t *store, const adapter_t *adapter, const adapter_t *below,
                     knowledge_level_t *level, err_t *err)
{
    size_t size = 0;
    level->adapter = adapter_id(adapter);
    if (below == NULL) {
        const uint8_t *bytes = adapter_bytes(adapter, &size);
        level->size = size;
        level->matrices = data_bytes(bytes, size);
        return store_put(store, bytes, size, &level->increment, err);
    }
    uint8_t *bytes = NULL;
    if (adapter_difference(adapter, below, &bytes, &size, err) != 0) {
        return -1;
    }
    level->size = size;
    level->matrices = adapter_missing_bytes(adapter, below);
    const int code = store_put(store, bytes, size, &level->increment, err);
    free(bytes);
    return code;
}

int knowledge_split(store_t *store, const adapter_t *highest, const char *task,
                    knowledge_t *knowledge, err_t *err)
{
    const adapter_info_t *info = adapter_info(highest);
    memset(knowledge, 0, sizeof *knowledge);
    if (check_task(task, err) != 0) {
        return -1;
    }
    if (info->levels < 1 || info->level != info->levels || info->levels > KNOWLEDGE_LEVELS) {
        return err_set(
            err, ERR_ARGUMENT,
            "task \"%s\": an adapter at level %d of %d; needed is the highest of 1 to %d", task,
            info->level, info->levels, KNOWLEDGE_LEVELS);
    }
    strcpy(knowledge->task, task);
    knowledge->base = info->base;
    knowledge->levels = info->levels;
    adapter_t *below = NULL;
    int code = 0;
    for (int l = 1; l <= info->levels && code == 0; l++) {
        adapter_t *adapter = adapter_level(highest, l, err);
        code =
            adapter != NULL ? put_level(store, adapter, below, &knowledge->level[l - 1], err) : -1;
        code = code == 0 ? knowledge_pin(store, knowledge, l, err) : code;
        adapter_destroy(below);
        below = adapter;
    }
    adapter_destroy(below);
    return code == 0 ? knowledge_keep(store, knowledge, err) : code;
}

/* ---- JSON ---- */

json_t *knowledge_json(const knowledge_t *knowledge)
{
    char increment[DIGEST_TEXT], adapter[DIGEST_TEXT], base[24];
    json_t *levels = json_array();
    for (int l = 0; l < knowledge->levels; l++) {
        const knowledge_level_t *level = &knowledge->level[l];
        json_array_append_new(levels, json_pack("{s:s, s:I, s:I, s:s}", "increment",
                                                digest_text(&level->increment, increment), "size",
                                                (json_int_t)level->size, "matrices",
                                                (json_int_t)level->matrices, "adapter",
                                                digest_text(&level->adapter, adapter)));
    }
    snprintf(base, sizeof base, "%016llx", (unsigned long long)knowledge->base);
    return json_pack("{s:s, s:s, s:o}", "task", knowledge->task, "base", base, "levels", levels);
}

static int read_digest(const json_t *object, const char *key, digest_t *id, err_t *err)
{
    char text[DIGEST_TEXT];
    return field_text(object, key, text, sizeof text, err) == 0 ? digest_parse(text, id, err) : -1;
}

static int read_level(const json_t *object, knowledge_level_t *level, err_t *err)
{
    int64_t size = 0, matrices = 0;
    if (!json_is_object(object)) {
        return err_set(err, ERR_ARGUMENT, "\"levels\" holds something that is not an object");
    }
    if (field_only(object, "increment size matrices adapter", err) != 0 ||
        read_digest(object, "increment", &level->increment, err) != 0 ||
        read_digest(object, "adapter", &level->adapter, err) != 0 ||
        field_int(object, "size", 1, ADAPTER_SIZE_MAX, &size, err) != 0 ||
        field_int(object, "matrices", 0, size, &matrices, err) != 0) {
        return -1;
    }
    level->size = (uint64_t)size;
    level->matrices = (uint64_t)matrices;
    return 0;
}

int knowledge_read(const json_t *object, knowledge_t *knowledge, err_t *err)
{
    char base[17] = "";
    const json_t *levels = json_object_get(object, "levels");
    memset(knowledge, 0, sizeof *knowledge);
    if (!json_is_object(object)) {
        return err_set(err, ERR_ARGUMENT, "a task's knowledge is not an object");
    }
    if (field_only(object, "task base levels", err) != 0 ||
        field_text(object, "task", knowledge->task, sizeof knowledge->task, err) != 0 ||
        check_task(knowledge->task, err) != 0 ||
        field_text(object, "base", base, sizeof base, err) != 0) {
        return -1;
    }
    if (strlen(base) != 16 || strspn(base, "0123456789abcdef") != 16) {
        return err_set(err, ERR_ARGUMENT, "\"base\" is not 16 hexadecimal digits");
    }
    knowledge->base = strtoull(base, NULL, 16);
    knowledge->levels = (int)json_array_size(levels);
    if (knowledge->levels < 1 || json_array_size(levels) > KNOWLEDGE_LEVELS) {
        return err_set(err, ERR_ARGUMENT, "\"levels\" is not a list of 1 to %d", KNOWLEDGE_LEVELS);
    }
    for (int l = 0; l < knowledge->levels; l++) {
        if (read_level(json_array_get(levels, (size_t)l), &knowledge->level[l], err) != 0) {
            return err_prefix(err, "task \"%s\", level %d", knowledge->task, l + 1);
        }
    }
    return 0;
}

bool knowledge_equal(const knowledge_t *a, const knowledge_t *b)
{
    bool equal = strcmp(a->task, b->task) == 0 && a->base == b->base && a->levels == b->levels;
    for (int l = 0; equal && l < a->levels; l++) {
        equal = digest_equal(&a->level[l].increment, &b->level[l].increment) &&
                digest_equal(&a->level[l].adapter, &b->level[l].adapter) &&
                a->level[l].size == b->level[l].size;
    }
    return equal;
}
