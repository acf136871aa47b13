/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lines: a file of whole lines (JSON lines) that is readable at any moment.
 *
 * Each line goes out with one write.  When the disk is full or the write
 * fails, what was written of the line is cut off again, so the file never
 * holds half a line; the line is counted as lost, and the next one is tried
 * again.  One thread.
 */
#ifndef COMMON_LINES_H
#define COMMON_LINES_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lines lines_t;

/* Opens (truncates, or with `append` continues) a file; "-" is standard output; a pipe or
   device works too (there, nothing can be cut off). */
lines_t *lines_open(const char *path, bool append, err_t *err);

/* Writes text[length] and a newline.  -1: the line was lost (counted). */
int lines_put(lines_t *lines, const char *text, size_t length, err_t *err);

uint64_t lines_written(const lines_t *lines);
uint64_t lines_lost(const lines_t *lines);

/* Ends the file.  NULL is fine.  -1 when the system reports a late error. */
int lines_close(lines_t *lines, err_t *err);

#endif
