/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The joined table: making it, finding an option, setting it. */
#include "options_private.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_LENGTH = 128 };

static bool key_matches(const option_t *option, const char *key)
{
    size_t length = strlen(option->section);
    return strncmp(key, option->section, length) == 0 && key[length] == '.' &&
           strcmp(key + length + 1, option->name) == 0;
}

/* ---- joining ---- */

static int add_option(options_t *options, const option_t *option, err_t *err)
{
    for (size_t i = 0; i < options->count; i++) {
        const option_t *other = options->entries[i].option;
        bool same_key = strcmp(other->section, option->section) == 0 &&
                        strcmp(other->name, option->name) == 0;
        bool same_alias = other->alias != NULL && option->alias != NULL &&
                          strcmp(other->alias, option->alias) == 0;
        if (same_key || same_alias) {
            return err_set(err, ERR_ARGUMENT, "option %s.%s is declared twice, or its alias is",
                           option->section, option->name);
        }
    }
    option_entry_t *more =
        realloc(options->entries, (options->count + 1) * sizeof *options->entries);
    if (more == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the option table");
    }
    options->entries = more;
    option_entry_t *entry = &options->entries[options->count++];
    *entry = (option_entry_t){.option = option};
    /* A choice without a default starts at its first word. */
    if (option->type == OPTION_CHOICE && option->fallback == NULL) {
        char first[KEY_LENGTH];
        snprintf(first, sizeof first, "%.*s", (int)strcspn(option->choices, "|"), option->choices);
        return options_assign(entry, first, false, err);
    }
    return options_assign(entry, option_fallback(option), false, err);
}

options_t *options_create(const char *program, const char *summary, const option_t *const tables[],
                          err_t *err)
{
    options_t *options = calloc(1, sizeof *options);
    if (options == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the option table");
        return NULL;
    }
    options->program = program;
    options->summary = summary;
    for (size_t t = 0; tables[t] != NULL; t++) {
        for (const option_t *option = tables[t]; option->name != NULL; option++) {
            if (add_option(options, option, err) != 0) {
                options_destroy(options);
                return NULL;
            }
        }
    }
    return options;
}

void options_destroy(options_t *options)
{
    if (options == NULL) {
        return;
    }
    for (size_t i = 0; i < options->count; i++) {
        free(options->entries[i].text);
        option_values_free(options->entries[i].values, options->entries[i].value_count);
    }
    free(options->entries);
    free(options->words);
    free(options);
}

void options_set_epilog(options_t *options, const char *text)
{
    options->epilog = text;
}

void options_set_positional(options_t *options, const char *synopsis)
{
    options->synopsis = synopsis;
}

/* ---- finding ---- */

