/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digest: SHA-256 (FIPS 180-4), by which adapters and everything in the store are named.
 * As text: 64 lower-case hexadecimal digits.
 */
#ifndef ALIGNMENT_ADAPTER_DIGEST_H
#define ALIGNMENT_ADAPTER_DIGEST_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32, DIGEST_TEXT = 65 };

typedef struct {
    uint8_t byte[DIGEST_SIZE];
} digest_t;

/* SHA-256 of bytes[size]. */
digest_t digest_of(const void *bytes, size_t size);

/* SHA-256 of the first `size` bytes that `fd` gives from its present place.  -1 with errno set when
   reading fails or it ends early (errno 0). */
int digest_of_fd(int fd, uint64_t size, digest_t *digest);

/* text[DIGEST_TEXT]; returns text. */
char *digest_text(const digest_t *digest, char *text);

/* From 64 lower-case digits and nothing else; -1 otherwise (ERR_ARGUMENT). */
int digest_parse(const char *text, digest_t *digest, err_t *err);

bool digest_equal(const digest_t *a, const digest_t *b);

#endif
