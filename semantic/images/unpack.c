/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xz through liblzma, gzip through zlib, into memory that grows up to a limit. */
#include "images/unpack.h"

#include "file.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { FIRST_BYTES = 1 << 20, PACKED_BYTES_MAX = 1 << 30, XZ_MEMORY_MAX = 256 << 20 };

typedef struct {
    uint8_t *data;
    size_t room, limit;
    const char *path;
    err_t *err;
} growing_t;

/* Doubles the room, up to one byte over the limit so that "too large" shows. */
static int grow(growing_t *out)
{
    if (out->room > out->limit) {
        return err_set(out->err, ERR_FORMAT, "%s: more than %zu bytes unpacked", out->path,
                       out->limit);
    }
    size_t room = out->room == 0 ? FIRST_BYTES : out->room * 2;
    if (room > out->limit) {
        room = out->limit + 1;
    }
    uint8_t *data = realloc(out->data, room);
    if (data == NULL) {
        return err_set(out->err, ERR_MEMORY, "%s: no memory for %zu bytes", out->path, room);
    }
    out->data = data;
    out->room = room;
    return 0;
}

static int unpack_xz(const uint8_t *in, size_t in_size, growing_t *out, size_t *size)
{
    lzma_stream stream = LZMA_STREAM_INIT;
    lzma_ret status = lzma_stream_decoder(&stream, XZ_MEMORY_MAX, LZMA_CONCATENATED);
    stream.next_in = in;
    stream.avail_in = in_size;
    while (status == LZMA_OK) {
        size_t done = (size_t)stream.total_out;
        if (done == out->room && grow(out) < 0) {
            lzma_end(&stream);
            return -1;
        }
        stream.next_out = out->data + done;
        stream.avail_out = out->room - done;
        status = lzma_code(&stream, LZMA_FINISH);
    }
    *size = (size_t)stream.total_out;
    lzma_end(&stream);
    if (status != LZMA_STREAM_END) {
        return err_set(out->err, ERR_FORMAT, "%s: damaged or truncated xz file", out->path);
    }
    return 0;
}

static int unpack_gzip(const uint8_t *in, size_t in_size, growing_t *out, size_t *size)
{
    enum { GZIP_WINDOW = 15 + 16 };
    z_stream stream = {.next_in = (z_const Bytef *)in, .avail_in = (uInt)in_size};
    int status = inflateInit2(&stream, GZIP_WINDOW);
    while (status == Z_OK) {
        size_t done = (size_t)stream.total_out;
        if (done == out->room && grow(out) < 0) {
            inflateEnd(&stream);
            return -1;
        }
        stream.next_out = out->data + done;
        stream.avail_out = (uInt)(out->room - done);
        status = inflate(&stream, Z_NO_FLUSH);
    }
    *size = (size_t)stream.total_out;
    inflateEnd(&stream);
    if (status != Z_STREAM_END) {
        return err_set(out->err, ERR_FORMAT, "%s: damaged or truncated gzip file", out->path);
    }
    return 0;
}

int unpack_file(const char *path, size_t limit, uint8_t **data, size_t *size, err_t *err)
{
    static const uint8_t xz[6] = {0xfd, '7', 'z', 'X', 'Z', 0}, gzip[2] = {0x1f, 0x8b};
    uint8_t *in = NULL;
    size_t in_size = 0;
    if (file_read_all(path, PACKED_BYTES_MAX, &in, &in_size, err) < 0) {
        return -1;
    }
    growing_t out = {.limit = limit, .path = path, .err = err};
    int status;
    if (in_size >= sizeof(xz) && memcmp(in, xz, sizeof(xz)) == 0) {
        status = unpack_xz(in, in_size, &out, size);
    } else if (in_size >= sizeof(gzip) && memcmp(in, gzip, sizeof(gzip)) == 0) {
        status = unpack_gzip(in, in_size, &out, size);
    } else {
        status = 0;
        out.data = in;
        *size = in_size;
        in = NULL;
    }
    free(in);
    if (status == 0 && *size > limit) {
        status = err_set(err, ERR_FORMAT, "%s: more than %zu bytes", path, limit);
    }
    if (status < 0) {
        free(out.data);
        return -1;
    }
    *data = out.data;
    return 0;
}
