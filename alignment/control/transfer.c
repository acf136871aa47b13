/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/transfer.h"

#include "control/field.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    store_partial_t *partial; /* NULL: free */
    digest_t id;
    uint64_t size, used;
    char name[STORE_NAME_MAX];
} incoming_t;

struct transfer {
    store_t *store;
    incoming_t incoming[TRANSFERS];
    uint64_t turn;
    uint8_t *loaded; /* the object that was fetched from last */
    size_t loaded_size;
    digest_t loaded_id;
};

transfer_t *transfer_create(store_t *store, err_t *err)
{
    transfer_t *transfer = calloc(1, sizeof *transfer);
    if (transfer == NULL) {
        err_set(err, ERR_MEMORY, "no memory for transfers");
        return NULL;
    }
    transfer->store = store;
    return transfer;
}

void transfer_destroy(transfer_t *transfer)
{
    if (transfer != NULL) {
        for (int i = 0; i < TRANSFERS; i++) {
            store_partial_close(transfer->incoming[i].partial);
        }
        free(transfer->loaded);
        free(transfer);
    }
}

store_t *transfer_store(const transfer_t *transfer)
{
    return transfer->store;
}

int transfer_hash(const json_t *object, digest_t *id, err_t *err)
{
    char text[DIGEST_TEXT];
    return field_text(object, "hash", text, sizeof text, err) == 0 ? digest_parse(text, id, err)
                                                                   : -1;
}

static incoming_t *find(transfer_t *transfer, const digest_t *id)
{
    for (int i = 0; i < TRANSFERS; i++) {
        incoming_t *in = &transfer->incoming[i];
        if (in->partial != NULL && digest_equal(&in->id, id)) {
            in->used = ++transfer->turn;
            return in;
        }
    }
    return NULL;
}

/* A free place; the longest unused gives its own up and can be resumed later. */
static incoming_t *place(transfer_t *transfer)
{
    incoming_t *oldest = &transfer->incoming[0];
    for (int i = 0; i < TRANSFERS; i++) {
        incoming_t *in = &transfer->incoming[i];
        if (in->partial == NULL) {
            oldest = in;
            break;
        }
        oldest = in->used < oldest->used ? in : oldest;
    }
    store_partial_close(oldest->partial);
    memset(oldest, 0, sizeof *oldest);
    return oldest;
}

static int credit(const transfer_t *transfer)
{
    int busy = 0;
    for (int i = 0; i < TRANSFERS; i++) {
        busy += transfer->incoming[i].partial != NULL;
    }
    return busy > 1 ? TRANSFER_CREDIT / busy : TRANSFER_CREDIT;
}

/* Whole? Then verified, an object, and perhaps named. */
static int settle(transfer_t *transfer, incoming_t *in, control_reply_t *reply, err_t *err)
{
    const uint64_t have = store_partial_offset(in->partial);
    const bool done = have == in->size;
    int code = 0;
    if (done) {
        code = store_partial_finish(in->partial, err);
        in->partial = NULL;
        if (code == 0 && *in->name != 0) {
            code = store_set_name(transfer->store, in->name, &in->id, err);
        }
    }
    reply->result = json_pack("{s:I, s:i, s:b}", "have", (json_int_t)have, "credit",
                              credit(transfer), "done", done);
    return code;
}

int transfer_put(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                 err_t *err)
{
    const json_t *args = call->request->args;
    int64_t size = 0;
    digest_t id;
    char name[STORE_NAME_MAX] = "";
    if (field_only(args, "hash size name", err) != 0 || transfer_hash(args, &id, err) != 0 ||
        field_int(args, "size", 1, ADAPTER_SIZE_MAX, &size, err) != 0 ||
        field_text_or(args, "name", name, sizeof name, err) != 0 ||
        (*name != 0 && store_name_check(name, err) != 0)) {
        return -1;
    }
    incoming_t *in = find(transfer, &id);
    if (in != NULL && in->size != (uint64_t)size) {
        store_partial_close(in->partial);
        in->partial = NULL;
        in = NULL;
    }
    if (in == NULL) {
        in = place(transfer);
        in->partial = store_partial_open(transfer->store, &id, (uint64_t)size, err);
        if (in->partial == NULL) {
            return -1;
        }
        in->id = id;
        in->size = (uint64_t)size;
        in->used = ++transfer->turn;
    }
    strcpy(in->name, name);
    return settle(transfer, in, reply, err);
}

int transfer_chunk(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                   err_t *err)
{
    const json_t *args = call->request->args;
    int64_t offset = 0;
    digest_t id;
    if (field_only(args, "hash offset", err) != 0 || transfer_hash(args, &id, err) != 0 ||
        field_int(args, "offset", 0, ADAPTER_SIZE_MAX, &offset, err) != 0) {
        return -1;
    }
    if (call->blob == NULL || call->blob_size == 0) {
        return err_set(err, ERR_ARGUMENT, "a chunk without bytes");
    }
    incoming_t *in = find(transfer, &id);
    if (in == NULL) {
        return err_set(err, ERR_STATE, "no such transfer is open: put tells where to go on");
    }
    if (store_partial_write(in->partial, (uint64_t)offset, call->blob, call->blob_size, err) != 0) {
        return -1;
    }
    return settle(transfer, in, reply, err);
}

