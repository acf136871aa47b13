/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words about the store at the other end: adapters, put, fetch. */
#include "align/align_store.h"
#include "adapter/adapter.h"
#include "align/align.h"
#include "control/transfer_client.h"
#include "control/upgrade_client.h"

#include <stdio.h>
#include <string.h>

static void print_adapter(const json_t *object)
{
    const char *hash = json_string_value(json_object_get(object, "hash"));
    const json_t *names = json_object_get(object, "names");
    const char *kind = json_string_value(json_object_get(object, "kind"));
    const char *group = json_string_value(json_object_get(object, "snr_group"));
    printf("%.16s  %9lld bytes  %-10s", hash != NULL ? hash : "",
           (long long)json_integer_value(json_object_get(object, "size")),
           kind != NULL ? kind : "(bytes)");
    if (json_is_integer(json_object_get(object, "rate"))) {
        printf("  rate %lld", (long long)json_integer_value(json_object_get(object, "rate")));
    }
    if (json_is_integer(json_object_get(object, "level"))) {
        printf("  level %lld", (long long)json_integer_value(json_object_get(object, "level")));
    }
    printf("%s%s%s", group != NULL ? "  " : "", group != NULL ? group : "",
           group != NULL ? " dB" : "");
    for (size_t i = 0; i < json_array_size(names); i++) {
        printf("  %s", json_string_value(json_array_get(names, i)));
    }
    putchar('\n');
}

align_exit_t align_adapters(align_t *align)
{
    control_result_t got;
    const align_exit_t code = align_ask(align, "adapters", NULL, &got);
    if (code != ALIGN_OK) {
        return code;
    }
    size_t i;
    json_t *object;
    if (align->json) {
        align_print_json(got.result);
    } else {
        json_array_foreach(json_object_get(got.result, "adapters"), i, object)
        {
            print_adapter(object);
        }
        json_array_foreach(json_object_get(got.result, "partial"), i, object)
        {
            printf("%.16s  %lld of %lld bytes so far\n",
                   json_string_value(json_object_get(object, "hash")),
                   (long long)json_integer_value(json_object_get(object, "have")),
                   (long long)json_integer_value(json_object_get(object, "size")));
        }
    }
    control_result_free(&got);
    return ALIGN_OK;
}

static bool means(const json_t *object, const char *word, size_t length)
{
    const json_t *names = json_object_get(object, "names");
    const char *hash = json_string_value(json_object_get(object, "hash"));
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (strcmp(json_string_value(json_array_get(names, i)), word) == 0) {
            return true;
        }
    }
    return hash != NULL && length >= 6 && strncmp(hash, word, length) == 0;
}

align_exit_t align_resolve(align_t *align, const char *word, char hash[DIGEST_TEXT])
{
    digest_t id;
    control_result_t got;
    if (digest_parse(word, &id, NULL) == 0) {
        digest_text(&id, hash);
        return ALIGN_OK;
    }
    const align_exit_t code = align_ask(align, "adapters", NULL, &got);
    if (code != ALIGN_OK) {
        return code;
    }
    size_t i;
    json_t *object;
    int found = 0;
    json_array_foreach(json_object_get(got.result, "adapters"), i, object)
    {
        if (means(object, word, strlen(word))) {
            found++;
            snprintf(hash, DIGEST_TEXT, "%s", json_string_value(json_object_get(object, "hash")));
        }
    }
    control_result_free(&got);
    return found == 1 ? ALIGN_OK
                      : align_misused(found == 0 ? "there is no adapter \"%.80s\""
                                                 : "more than one adapter begins with \"%.80s\"",
                                      word);
}

align_exit_t align_put(align_t *align)
{
    const char *path = align_argument(align, 0), *name = align_argument(align, 1);
    err_t err = ERR_INIT;
    upgrade_sent_t sent = {0};
    char hash[DIGEST_TEXT];
    if (path == NULL) {
        return align_misused("put FILE [NAME]: which file?");
    }
    adapter_t *adapter = adapter_load(path, &err);
    if (adapter == NULL) {
        return align_error(&err, true);
    }
    const align_exit_t connected = align_connect(align);
    if (connected != ALIGN_OK) {
        adapter_destroy(adapter);
        return connected;
    }
    const digest_t id = adapter_id(adapter);
    const int code = upgrade_send(align->client, align->target, adapter, name != NULL ? name : "",
                                  align->timeout_s, &sent, &err);
    adapter_destroy(adapter);
    if (code != 0) {
        return align_error(&err, err.code != ERR_CLOSED && err.code != ERR_TIMEOUT);
    }
    json_t *result = json_pack("{s:s, s:I, s:s, s:I, s:I}", "hash", digest_text(&id, hash), "size",
                               (json_int_t)sent.size, "as", sent.as, "sent", (json_int_t)sent.sent,
                               "resumed", (json_int_t)sent.resumed);
    if (align->json) {
        align_print_json(result);
    } else {
        align_print_fields(result, "");
    }
    json_decref(result);
    return ALIGN_OK;
}

align_exit_t align_fetch(align_t *align)
{
    const char *word = align_argument(align, 0), *path = align_argument(align, 1);
    char hash[DIGEST_TEXT];
    err_t err = ERR_INIT;
    digest_t id;
    uint64_t resumed = 0;
    if (word == NULL || path == NULL) {
        return align_misused("fetch HASH|NAME FILE");
    }
    const align_exit_t found = align_resolve(align, word, hash);
    if (found != ALIGN_OK) {
        return found;
    }
    if (digest_parse(hash, &id, &err) != 0 ||
        transfer_receive(align->client, align->target, &id, path, align->timeout_s, &resumed,
                         &err) != 0) {
        return align_error(&err, err.code != ERR_CLOSED && err.code != ERR_TIMEOUT);
    }
    json_t *result =
        json_pack("{s:s, s:s, s:I}", "hash", hash, "file", path, "resumed", (json_int_t)resumed);
    if (align->json) {
        align_print_json(result);
    } else {
        align_print_fields(result, "");
    }
    json_decref(result);
    return ALIGN_OK;
}
