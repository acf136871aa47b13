/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The receiving end of an upgrade: what is held, and a difference that becomes an adapter. */
#include "adapter/adapter_level.h"
#include "control/field.h"
#include "control/transfer.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_HASHES = 64 };

int transfer_holds(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                   err_t *err)
{
    const json_t *hashes = json_object_get(call->request->args, "hashes");
    if (field_only(call->request->args, "hashes", err) != 0) {
        return -1;
    }
    if (!json_is_array(hashes) || json_array_size(hashes) > MOST_HASHES) {
        return err_set(err, ERR_ARGUMENT, "hashes: not a list of at most %d", MOST_HASHES);
    }
    json_t *held = json_array();
    int code = 0;
    for (size_t i = 0; i < json_array_size(hashes) && code == 0; i++) {
        const char *text = json_string_value(json_array_get(hashes, i));
        digest_t id;
        code = digest_parse(text != NULL ? text : "", &id, err);
        if (code == 0 && store_has(transfer_store(transfer), &id)) {
            json_array_append_new(held, json_string(text));
        }
    }
    reply->result = json_pack("{s:o}", "held", held);
    return code;
}

static int hash_called(const json_t *args, const char *key, digest_t *id, err_t *err)
{
    char text[DIGEST_TEXT];
    if (field_text(args, key, text, sizeof text, err) != 0) {
        return -1;
    }
    return digest_parse(text, id, err) == 0 ? 0 : err_prefix(err, "%s", key);
}

/* low + difference, as an object of the store; its hash must be the one that was named. */
static int make(store_t *store, const digest_t *high, const digest_t *low,
                const digest_t *difference, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    adapter_t *before = store_load_adapter(store, low, err);
    adapter_t *after = NULL;
    if (before != NULL && store_load(store, difference, &bytes, &size, err) == 0) {
        after = adapter_upgrade(before, bytes, size, err);
        free(bytes);
    }
    adapter_destroy(before);
    if (after == NULL) {
        return -1;
    }
    const digest_t id = adapter_id(after);
    const int code = digest_equal(&id, high)
                         ? store_put_adapter(store, after, err)
                         : err_set(err, ERR_FORMAT, "the difference leads to another adapter");
    adapter_destroy(after);
    return code;
}

/* Done, or good for nothing.  Only what really is a difference; a name or a pin on it keeps it. */
static void drop(store_t *store, const digest_t *difference)
{
    uint8_t *bytes;
    size_t size;
    digest_t low, high;
    if (store_load(store, difference, &bytes, &size, NULL) == 0) {
        if (adapter_difference_ends(bytes, size, &low, &high, NULL) == 0) {
            (void)store_remove(store, difference, NULL);
        }
        free(bytes);
    }
}

int transfer_upgrade(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                     err_t *err)
{
    const json_t *args = call->request->args;
    store_t *store = transfer_store(transfer);
    digest_t high, low, difference;
    char name[STORE_NAME_MAX] = "";
    store_stat_t stat;
    if (field_only(args, "hash low difference name", err) != 0 ||
        hash_called(args, "hash", &high, err) != 0 || hash_called(args, "low", &low, err) != 0 ||
        hash_called(args, "difference", &difference, err) != 0 ||
        field_text_or(args, "name", name, sizeof name, err) != 0 ||
        (*name != 0 && store_name_check(name, err) != 0)) {
        return -1;
    }
    int code = store_has(store, &high) ? 0 : make(store, &high, &low, &difference, err);
    if (code == 0 || err->code == ERR_FORMAT || err->code == ERR_STATE) {
        drop(store, &difference);
    }
    if (code == 0 && *name != 0) {
        code = store_set_name(store, name, &high, err);
    }
    if (code == 0) {
        code = store_stat(store, &high, &stat, err);
    }
    if (code == 0) {
        reply->result = json_pack("{s:I, s:b}", "size", (json_int_t)stat.size, "done", 1);
    }
    return code;
}
