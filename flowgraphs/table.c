/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fields lie in the file's own bytes: quotes are taken out in place. */
#include "table.h"

#include "file.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 256 << 20 };

struct table {
    char *bytes;
    char **fields; /* [rows + 1][columns], the head first */
    size_t columns, count, room;
};

static int field_add(table_t *table, char *field, err_t *err)
{
    if (table->count == table->room) {
        size_t room = table->room == 0 ? 256 : 2 * table->room;
        char **more = realloc(table->fields, room * sizeof *more);
        if (more == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for a table");
        }
        table->fields = more;
        table->room = room;
    }
    table->fields[table->count++] = field;
    return 0;
}

/* Takes one field at *at and ends it with a NUL; returns the character that ended it ('\0': the
   file ended in it, which it must not), and moves *at behind that. */
static char field_take(char **at, char **field)
{
    char *from = *at, *to = *at;
    *field = to;
    if (*from == '"') {
        for (from++; *from != '\0'; from++) {
            if (*from == '"' && *++from != '"') {
                break;
            }
            *to++ = *from;
        }
    } else {
        from = to = from + strcspn(from, ",\r\n");
    }
    if (*from == '\r' && from[1] == '\n') {
        from++;
    }
    char end = *from;
    *at = end != '\0' ? from + 1 : from;
    *to = '\0';
    return end;
}

static int rows_read(table_t *table, const char *path, err_t *err)
{
    char *at = table->bytes;
    for (unsigned line = 1; *at != '\0'; line++) {
        size_t before = table->count;
        char end = ',';
        while (end == ',') {
            char *field;
            end = field_take(&at, &field);
            if (end != ',' && end != '\n') {
                return err_set(err, ERR_FORMAT, "%s: row %u is cut or badly quoted", path, line);
            }
            if (field_add(table, field, err) != 0) {
                return -1;
            }
        }
        size_t fields = table->count - before;
        if (line == 1) {
            table->columns = fields;
        } else if (fields != table->columns) {
            return err_set(err, ERR_FORMAT, "%s: row %u has %zu fields, the first one %zu", path,
                           line, fields, table->columns);
        }
    }
    return table->columns > 0 ? 0 : err_set(err, ERR_FORMAT, "%s is empty", path);
}

table_t *table_load(const char *path, err_t *err)
{
    table_t *table = calloc(1, sizeof *table);
    if (table == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a table");
        return NULL;
    }
    uint8_t *bytes = NULL;
    size_t size;
    int status = file_read_all(path, FILE_MOST, &bytes, &size, err);
    table->bytes = (char *)bytes;
    if (status == 0 && memchr(bytes, '\0', size) != NULL) {
        status = err_set(err, ERR_FORMAT, "%s is not a text file", path);
    }
    if (status != 0 || rows_read(table, path, err) != 0) {
        table_free(table);
        return NULL;
    }
    return table;
}

void table_free(table_t *table)
{
    if (table != NULL) {
        free(table->fields);
        free(table->bytes);
        free(table);
    }
}

size_t table_columns(const table_t *table)
{
    return table->columns;
}

size_t table_rows(const table_t *table)
{
    return table->count / table->columns - 1;
}

const char *table_name(const table_t *table, size_t column)
{
    assert(column < table->columns);
    return table->fields[column];
}

int table_find(const table_t *table, const char *name)
{
    for (size_t i = 0; i < table->columns; i++) {
        if (strcmp(table->fields[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *table_text(const table_t *table, size_t row, size_t column)
{
    assert(column < table->columns && row < table_rows(table));
    return table->fields[(row + 1) * table->columns + column];
}

double table_number(const table_t *table, size_t row, size_t column)
{
    const char *text = table_text(table, row, column);
    char *end;
    double value = strtod(text, &end);
    return end != text && *end == '\0' ? value : (double)NAN;
}
