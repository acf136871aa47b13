/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file: whole files.  A file written here either appears complete under its
 * name or not at all: it grows under a temporary name in the same folder and
 * is renamed after fsync.
 */
#ifndef COMMON_FILE_H
#define COMMON_FILE_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct file_writer file_writer_t;

/* Starts a file.  An existing file of that name stays as it is until the commit.  ERR_ARGUMENT: a
   device, pipe or socket has that name; nothing takes its place. */
file_writer_t *file_writer_open(const char *path, err_t *err);

/* The stream to write to (fprintf, fwrite); errors are noticed at the commit. */
FILE *file_writer_stream(file_writer_t *writer);

int file_writer_write(file_writer_t *writer, const void *data, size_t size, err_t *err);

/* Ends the file and gives it its name.  Frees the writer in any case; on an error (disk full ...)
   the temporary file is gone and the old file untouched. */
int file_writer_commit(file_writer_t *writer, err_t *err);

/* Forgets the file.  NULL is fine. */
void file_writer_abort(file_writer_t *writer);

/* Reads a file into malloc'ed memory with a NUL after it (not counted).  Larger than `limit`
   bytes: ERR_FORMAT.  Free *data with free(). */
int file_read_all(const char *path, size_t limit, uint8_t **data, size_t *size, err_t *err);

/* Makes a folder and its parents where missing. */
int file_make_folder(const char *path, err_t *err);

#endif
