/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/control_options.h"

#include "control/field.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = 256, VALUE_BYTES = 4096, KEY_BYTES = 128 };

const option_t control_options[] = {
    {.section = "control",
     .name = "bind",
     .type = OPTION_STRING,
     .alias = "control",
     .help = "take commands here: tcp://127.0.0.1:PORT or ipc://PATH (empty: no control plane); "
             "elsewhere than on this machine it needs key and allow (docs/CONTROL.md)"},
    {.section = "control",
     .name = "reports",
     .type = OPTION_STRING,
     .help = "send reports here (empty: the next port, or PATH.reports)"},
    {.section = "control",
     .name = "key",
     .type = OPTION_STRING,
     .help = "this daemon's key pair, made by semradio-align keys (empty: messages are plain)"},
    {.section = "control",
     .name = "allow",
     .type = OPTION_STRING,
     .help = "list of the public keys that may connect, one a line"},
    {.section = "control",
     .name = "store",
     .type = OPTION_STRING,
     .help = "folder of adapters, made where missing (empty: no adapters)"},
    {0}};

bool control_config_from_options(control_server_config_t *config, const options_t *options)
{
    config->bind = options_string(options, "control.bind");
    config->reports = options_string(options, "control.reports");
    config->key = options_string(options, "control.key");
    config->allow = options_string(options, "control.allow");
    return *config->bind != 0;
}

static void key_of(const option_t *option, char key[KEY_BYTES])
{
    snprintf(key, KEY_BYTES, "%s.%s", option->section, option->name);
}

static int add_value(json_t *values, const options_t *options, const option_t *option)
{
    char key[KEY_BYTES];
    key_of(option, key);
    return json_object_set_new(values, key, json_string(options_text(options, key)));
}

static void refresh(control_settings_t *settings)
{
    if (settings->refresh != NULL) {
        settings->refresh(settings->context, settings->options);
    }
}

static int get_named(const control_settings_t *settings, json_t *keys, json_t *values, err_t *err)
{
    size_t i;
    json_t *word;
    if (!json_is_array(keys) || json_array_size(keys) > MOST_VALUES) {
        return err_set(err, ERR_ARGUMENT, "\"keys\" is a list of at most %d names", MOST_VALUES);
    }
    json_array_foreach(keys, i, word)
    {
        if (!json_is_string(word)) {
            return err_set(err, ERR_ARGUMENT, "\"keys\" holds something that is not a name");
        }
        const option_t *option = options_find(settings->options, json_string_value(word), err);
        if (option == NULL) {
            return -1;
        }
        add_value(values, settings->options, option);
    }
    return 0;
}

int control_get(control_settings_t *settings, const control_call_t *call, control_reply_t *reply,
                err_t *err)
{
    json_t *args = call->request->args, *keys = json_object_get(args, "keys");
    if (field_only(args, "keys", err) != 0) {
        return -1;
    }
    refresh(settings);
    json_t *values = json_object();
    int code = 0;
    if (keys != NULL) {
        code = get_named(settings, keys, values, err);
    } else {
        const option_t *option;
        for (size_t i = 0; (option = options_at(settings->options, i)) != NULL; i++) {
            add_value(values, settings->options, option);
        }
    }
    reply->result = json_pack("{s:o}", "values", values);
    return code;
}

