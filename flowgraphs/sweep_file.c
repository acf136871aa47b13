/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The campaign file: sweep words, one a line, with comments and sections. */
#include "sweep.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char section[64];
    char origin[300]; /* "FILE line 3" */
} place_t;

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text)) {
        text++;
    }
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    text[length] = '\0';
    return text;
}

static void cut_comment(char *line)
{
    for (char *c = line; *c != '\0'; c++) {
        if ((*c == '#' || *c == ';') && (c == line || isspace((unsigned char)c[-1]))) {
            *c = '\0';
            return;
        }
    }
}

static int section_read(place_t *place, const char *text, err_t *err)
{
    size_t length = strlen(text);
    if (text[length - 1] != ']' || length < 3 || length - 2 >= sizeof place->section) {
        return err_set(err, ERR_FORMAT, "%s: \"%s\" is not [section]", place->origin, text);
    }
    memcpy(place->section, text + 1, length - 2);
    place->section[length - 2] = '\0';
    return 0;
}

static int line_add(sweep_t *sweep, place_t *place, char *line, err_t *err)
{
    cut_comment(line);
    char *text = trimmed(line);
    if (*text == '\0') {
        return 0;
    }
    if (*text == '[') {
        return section_read(place, text, err);
    }
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        return err_set(err, ERR_FORMAT, "%s: \"%s\" is not key = value", place->origin, text);
    }
    *equals = '\0';
    char *word = NULL;
    if (asprintf(&word, "%s%s%s=%s", place->section, place->section[0] != '\0' ? "." : "",
                 trimmed(text), trimmed(equals + 1)) < 0) {
        return err_set(err, ERR_MEMORY, "no memory for a line of a campaign file");
    }
    int status = sweep_add(sweep, word, place->origin, err);
    free(word);
    return status;
}

static int lines_add(sweep_t *sweep, FILE *file, const char *path, err_t *err)
{
    place_t place = {.section = ""};
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int status = 0;
    for (unsigned n = 1; status == 0 && (length = getline(&line, &room, file)) >= 0; n++) {
        snprintf(place.origin, sizeof place.origin, "%.250s line %u", path, n);
        if (strlen(line) != (size_t)length) {
            status = err_set(err, ERR_FORMAT, "%s: this is not a text file", place.origin);
        } else if (line[length - 1] != '\n') {
            status = err_set(err, ERR_FORMAT, "%s: the file was cut in this line", place.origin);
        } else {
            status = line_add(sweep, &place, line, err);
        }
    }
    free(line);
    if (status == 0 && ferror(file)) {
        return err_set_errno(err, errno, "cannot read %s", path);
    }
    return status;
}

int sweep_load(sweep_t *sweep, const char *path, err_t *err)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return err_set_errno(err, errno, "cannot open %s", path);
    }
    int status = lines_add(sweep, file, path, err);
    fclose(file);
    return status;
}
