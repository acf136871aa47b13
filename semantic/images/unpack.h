/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unpack: reads a whole file that may be packed with xz or gzip (told from its
 * first bytes).  Truncated, damaged, or larger than `limit` unpacked bytes is an
 * error that names the file.
 */
#ifndef SEMANTIC_IMAGES_UNPACK_H
#define SEMANTIC_IMAGES_UNPACK_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

/* *data[*size] (free() it).  0 or -1. */
int unpack_file(const char *path, size_t limit, uint8_t **data, size_t *size, err_t *err);

#endif
