/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_args: a radio's address as "key=value,key=value", the form that UHD made usual.
 *
 *     radio_args_t args;
 *     if (radio_args_parse(&args, "tx_port=tcp://127.0.0.1:5556,pace=free", err) != 0) ...
 *     const char *port = radio_args_take(&args, "tx_port");     NULL: not given
 *     if (radio_args_end(&args, err) != 0) ...                  names a key that nobody took
 */
#ifndef RADIO_RADIO_ARGS_H
#define RADIO_RADIO_ARGS_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

enum { RADIO_ARGS_MAX = 16, RADIO_ARGS_LENGTH = 2048 };

typedef struct {
    char text[RADIO_ARGS_LENGTH];
    char *key[RADIO_ARGS_MAX], *value[RADIO_ARGS_MAX];
    bool taken[RADIO_ARGS_MAX];
    int count;
} radio_args_t;

/* ERR_ARGUMENT: a word without "=", a key without a name, one that stands there twice, too many. */
int radio_args_parse(radio_args_t *args, const char *text, err_t *err);

/* The value of a key, or NULL; marks it as known.  Lives as long as `args`. */
const char *radio_args_take(radio_args_t *args, const char *key);

/* "yes" or "no" (also true, false, 1, 0); `fallback` when not given. */
int radio_args_bool(radio_args_t *args, const char *key, bool fallback, bool *value, err_t *err);

/* One of the words "a|b|c": its position, `fallback` when not given, -1 and an error otherwise. */
int radio_args_choice(radio_args_t *args, const char *key, const char *words, int fallback,
                      err_t *err);

/* ERR_ARGUMENT naming the first key that was never taken. */
int radio_args_end(const radio_args_t *args, err_t *err);

#endif
