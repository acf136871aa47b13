/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Options of a running program: several at once, all or none. */
#include "options_private.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    option_entry_t *entry;
    char *text;
    bool given;
} before_t;

/* Backwards, so that a key that was set twice gets its first value back. */
static void take_back(before_t *before, size_t count)
{
    while (count-- > 0) {
        /* It was valid once; only memory could be missing, and then the new value stays. */
        (void)options_assign(before[count].entry, before[count].text, before[count].given, NULL);
    }
}

static void forget(before_t *before, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(before[i].text);
    }
    free(before);
}

static int set_one(options_t *options, const char *key, const char *value, before_t *before,
                   err_t *err)
{
    option_entry_t *entry = options_entry(options, key, err);
    if (entry == NULL) {
        return -1;
    }
    *before = (before_t){entry, strdup(entry->text), entry->given};
    if (before->text == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to set %s", key);
    }
    if (options_set_runtime(options, key, value, err) != 0) {
        free(before->text);
        return -1;
    }
    return 0;
}

int options_set_runtime_all(options_t *options, const char *const keys[],
                            const char *const values[], size_t count, option_accept_t *accept,
                            void *context, err_t *err)
{
    before_t *before = calloc(count + 1, sizeof *before);
    if (before == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to set %zu options", count);
    }
    size_t done = 0;
    int code = 0;
    while (done < count && code == 0) {
        code = set_one(options, keys[done], values[done], &before[done], err);
        done += code == 0;
    }
    if (code == 0 && accept != NULL) {
        code = accept(context, options, err);
    }
    if (code != 0) {
        take_back(before, done);
    }
    forget(before, done);
    return code;
}

const char *option_type_name(option_type_t type)
{
    static const char *const names[] = {"string", "int", "real", "bool", "choice", "ratio"};
    return (size_t)type < sizeof names / sizeof names[0] ? names[type] : "string";
}
