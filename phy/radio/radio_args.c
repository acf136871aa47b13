/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_args.h"

#include <string.h>

static int find(const radio_args_t *args, const char *key)
{
    for (int i = 0; i < args->count; i++) {
        if (strcmp(args->key[i], key) == 0) {
            return i;
        }
    }
    return -1;
}

static int add(radio_args_t *args, char *word, err_t *err)
{
    word += strspn(word, " ");
    char *equal = strchr(word, '=');
    if (equal == NULL || equal == word) {
        return err_set(err, ERR_ARGUMENT, "radio.address: \"%s\" is not key=value", word);
    }
    *equal = 0;
    if (find(args, word) >= 0) {
        return err_set(err, ERR_ARGUMENT, "radio.address: %s is given twice", word);
    }
    if (args->count == RADIO_ARGS_MAX) {
        return err_set(err, ERR_ARGUMENT, "radio.address: more than %d keys", RADIO_ARGS_MAX);
    }
    args->key[args->count] = word;
    args->value[args->count++] = equal + 1;
    return 0;
}

int radio_args_parse(radio_args_t *args, const char *text, err_t *err)
{
    memset(args, 0, sizeof *args);
    if (strlen(text) >= sizeof args->text) {
        return err_set(err, ERR_ARGUMENT, "radio.address is longer than %zu letters",
                       sizeof args->text - 1);
    }
    strcpy(args->text, text);
    char *save = NULL;
    for (char *word = strtok_r(args->text, ",", &save); word != NULL;
         word = strtok_r(NULL, ",", &save)) {
        if (add(args, word, err) != 0) {
            return -1;
        }
    }
    return 0;
}

const char *radio_args_take(radio_args_t *args, const char *key)
{
    int i = find(args, key);
    if (i < 0) {
        return NULL;
    }
    args->taken[i] = true;
    return args->value[i];
}

int radio_args_choice(radio_args_t *args, const char *key, const char *words, int fallback,
                      err_t *err)
{
    const char *value = radio_args_take(args, key);
    if (value == NULL) {
        return fallback;
    }
    size_t length = strlen(value);
    int position = 0;
    for (const char *at = words; length > 0 && at != NULL; position++) {
        const char *bar = strchr(at, '|');
        size_t size = bar != NULL ? (size_t)(bar - at) : strlen(at);
        if (size == length && memcmp(at, value, size) == 0) {
            return position;
        }
        at = bar != NULL ? bar + 1 : NULL;
    }
    return err_set(err, ERR_ARGUMENT, "radio.address: %s=%s is not one of %s", key, value, words);
}

int radio_args_bool(radio_args_t *args, const char *key, bool fallback, bool *value, err_t *err)
{
    int word = radio_args_choice(args, key, "no|yes|false|true|0|1", fallback, err);
    *value = word > 0 && word % 2 == 1;
    return word < 0 ? -1 : 0;
}

int radio_args_end(const radio_args_t *args, err_t *err)
{
    for (int i = 0; i < args->count; i++) {
        if (!args->taken[i]) {
            return err_set(err, ERR_ARGUMENT, "radio.address: this kind of radio knows no \"%s\"",
                           args->key[i]);
        }
    }
    return 0;
}