/* A value of JSON as the text that an option takes.  -1: neither text, number nor boolean. */
static int value_text(const json_t *value, char text[VALUE_BYTES])
{
    if (json_is_string(value) && json_string_length(value) < VALUE_BYTES) {
        strcpy(text, json_string_value(value));
    } else if (json_is_integer(value)) {
        snprintf(text, VALUE_BYTES, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(text, VALUE_BYTES, "%.17g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        strcpy(text, json_is_true(value) ? "true" : "false");
    } else {
        return -1;
    }
    return 0;
}

typedef struct {
    const char *keys[MOST_VALUES];
    char *values[MOST_VALUES];
    size_t count;
} assignment_t;

static int collect(json_t *values, assignment_t *all, err_t *err)
{
    const char *key;
    json_t *value;
    char text[VALUE_BYTES];
    if (!json_is_object(values) || json_object_size(values) == 0 ||
        json_object_size(values) > MOST_VALUES) {
        return err_set(err, ERR_ARGUMENT, "\"values\" is an object of 1 to %d options",
                       MOST_VALUES);
    }
    json_object_foreach(values, key, value)
    {
        if (value_text(value, text) != 0) {
            return err_set(err, ERR_ARGUMENT, "%.80s: a value is a text, a number or a boolean",
                           key);
        }
        all->keys[all->count] = key;
        all->values[all->count] = strdup(text);
        if (all->values[all->count] == NULL) {
            return err_set(err, ERR_MEMORY, "no memory to set %.80s", key);
        }
        all->count++;
    }
    return 0;
}

/* {"kind":"set","values":{…},"by":"SESSION"} */
static void tell(control_settings_t *settings, const request_t *request, json_t *values)
{
    json_t *body = json_pack("{s:s, s:O, s:s, s:I}", "kind", "set", "values", values, "by",
                             request->session, "change", (json_int_t)settings->changes);
    char *text = json_dumps(body, JSON_COMPACT);
    if (text != NULL && settings->server != NULL) {
        control_server_report(settings->server, CONTROL_EVENT, text, strlen(text));
    }
    log_info("set: %s", text != NULL ? text : "");
    free(text);
    json_decref(body);
}

int control_set(control_settings_t *settings, const control_call_t *call, control_reply_t *reply,
                err_t *err)
{
    json_t *args = call->request->args;
    if (field_only(args, "values", err) != 0) {
        return -1;
    }
    assignment_t *all = calloc(1, sizeof *all);
    if (all == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to set options");
    }
    refresh(settings);
    int code = collect(json_object_get(args, "values"), all, err);
    if (code == 0) {
        code =
            options_set_runtime_all(settings->options, all->keys, (const char *const *)all->values,
                                    all->count, settings->accept, settings->context, err);
    }
    if (code == 0) {
        json_t *values = json_object();
        for (size_t i = 0; i < all->count; i++) {
            add_value(values, settings->options,
                      options_find(settings->options, all->keys[i], NULL));
        }
        settings->changes++;
        tell(settings, call->request, values);
        reply->result =
            json_pack("{s:o, s:I}", "values", values, "change", (json_int_t)settings->changes);
    }
    for (size_t i = 0; i < all->count; i++) {
        free(all->values[i]);
    }
    free(all);
    return code;
}

static json_t *describe(const options_t *options, const option_t *option)
{
    char key[KEY_BYTES], takes[256];
    key_of(option, key);
    option_describe(option, takes, sizeof takes);
    return json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s, s:s, s:b, s:b}", "key", key, "type",
                     option_type_name(option->type), "unit", option->unit, "takes", takes,
                     "default", option->fallback, "value", options_text(options, key), "help",
                     option->help, "runtime", (option->flags & OPTION_RUNTIME) != 0, "list",
                     (option->flags & OPTION_LIST) != 0);
}

int control_list(control_settings_t *settings, const control_call_t *call, control_reply_t *reply,
                 err_t *err)
{
    char section[ENVELOPE_WORD + 1] = "";
    if (field_only(call->request->args, "section", err) != 0 ||
        field_text_or(call->request->args, "section", section, sizeof section, err) != 0) {
        return -1;
    }
    refresh(settings);
    json_t *list = json_array();
    const option_t *option;
    for (size_t i = 0; (option = options_at(settings->options, i)) != NULL; i++) {
        if (*section == 0 || strcmp(section, option->section) == 0) {
            json_array_append_new(list, describe(settings->options, option));
        }
    }
    reply->result = json_pack("{s:o}", "options", list);
    return 0;
}
