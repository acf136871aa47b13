/* SPDX-License-Identifier: GPL-3.0-or-later */
/* knowledge: cutting adapters into increments, and putting them together again. */
#include "crew/knowledge.h"

#include "adapter/adapter_level.h"
#include "control/field.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void name_of(const knowledge_t *knowledge, const char *end, char name[STORE_NAME_MAX])
{
    snprintf(name, STORE_NAME_MAX, "%s.%s", knowledge->task, end);
}

static void level_name(const knowledge_t *knowledge, int level, char name[STORE_NAME_MAX])
{
    char end[16];
    snprintf(end, sizeof end, "%d", level);
    name_of(knowledge, end, name);
}

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

/* ---- in a store ---- */

int knowledge_keep(store_t *store, const knowledge_t *knowledge, err_t *err)
{
    char name[STORE_NAME_MAX];
    digest_t id;
    json_t *object = knowledge_json(knowledge);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    name_of(knowledge, "knowledge", name);
    int code = text != NULL ? store_put(store, text, strlen(text), &id, err)
                            : err_set(err, ERR_MEMORY, "no memory for a task's knowledge");
    code = code == 0 ? store_set_name(store, name, &id, err) : code;
    free(text);
    json_decref(object);
    return code;
}

static int load(store_t *store, const digest_t *id, knowledge_t *knowledge, err_t *err)
{
    uint8_t *bytes;
    size_t size;
    if (store_load(store, id, &bytes, &size, err) != 0) {
        return -1;
    }
    json_t *object = json_loadb((const char *)bytes, size, JSON_REJECT_DUPLICATES, NULL);
    const int code = object != NULL ? knowledge_read(object, knowledge, err)
                                    : err_set(err, ERR_FORMAT, "a task's knowledge is not JSON");
    json_decref(object);
    free(bytes);
    return code;
}

int knowledge_list(store_t *store, knowledge_t **list, int *count, err_t *err)
{
    static const char end[] = ".knowledge";
    store_name_t *names;
    int name_count = 0, code = 0;
    *count = 0;
    if (store_names(store, &names, &name_count, err) != 0) {
        return -1;
    }
    *list = calloc((size_t)name_count + 1, sizeof **list);
    if (*list == NULL) {
        code = err_set(err, ERR_MEMORY, "no memory for %d tasks", name_count);
    }
    for (int i = 0; i < name_count && code == 0; i++) {
        const size_t length = strlen(names[i].name);
        if (length > sizeof end && strcmp(names[i].name + length - (sizeof end - 1), end) == 0) {
            err_t reason = ERR_INIT; /* damaged: whoever plans will tell it anew */
            if (load(store, &names[i].id, &(*list)[*count], &reason) == 0) {
                *count += 1;
            } else {
                log_warn("%s: %s", names[i].name, reason.text);
            }
        }
    }
    free(names);
    return code;
}

int knowledge_state(store_t *store, const knowledge_t *knowledge, int level)
{
    char name[STORE_NAME_MAX];
    const digest_t *id = &knowledge->level[level - 1].increment;
    digest_t named;
    level_name(knowledge, level, name);
    if (!store_has(store, id)) {
        return 0;
    }
    return store_find_name(store, name, &named, NULL) == 0 && digest_equal(&named, id) ? 2 : 1;
}

bool knowledge_check(store_t *store, const knowledge_t *knowledge, int level, int *damaged)
{
    const digest_t *id = &knowledge->level[level - 1].increment;
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!store_has(store, id)) {
        return false;
    }
    if (store_load(store, id, &bytes, &size, NULL) == 0) {
        free(bytes);
        return true;
    }
    *damaged += 1;
    (void)knowledge_drop(store, knowledge, level, NULL);
    return false;
}

int knowledge_pin(store_t *store, const knowledge_t *knowledge, int level, err_t *err)
{
    char name[STORE_NAME_MAX];
    level_name(knowledge, level, name);
    return store_set_name(store, name, &knowledge->level[level - 1].increment, err);
}

int knowledge_drop(store_t *store, const knowledge_t *knowledge, int level, err_t *err)
{
    char name[STORE_NAME_MAX];
    const digest_t *id = &knowledge->level[level - 1].increment;
    digest_t named;
    level_name(knowledge, level, name);
    if (store_find_name(store, name, &named, NULL) == 0 &&
        store_remove_name(store, name, err) != 0) {
        return -1;
    }
    err_t reason = ERR_INIT;
    if (!store_has(store, id) || store_remove(store, id, &reason) == 0 ||
        reason.code == ERR_STATE) { /* another task has the same increment */
        return 0;
    }
    return err_set(err, reason.code, "%s", reason.text);
}

adapter_t *knowledge_adapter(store_t *store, const knowledge_t *knowledge, int level, err_t *err)
{
    adapter_t *adapter = NULL;
    for (int l = 1; l <= level; l++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        adapter_t *next = NULL;
        if (store_load(store, &knowledge->level[l - 1].increment, &bytes, &size, err) == 0) {
            next = l == 1 ? adapter_parse(bytes, size, knowledge->task, err)
                          : adapter_upgrade(adapter, bytes, size, err);
        }
        free(bytes);
        adapter_destroy(adapter);
        adapter = next;
        if (adapter == NULL) {
            err_prefix(err, "task \"%s\", level %d", knowledge->task, l);
            return NULL;
        }
    }
    const digest_t id = adapter_id(adapter);
    if (!digest_equal(&id, &knowledge->level[level - 1].adapter)) {
        adapter_destroy(adapter);
        err_set(err, ERR_FORMAT, "task \"%s\", level %d: another adapter than promised",
                knowledge->task, level);
        return NULL;
    }
    return adapter;
}
