/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/upgrade.h"

#include <stdlib.h>
#include <string.h>

static bool listed(const upgrade_plan_t *plan, const digest_t *id)
{
    bool found = digest_equal(&plan->high, id);
    for (int i = 0; i < plan->count; i++) {
        found = found || digest_equal(&plan->low[i], id);
    }
    return found;
}

static void add(upgrade_plan_t *plan, const digest_t *id, int level)
{
    if (plan->count < UPGRADE_LOWS && !listed(plan, id)) {
        plan->low[plan->count] = *id;
        plan->level[plan->count++] = level;
    }
}

/* The parent, when it is here and only a part of `high`. */
static adapter_t *load_parent(const adapter_t *high, store_t *store)
{
    digest_t id;
    const char *parent = adapter_info(high)->parent;
    if (store == NULL || *parent == 0 || digest_parse(parent, &id, NULL) != 0 ||
        !store_has(store, &id)) {
        return NULL;
    }
    adapter_t *low = store_load_adapter(store, &id, NULL);
    if (low != NULL && adapter_contains(high, low, NULL) != 0) {
        adapter_destroy(low);
        low = NULL;
    }
    return low;
}

void upgrade_plan(upgrade_plan_t *plan, const adapter_t *high, store_t *store)
{
    memset(plan, 0, sizeof *plan);
    plan->high = adapter_id(high);
    for (int level = adapter_info(high)->level - 1; level >= 1; level--) {
        adapter_t *low = adapter_level(high, level, NULL);
        if (low != NULL) {
            const digest_t id = adapter_id(low);
            add(plan, &id, level);
        }
        adapter_destroy(low);
    }
    adapter_t *parent = load_parent(high, store);
    if (parent != NULL) {
        const digest_t id = adapter_id(parent);
        add(plan, &id, 0);
    }
    adapter_destroy(parent);
}

json_t *upgrade_question(const upgrade_plan_t *plan)
{
    char hash[DIGEST_TEXT];
    json_t *hashes = json_array();
    json_array_append_new(hashes, json_string(digest_text(&plan->high, hash)));
    for (int i = 0; i < plan->count; i++) {
        json_array_append_new(hashes, json_string(digest_text(&plan->low[i], hash)));
    }
    return json_pack("{s:o}", "hashes", hashes);
}

static bool holds(const json_t *result, const digest_t *id)
{
    const json_t *held = json_object_get(result, "held");
    char hash[DIGEST_TEXT];
    digest_text(id, hash);
    for (size_t i = 0; i < json_array_size(held); i++) {
        const char *text = json_string_value(json_array_get(held, i));
        if (text != NULL && strcmp(text, hash) == 0) {
            return true;
        }
    }
    return false;
}

int upgrade_answer(const upgrade_plan_t *plan, const json_t *result)
{
    if (holds(result, &plan->high)) {
        return UPGRADE_HELD;
    }
    for (int i = 0; i < plan->count; i++) {
        if (holds(result, &plan->low[i])) {
            return i;
        }
    }
    return UPGRADE_WHOLE;
}

int upgrade_difference(const upgrade_plan_t *plan, int which, const adapter_t *high, store_t *store,
                       uint8_t **bytes, size_t *size, err_t *err)
{
    size_t whole;
    *bytes = NULL;
    adapter_t *low = plan->level[which] > 0 ? adapter_level(high, plan->level[which], err)
                                            : load_parent(high, store);
    if (low == NULL) {
        return err_set(err, ERR_STATE, "what the difference starts from has gone");
    }
    int code = adapter_difference(high, low, bytes, size, err);
    adapter_destroy(low);
    (void)adapter_bytes(high, &whole);
    if (code == 0 && *size >= whole) {
        free(*bytes);
        *bytes = NULL;
        code = err_set(err, ERR_STATE, "the difference is no smaller than the whole");
    }
    return code;
}

json_t *upgrade_order(const upgrade_plan_t *plan, int which, const digest_t *difference,
                      const char *name)
{
    char high[DIGEST_TEXT], low[DIGEST_TEXT], hash[DIGEST_TEXT];
    json_t *order =
        json_pack("{s:s, s:s, s:s}", "hash", digest_text(&plan->high, high), "low",
                  digest_text(&plan->low[which], low), "difference", digest_text(difference, hash));
    if (*name != 0) {
        json_object_set_new(order, "name", json_string(name));
    }
    return order;
}
