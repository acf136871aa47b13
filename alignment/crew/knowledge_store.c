/* SPDX-License-Identifier: GPL-3.0-or-later */
/* knowledge: kept, looked at and put together in a store. */
#include "crew/knowledge.h"

#include "adapter/adapter_level.h"
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