/* Edit distance (Levenshtein) of two short words; long ones are simply far apart. */
static size_t distance(const char *a, const char *b)
{
    size_t rows = strlen(a), columns = strlen(b), row[KEY_LENGTH];
    if (columns >= KEY_LENGTH || rows >= KEY_LENGTH) {
        return KEY_LENGTH;
    }
    for (size_t j = 0; j <= columns; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= rows; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[columns];
}

static void consider(const char *key, const char *word, const option_t *option, size_t *least,
                     const option_t **nearest)
{
    size_t far = distance(key, word);
    size_t limit = strlen(word) < 4 ? 1 : strlen(word) < 9 ? 2 : 3;
    if (far <= limit && far < *least) {
        *least = far;
        *nearest = option;
    }
}

/* The option whose key, name, alias or beginning looks most like `key`, or NULL. */
static const option_t *nearest_option(const options_t *options, const char *key)
{
    const option_t *nearest = NULL;
    size_t least = KEY_LENGTH;
    for (size_t i = 0; i < options->count; i++) {
        const option_t *option = options->entries[i].option;
        const char *dot = strchr(key, '.');
        char full[KEY_LENGTH];
        snprintf(full, sizeof full, "%s.%s", option->section, option->name);
        consider(key, full, option, &least, &nearest);
        consider(dot != NULL ? dot + 1 : key, option->name, option, &least, &nearest);
        if (option->alias != NULL) {
            consider(key, option->alias, option, &least, &nearest);
        }
        if (least > 3 && strlen(key) >= 3 &&
            (strncmp(full, key, strlen(key)) == 0 || strncmp(option->name, key, strlen(key)) == 0)) {
            least = 3;
            nearest = option;
        }
    }
    return nearest;
}

option_entry_t *options_entry(const options_t *options, const char *key, err_t *err)
{
    option_entry_t *found = NULL;
    for (size_t i = 0; i < options->count; i++) {
        option_entry_t *entry = &options->entries[i];
        if (key_matches(entry->option, key)) {
            return entry;
        }
        if (strcmp(entry->option->name, key) == 0) {
            if (found != NULL) {
                err_set(err, ERR_ARGUMENT, "\"%s\" could be %s.%s or %s.%s: write which", key,
                        found->option->section, key, entry->option->section, key);
                return NULL;
            }
            found = entry;
        }
    }
    if (found == NULL) {
        const option_t *nearest = nearest_option(options, key);
        if (nearest != NULL) {
            err_set(err, ERR_ARGUMENT, "unknown option \"%.80s\"; did you mean \"%s.%s\"?", key,
                    nearest->section, nearest->name);
        } else {
            err_set(err, ERR_ARGUMENT, "unknown option \"%.80s\" (%s --help lists them)", key,
                    options->program);
        }
    }
    return found;
}

option_entry_t *options_alias(const options_t *options, const char *word)
{
    for (size_t i = 0; i < options->count; i++) {
        const char *alias = options->entries[i].option->alias;
        if (alias != NULL && strcmp(alias, word) == 0) {
            return &options->entries[i];
        }
    }
    return NULL;
}

const option_t *options_find(const options_t *options, const char *key, err_t *err)
{
    const option_entry_t *entry = options_entry(options, key, err);
    return entry != NULL ? entry->option : NULL;
}

bool options_has(const options_t *options, const char *key)
{
    return options_entry(options, key, NULL) != NULL;
}

bool options_given(const options_t *options, const char *key)
{
    const option_entry_t *entry = options_entry(options, key, NULL);
    return entry != NULL && entry->given;
}

const option_t *options_at(const options_t *options, size_t index)
{
    return index < options->count ? options->entries[index].option : NULL;
}

/* ---- setting ---- */

int options_assign(option_entry_t *entry, const char *value, bool given, err_t *err)
{
    char **values = NULL;
    size_t count = 0;
    if ((entry->option->flags & OPTION_LIST) != 0) {
        if (option_expand(entry->option, value, &values, &count, err) != 0) {
            return -1;
        }
    } else {
        if (option_check(entry->option, value, err) != 0) {
            return -1;
        }
        values = malloc(sizeof *values);
        if (values != NULL && (values[0] = strdup(value)) != NULL) {
            count = 1;
        }
    }
    char *text = strdup(value);
    if (text == NULL || (count == 0 && *value != 0)) {
        free(text);
        option_values_free(values, count);
        return err_set(err, ERR_MEMORY, "no memory for a value of %s", entry->option->name);
    }
    free(entry->text);
    option_values_free(entry->values, entry->value_count);
    entry->text = text;
    entry->values = values;
    entry->value_count = count;
    entry->given = given;
    return 0;
}

int options_set(options_t *options, const char *key, const char *value, err_t *err)
{
    option_entry_t *entry = options_entry(options, key, err);
    return entry != NULL ? options_assign(entry, value, true, err) : -1;
}

int options_set_runtime(options_t *options, const char *key, const char *value, err_t *err)
{
    option_entry_t *entry = options_entry(options, key, err);
    if (entry == NULL) {
        return -1;
    }
    if ((entry->option->flags & OPTION_RUNTIME) == 0) {
        return err_set(err, ERR_STATE, "%s.%s cannot change while %s runs", entry->option->section,
                       entry->option->name, options->program);
    }
    return options_assign(entry, value, true, err);
}
