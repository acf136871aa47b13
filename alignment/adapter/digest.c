/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digest: libsodium's SHA-256; the functions used here need no sodium_init(). */
#include "adapter/digest.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

_Static_assert(DIGEST_SIZE == crypto_hash_sha256_BYTES, "SHA-256 has 32 bytes");

digest_t digest_of(const void *bytes, size_t size)
{
    digest_t digest;
    crypto_hash_sha256(digest.byte, bytes, size);
    return digest;
}

int digest_of_fd(int fd, uint64_t size, digest_t *digest)
{
    crypto_hash_sha256_state state;
    uint8_t chunk[65536];
    crypto_hash_sha256_init(&state);
    while (size > 0) {
        ssize_t got = read(fd, chunk, size < sizeof chunk ? (size_t)size : sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got < 0 ? errno : 0;
            return -1;
        }
        crypto_hash_sha256_update(&state, chunk, (size_t)got);
        size -= (uint64_t)got;
    }
    crypto_hash_sha256_final(&state, digest->byte);
    return 0;
}

char *digest_text(const digest_t *digest, char *text)
{
    return sodium_bin2hex(text, DIGEST_TEXT, digest->byte, DIGEST_SIZE);
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int digest_parse(const char *text, digest_t *digest, err_t *err)
{
    for (int i = 0; i < DIGEST_SIZE; i++) {
        int high = hex_value(text[2 * i]), low = high < 0 ? -1 : hex_value(text[2 * i + 1]);
        if (low < 0) {
            return err_set(err, ERR_ARGUMENT, "%.70s is not a SHA-256 (64 digits 0-9 a-f)", text);
        }
        digest->byte[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * DIGEST_SIZE] == 0
               ? 0
               : err_set(err, ERR_ARGUMENT, "%.70s is not a SHA-256 (64 digits 0-9 a-f)", text);
}

bool digest_equal(const digest_t *a, const digest_t *b)
{
    return memcmp(a->byte, b->byte, DIGEST_SIZE) == 0;
}
