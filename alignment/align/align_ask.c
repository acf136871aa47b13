/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Words that ask one question: get, set, list, status, ping; and how answers are shown. */
#include "align/align.h"

#include "clock.h"
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *align_argument(const align_t *align, size_t i)
{
    return options_positional(align->options, i + 1);
}

align_exit_t align_error(const err_t *err, bool from_peer)
{
    log_error("%s", err->text);
    if (from_peer) {
        return ALIGN_FAILED;
    }
    switch (err->code) {
    case ERR_CLOSED:
        return ALIGN_NOBODY;
    case ERR_STATE:
        return ALIGN_REFUSED;
    case ERR_TIMEOUT:
        return ALIGN_TIMEOUT;
    default:
        return ALIGN_FAILED;
    }
}

align_exit_t align_misused(const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_error("%s", text);
    return ALIGN_USAGE;
}

align_exit_t align_connect(align_t *align)
{
    const options_t *o = align->options;
    err_t err = ERR_INIT;
    const control_peer_config_t config = {options_string(o, "align.connect"),
                                          options_string(o, "align.server_key"),
                                          options_string(o, "align.key")};
    if (align->client == NULL && (align->client = control_client_create(&config, &err)) == NULL) {
        log_error("%s", err.text);
        return err.code == ERR_ARGUMENT ? ALIGN_USAGE : ALIGN_FAILED;
    }
    return ALIGN_OK;
}

align_exit_t align_ask(align_t *align, const char *command, json_t *args, control_result_t *result)
{
    err_t err = ERR_INIT;
    const align_exit_t connected = align_connect(align);
    if (connected != ALIGN_OK) {
        json_decref(args);
        return connected;
    }
    const int code = control_client_ask(align->client, command, align->target, args, NULL, 0,
                                        align->timeout_s, result, &err);
    json_decref(args);
    if (code != 0) {
        const bool from_peer = result->from_peer;
        control_result_free(result);
        return align_error(&err, from_peer);
    }
    return ALIGN_OK;
}

void align_print_json(const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    puts(text != NULL ? text : "null");
    fflush(stdout);
    free(text);
}

static void print_value(const char *name, const json_t *value)
{
    char *text = json_is_string(value)
                     ? NULL
                     : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    printf("%-32s %s\n", name, json_is_string(value) ? json_string_value(value) : text);
    free(text);
}

void align_print_fields(const json_t *object, const char *prefix)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        char name[256];
        snprintf(name, sizeof name, "%s%s%s", prefix, *prefix != 0 ? "." : "", key);
        if (json_is_object(value)) {
            align_print_fields(value, name);
        } else {
            print_value(name, value);
        }
    }
}

static void show(const align_t *align, const json_t *result, const json_t *human)
{
    if (align->json) {
        align_print_json(result);
    } else {
        align_print_fields(human, "");
    }
}

align_exit_t align_get(align_t *align)
{
    json_t *args = json_object(), *keys = json_array();
    const char *key;
    control_result_t got;
    for (size_t i = 0; (key = align_argument(align, i)) != NULL; i++) {
        json_array_append_new(keys, json_string(key));
    }
    if (json_array_size(keys) > 0) {
        json_object_set(args, "keys", keys);
    }
    json_decref(keys);
    const align_exit_t code = align_ask(align, "get", args, &got);
    if (code == ALIGN_OK) {
        show(align, got.result, json_object_get(got.result, "values"));
        control_result_free(&got);
    }
    return code;
}

align_exit_t align_set(align_t *align)
{
    json_t *values = json_object();
    const char *word;
    control_result_t got;
    for (size_t i = 0; (word = align_argument(align, i)) != NULL; i++) {
        const char *equals = strchr(word, '=');
        char key[128];
        if (equals == NULL || equals == word || (size_t)(equals - word) >= sizeof key) {
            json_decref(values);
            return align_misused("\"%.80s\" is not KEY=VALUE", word);
        }
        snprintf(key, sizeof key, "%.*s", (int)(equals - word), word);
        json_object_set_new(values, key, json_string(equals + 1));
    }
    if (json_object_size(values) == 0) {
        json_decref(values);
        return align_misused("set KEY=VALUE ...: what to?");
    }
    const align_exit_t code = align_ask(align, "set", json_pack("{s:o}", "values", values), &got);
    if (code == ALIGN_OK) {
        show(align, got.result, json_object_get(got.result, "values"));
        control_result_free(&got);
    }
    return code;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

align_exit_t align_list(align_t *align)
{
    const char *section = align_argument(align, 0);
    control_result_t got;
    const align_exit_t code = align_ask(
        align, "list", section != NULL ? json_pack("{s:s}", "section", section) : NULL, &got);
    if (code != ALIGN_OK) {
        return code;
    }
    size_t i;
    json_t *option;
    if (align->json) {
        align_print_json(got.result);
    } else {
        json_array_foreach(json_object_get(got.result, "options"), i, option)
        {
            printf("%c %-28s %-14s %s\n    %s (default \"%s\")\n",
                   json_is_true(json_object_get(option, "runtime")) ? '*' : ' ',
                   text_of(option, "key"), text_of(option, "value"), text_of(option, "takes"),
                   text_of(option, "help"), text_of(option, "default"));
        }
    }
    control_result_free(&got);
    return ALIGN_OK;
}

align_exit_t align_status(align_t *align)
{
    control_result_t got;
    const align_exit_t code = align_ask(align, "status", NULL, &got);
    if (code == ALIGN_OK) {
        show(align, got.result, got.result);
        control_result_free(&got);
    }
    return code;
}

align_exit_t align_ping(align_t *align)
{
    control_result_t got;
    const uint64_t start = clock_now_ns();
    const align_exit_t code = align_ask(align, "ping", NULL, &got);
    if (code == ALIGN_OK) {
        json_object_set_new(got.result, "ms", json_real((double)(clock_now_ns() - start) * 1e-6));
        show(align, got.result, got.result);
        control_result_free(&got);
    }
    return code;
}
