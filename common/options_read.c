/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where values come from: INI files and the command line. */
#include "file.h"
#include "options_private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LENGTH = 8192, FILE_LIMIT = 1 << 20, SECTION_LENGTH = 64 };

/* ---- INI ---- */

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        text[--length] = 0;
    }
    return text;
}

/* Cuts off a comment: # or ; at the start or after a space, outside quotes. */
static void cut_comment(char *line)
{
    bool quoted = false;
    for (char *at = line; *at != 0; at++) {
        if (*at == '"') {
            quoted = !quoted;
        }
        bool alone = at == line || isspace((unsigned char)at[-1]);
        if ((*at == '#' || *at == ';') && !quoted && alone) {
            *at = 0;
            return;
        }
    }
}

static int read_section(char *line, char *section, err_t *err)
{
    size_t length = strlen(line);
    if (length < 3 || line[length - 1] != ']' || length - 2 >= SECTION_LENGTH) {
        return err_set(err, ERR_FORMAT, "a section is written [name], not \"%.60s\"", line);
    }
    memcpy(section, line + 1, length - 2);
    section[length - 2] = 0;
    return 0;
}

static int read_assignment(options_t *options, char *line, const char *section, err_t *err)
{
    char *equals = strchr(line, '=');
    if (equals == NULL || equals == line) {
        return err_set(err, ERR_FORMAT, "expected \"name = value\", not \"%.60s\"", line);
    }
    *equals = 0;
    char *name = trim(line), *value = trim(equals + 1);
    size_t length = strlen(value);
    if (*value == '"') {
        if (length < 2 || value[length - 1] != '"') {
            return err_set(err, ERR_FORMAT, "the quote in \"%s = %.60s\" is not closed", name, value);
        }
        value[length - 1] = 0;
        value++;
    }
    char key[LINE_LENGTH + SECTION_LENGTH + 2];
    bool full = *section == 0 || strchr(name, '.') != NULL;
    snprintf(key, sizeof key, "%s%s%s", full ? "" : section, full ? "" : ".", name);
    return options_set(options, key, value, err);
}

static int read_line(options_t *options, const char *start, size_t length, char *section,
                     err_t *err)
{
    char copy[LINE_LENGTH];
    if (length >= sizeof copy) {
        return err_set(err, ERR_FORMAT, "the line is longer than %d bytes", LINE_LENGTH - 1);
    }
    if (memchr(start, 0, length) != NULL) {
        return err_set(err, ERR_FORMAT, "the line holds a zero byte: not a text file");
    }
    memcpy(copy, start, length);
    copy[length] = 0;
    cut_comment(copy);
    char *line = trim(copy);
    if (*line == 0) {
        return 0;
    }
    return *line == '[' ? read_section(line, section, err)
                        : read_assignment(options, line, section, err);
}

int options_load_text(options_t *options, const char *name, const char *text, size_t length,
                      err_t *err)
{
    char section[SECTION_LENGTH] = "";
    size_t at = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    for (size_t number = 1; at < length; number++) {
        const char *newline = memchr(text + at, '\n', length - at);
        size_t end = newline != NULL ? (size_t)(newline - text) : length;
        if (read_line(options, text + at, end - at, section, err) != 0) {
            return err_prefix(err, "%s:%zu", name, number);
        }
        at = end + 1;
    }
    return 0;
}

int options_load_file(options_t *options, const char *path, err_t *err)
{
    uint8_t *text;
    size_t length;
    if (file_read_all(path, FILE_LIMIT, &text, &length, err) != 0) {
        return -1;
    }
    int code = options_load_text(options, path, (const char *)text, length, err);
    free(text);
    return code;
}

/* ---- command line ---- */

/* One word with dashes, taken apart. */
typedef struct {
    char name[256];
    const char *value; /* after "=", or NULL */
} word_t;

