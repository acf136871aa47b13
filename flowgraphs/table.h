/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * table: a small CSV file (RFC 4180) in memory, every field a text.
 */
#ifndef FLOWGRAPHS_TABLE_H
#define FLOWGRAPHS_TABLE_H

#include "err.h"

#include <stddef.h>

typedef struct table table_t;

/* Errors name the file and the line: a row with other than the head's number of fields, an open
   quote, a last line that was cut. */
table_t *table_load(const char *path, err_t *err);
void table_free(table_t *table); /* NULL is fine */

size_t table_columns(const table_t *table);
size_t table_rows(const table_t *table); /* without the head */

const char *table_name(const table_t *table, size_t column);
int table_find(const table_t *table, const char *name); /* column, or -1 */

const char *table_text(const table_t *table, size_t row, size_t column);
/* The field as a number; NaN when it is empty or none. */
double table_number(const table_t *table, size_t row, size_t column);

#endif
