/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The options that may change while the receiver runs: shown, and set from a POST. */
#include "live/page_private.h"

#include <stdlib.h>
#include <string.h>

static json_t *describe(const options_t *options, const option_t *option)
{
    char key[160], takes[256];
    snprintf(key, sizeof key, "%s.%s", option->section, option->name);
    option_describe(option, takes, sizeof takes);
    return json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s, s:s}", "key", key, "type",
                     option_type_name(option->type), "unit", option->unit, "takes", takes,
                     "choices", option->choices, "value", options_text(options, key), "help",
                     option->help);
}

int page_settings_send(page_t *page, struct mg_connection *c)
{
    const options_t *options = page->config.options;
    json_t *list = json_array();
    const option_t *option;
    pthread_mutex_lock(page->config.options_lock);
    for (size_t i = 0; (option = options_at(options, i)) != NULL; i++) {
        if (option->flags & OPTION_RUNTIME) {
            json_array_append_new(list, describe(options, option));
        }
    }
    pthread_mutex_unlock(page->config.options_lock);
    json_t *object = json_pack("{s:o}", "options", list);
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text == NULL) {
        return page_refuse(c, 503, "no memory");
    }
    page_answer(c, 200, "application/json", PAGE_NO_STORE, text, strlen(text));
    free(text);
    return 200;
}

enum { MOST_VALUES = 64 };

/* {"values":{KEY:TEXT,…}}: all are set, or none. */
static int set_options(page_t *page, json_t *values, err_t *err)
{
    const char *keys[MOST_VALUES], *texts[MOST_VALUES], *key;
    size_t count = 0;
    json_t *value;
    if (!json_is_object(values) || json_object_size(values) == 0 ||
        json_object_size(values) > MOST_VALUES) {
        return err_set(err, ERR_ARGUMENT, "\"values\" is an object of 1 to %d options",
                       MOST_VALUES);
    }
    json_object_foreach(values, key, value)
    {
        if (!json_is_string(value)) {
            return err_set(err, ERR_ARGUMENT, "%.80s: the value is not a text", key);
        }
        keys[count] = key;
        texts[count++] = json_string_value(value);
    }
    pthread_mutex_lock(page->config.options_lock);
    const int code = options_set_runtime_all(page->config.options, keys, texts, count,
                                             page->config.accept, page->config.context, err);
    if (code == 0) {
        atomic_fetch_add(&page->changes, 1);
        if (page->config.changed != NULL) {
            page->config.changed(page->config.context, values);
        }
    }
    pthread_mutex_unlock(page->config.options_lock);
    return code;
}

int page_settings_take(page_t *page, struct mg_connection *c)
{
    const struct mg_request_info *info = mg_get_request_info(c);
    const char *type = mg_get_header(c, "Content-Type");
    char body[PAGE_BODY];
    size_t have = 0;
    if (type == NULL || strncmp(type, "application/json", 16) != 0) {
        return page_refuse(c, 415, "options are set with application/json");
    }
    if (info->content_length < 0) {
        return page_refuse(c, 411, "a length is needed");
    }
    if (info->content_length > PAGE_BODY) {
        return page_refuse(c, 413, "more than %d bytes", PAGE_BODY);
    }
    while (have < (size_t)info->content_length) {
        const int got = mg_read(c, body + have, (size_t)info->content_length - have);
        if (got <= 0) {
            return page_refuse(c, 400, "the request was cut");
        }
        have += (size_t)got;
    }
    json_t *object = json_loadb(body, have, JSON_REJECT_DUPLICATES, NULL);
    err_t err = ERR_INIT;
    const int code = object != NULL ? set_options(page, json_object_get(object, "values"), &err)
                                    : err_set(&err, ERR_FORMAT, "the request is not JSON");
    json_decref(object);
    return code == 0 ? page_settings_send(page, c) : page_refuse(c, 400, "%s", err.text);
}