int transfer_fetch(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                   err_t *err)
{
    const json_t *args = call->request->args;
    int64_t offset = 0, count = CONTROL_CHUNK;
    digest_t id;
    if (field_only(args, "hash offset count", err) != 0 || transfer_hash(args, &id, err) != 0 ||
        field_int_or(args, "offset", 0, ADAPTER_SIZE_MAX, &offset, err) != 0 ||
        field_int_or(args, "count", 1, CONTROL_CHUNK, &count, err) != 0) {
        return -1;
    }
    if (transfer->loaded == NULL || !digest_equal(&id, &transfer->loaded_id)) {
        free(transfer->loaded);
        transfer->loaded = NULL;
        if (store_load(transfer->store, &id, &transfer->loaded, &transfer->loaded_size, err) != 0) {
            transfer->loaded = NULL;
            return -1;
        }
        transfer->loaded_id = id;
    }
    const size_t size = transfer->loaded_size;
    if ((uint64_t)offset > size) {
        return err_set(err, ERR_ARGUMENT, "offset %lld of %zu bytes", (long long)offset, size);
    }
    const size_t left = size - (size_t)offset;
    reply->blob = transfer->loaded + offset;
    reply->blob_size = left < (size_t)count ? left : (size_t)count;
    reply->result = json_pack("{s:I, s:I}", "offset", (json_int_t)offset, "size", (json_int_t)size);
    return 0;
}

/* ---- what is there ---- */

static void describe(transfer_t *transfer, const digest_t *id, json_t *object)
{
    adapter_t *adapter = store_load_adapter(transfer->store, id, NULL);
    if (adapter == NULL) {
        json_object_set_new(object, "kind", json_null()); /* some other bytes, or damaged */
        return;
    }
    const adapter_info_t *info = adapter_info(adapter);
    char base[32], group[64];
    snprintf(base, sizeof base, "%016llx", (unsigned long long)info->base);
    snprintf(group, sizeof group, "%g:%g", (double)info->snr_low_db, (double)info->snr_high_db);
    json_object_set_new(object, "kind", json_string(adapter_kind_name(info->kind)));
    json_object_set_new(object, "base", json_string(base));
    json_object_set_new(object, "rate", info->rate > 0 ? json_integer(info->rate) : json_null());
    json_object_set_new(object, "snr_group",
                        info->snr_low_db == info->snr_low_db ? json_string(group) : json_null());
    json_object_set_new(object, "level", info->level > 0 ? json_integer(info->level) : json_null());
    json_object_set_new(object, "author", json_string(info->author));
    json_object_set_new(object, "created", json_string(info->created));
    adapter_destroy(adapter);
}

static int list_objects(transfer_t *transfer, json_t *list, err_t *err)
{
    store_stat_t *stats;
    store_name_t *names;
    int count = 0, name_count = 0;
    char text[DIGEST_TEXT];
    if (store_list(transfer->store, &stats, &count, err) != 0) {
        return -1;
    }
    if (store_names(transfer->store, &names, &name_count, err) != 0) {
        free(stats);
        return -1;
    }
    for (int i = 0; i < count && i < 500; i++) { /* what an envelope holds */
        json_t *own = json_array();
        for (int n = 0; n < name_count; n++) {
            if (digest_equal(&names[n].id, &stats[i].id)) {
                json_array_append_new(own, json_string(names[n].name));
            }
        }
        json_t *object = json_pack("{s:s, s:I, s:o}", "hash", digest_text(&stats[i].id, text),
                                   "size", (json_int_t)stats[i].size, "names", own);
        describe(transfer, &stats[i].id, object);
        json_array_append_new(list, object);
    }
    free(stats);
    free(names);
    return 0;
}

static int list_partials(transfer_t *transfer, json_t *list, err_t *err)
{
    store_partial_info_t *partials;
    int count = 0;
    char text[DIGEST_TEXT];
    if (store_partials(transfer->store, &partials, &count, err) != 0) {
        return -1;
    }
    for (int i = 0; i < count && i < 100; i++) {
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:I}", "hash", digest_text(&partials[i].id, text), "size",
                            (json_int_t)partials[i].size, "have", (json_int_t)partials[i].offset));
    }
    free(partials);
    return 0;
}

int transfer_adapters(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                      err_t *err)
{
    if (field_only(call->request->args, "", err) != 0) {
        return -1;
    }
    json_t *objects = json_array(), *partials = json_array();
    const int code =
        list_objects(transfer, objects, err) == 0 ? list_partials(transfer, partials, err) : -1;
    reply->result = json_pack("{s:o, s:o}", "adapters", objects, "partial", partials);
    return code;
}