static int split_word(const char *text, word_t *word, err_t *err)
{
    const char *name = text + (text[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    if (length == 0 || length >= sizeof word->name) {
        return err_set(err, ERR_ARGUMENT, "\"%.80s\" is not an option", text);
    }
    memcpy(word->name, name, length);
    word->name[length] = 0;
    word->value = equals != NULL ? equals + 1 : NULL;
    return 0;
}

static bool is_word(const char *text)
{
    return text[0] == '-' && text[1] != 0 && !isdigit((unsigned char)text[1]) && text[1] != '.';
}

/* The value of the word at argv[*i]: after its "=", or the next argument, which it then uses up. */
static const char *take_value(const word_t *word, int argc, char *const argv[], int *i, err_t *err)
{
    if (word->value != NULL) {
        return word->value;
    }
    if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0) {
        err_set(err, ERR_ARGUMENT, "--%s needs a value: --%s=VALUE", word->name, word->name);
        return NULL;
    }
    return argv[++*i];
}

static bool is_config(const word_t *word)
{
    return strcmp(word->name, "config") == 0 || strcmp(word->name, "c") == 0;
}

/* The words every program has.  True when this was one of them. */
static bool answer(const options_t *options, const word_t *word)
{
    if (strcmp(word->name, "help") == 0 || strcmp(word->name, "h") == 0) {
        options_help(options, stdout);
    } else if (strcmp(word->name, "version") == 0) {
        printf("%s %s\n", options->program, SEMRADIO_VERSION);
    } else if (strcmp(word->name, "options-markdown") == 0) {
        options_markdown(options, stdout);
    } else {
        return false;
    }
    return true;
}

static int take_option(options_t *options, const word_t *word, int argc, char *const argv[],
                       int *i, err_t *err)
{
    option_entry_t *entry = options_alias(options, word->name);
    if (entry == NULL) {
        entry = options_entry(options, word->name, err);
    }
    if (entry == NULL) {
        return -1;
    }
    bool lone = entry->option->type == OPTION_BOOL && word->value == NULL;
    const char *value = lone ? "true" : take_value(word, argc, argv, i, err);
    return value != NULL ? options_assign(entry, value, true, err) : -1;
}

static int take_positional(options_t *options, const char *word, err_t *err)
{
    if (options->synopsis == NULL) {
        return err_set(err, ERR_ARGUMENT, "what is \"%.80s\"? Options begin with -- (%s --help)",
                       word, options->program);
    }
    options->words[options->word_count++] = word;
    return 0;
}

/* Files first, so that the command line wins whatever the order of its words. */
static int load_configs(options_t *options, int argc, char *const argv[], err_t *err)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        word_t word;
        if (!is_word(argv[i])) {
            continue;
        }
        if (split_word(argv[i], &word, err) != 0) {
            return -1;
        }
        if (is_config(&word)) {
            const char *path = take_value(&word, argc, argv, &i, err);
            if (path == NULL || options_load_file(options, path, err) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

int options_parse(options_t *options, int argc, char *const argv[], err_t *err)
{
    free(options->words);
    options->word_count = 0;
    options->words = calloc((size_t)argc + 1, sizeof *options->words);
    if (options->words == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the command line");
    }
    if (load_configs(options, argc, argv, err) != 0) {
        return -1;
    }
    bool words_only = false, print = false;
    for (int i = 1; i < argc; i++) {
        word_t word;
        if (words_only || !is_word(argv[i])) {
            if (take_positional(options, argv[i], err) != 0) {
                return -1;
            }
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            words_only = true;
            continue;
        }
        if (split_word(argv[i], &word, err) != 0) {
            return -1;
        }
        if (answer(options, &word)) {
            return 1;
        }
        if (strcmp(word.name, "print-config") == 0) {
            print = true;
        } else if (is_config(&word)) {
            (void)take_value(&word, argc, argv, &i, NULL); /* read above */
        } else if (take_option(options, &word, argc, argv, &i, err) != 0) {
            return -1;
        }
    }
    if (print) {
        options_print(options, stdout);
    }
    return print ? 1 : 0;
}
