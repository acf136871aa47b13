/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_writer {
    FILE *stream;
    char *path, *temporary;
};

static void writer_free(file_writer_t *writer)
{
    if (writer->stream != NULL) {
        fclose(writer->stream);
    }
    free(writer->path);
    free(writer->temporary);
    free(writer);
}

/* mkstemp makes 0600; a file should have what the umask allows. */
static void apply_umask(int fd)
{
    mode_t mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
}

file_writer_t *file_writer_open(const char *path, err_t *err)
{
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode) && !S_ISDIR(there.st_mode)) {
        /* The rename would put a file in the place of /dev/null. */
        err_set(err, ERR_ARGUMENT, "cannot write %s: it is a device, pipe or socket", path);
        return NULL;
    }
    file_writer_t *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        err_set(err, ERR_MEMORY, "no memory to write %s", path);
        return NULL;
    }
    writer->path = strdup(path);
    if (asprintf(&writer->temporary, "%s.XXXXXX", path) < 0) {
        writer->temporary = NULL;
    }
    int fd = writer->temporary != NULL && writer->path != NULL ? mkstemp(writer->temporary) : -1;
    if (fd >= 0) {
        apply_umask(fd);
        writer->stream = fdopen(fd, "wb");
    }
    if (writer->stream == NULL) {
        err_set_errno(err, errno, "cannot write %s", path);
        if (fd >= 0) {
            close(fd);
            unlink(writer->temporary);
        }
        writer_free(writer);
        return NULL;
    }
    return writer;
}

FILE *file_writer_stream(file_writer_t *writer)
{
    return writer->stream;
}

int file_writer_write(file_writer_t *writer, const void *data, size_t size, err_t *err)
{
    if (size > 0 && fwrite(data, 1, size, writer->stream) != size) {
        return err_set_errno(err, errno, "cannot write %s", writer->path);
    }
    return 0;
}

void file_writer_abort(file_writer_t *writer)
{
    if (writer != NULL) {
        unlink(writer->temporary);
        writer_free(writer);
    }
}

int file_writer_commit(file_writer_t *writer, err_t *err)
{
    errno = 0;
    bool good = !ferror(writer->stream) && fflush(writer->stream) == 0 &&
                fsync(fileno(writer->stream)) == 0;
    int reason = errno != 0 ? errno : EIO;
    if (fclose(writer->stream) != 0 && good) {
        good = false;
        reason = errno;
    }
    writer->stream = NULL;
    if (good && rename(writer->temporary, writer->path) != 0) {
        good = false;
        reason = errno;
    }
    if (!good) {
        err_set_errno(err, reason, "cannot write %s", writer->path);
        unlink(writer->temporary);
    }
    writer_free(writer);
    return good ? 0 : -1;
}

/* Reads until the end or `limit` + 1 bytes.  Growing, because pipes have no size. */
static int read_stream(FILE *stream, size_t limit, uint8_t **data, size_t *size)
{
    size_t room = 0, used = 0;
    uint8_t *bytes = NULL;
    do {
        if (used + 1 >= room) {
            room = room == 0 ? 65536 : 2 * room;
            uint8_t *more = realloc(bytes, room);
            if (more == NULL) {
                free(bytes);
                return -1;
            }
            bytes = more;
        }
        used += fread(bytes + used, 1, room - used - 1, stream);
    } while (!feof(stream) && !ferror(stream) && used <= limit);
    bytes[used] = 0;
    *data = bytes;
    *size = used;
    return 0;
}

int file_read_all(const char *path, size_t limit, uint8_t **data, size_t *size, err_t *err)
{
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return err_set_errno(err, errno, "cannot read %s", path);
    }
    int code = read_stream(stream, limit, data, size);
    int broken = code == 0 && ferror(stream) ? errno : 0;
    fclose(stream);
    if (code != 0) {
        return err_set(err, ERR_MEMORY, "no memory to read %s", path);
    }
    if (broken != 0 || *size > limit) {
        free(*data);
        *data = NULL;
        return broken != 0 ? err_set_errno(err, broken, "cannot read %s", path)
                           : err_set(err, ERR_FORMAT, "%s is larger than %zu bytes", path, limit);
    }
    return 0;
}

int file_make_folder(const char *path, err_t *err)
{
    char *copy = strdup(path);
    if (copy == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to make the folder %s", path);
    }
    int reason = 0;
    for (char *slash = copy; slash != NULL && reason == 0;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL) {
            *slash = 0;
        }
        if (*copy != 0 && mkdir(copy, 0777) != 0 && errno != EEXIST) {
            reason = errno;
        }
        if (slash != NULL) {
            *slash = '/';
        }
    }
    struct stat status;
    if (reason == 0 && stat(path, &status) != 0) {
        reason = errno;
    } else if (reason == 0 && !S_ISDIR(status.st_mode)) {
        reason = ENOTDIR;
    }
    free(copy);
    return reason == 0 ? 0 : err_set_errno(err, reason, "cannot make the folder %s", path);
}
