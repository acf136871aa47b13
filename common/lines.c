/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct lines {
    int fd;
    bool owned;   /* close it at the end */
    bool regular; /* a file that ftruncate can cut */
    off_t end;    /* bytes of whole lines; regular files only */
    uint64_t written, lost;
    char path[];
};

/* Where the last whole line ends: an append after a crash must not glue two lines together. */
static off_t end_of_whole_lines(int fd, off_t size)
{
    char block[4096];
    while (size > 0) {
        off_t start = size > (off_t)sizeof block ? size - (off_t)sizeof block : 0;
        ssize_t got = pread(fd, block, (size_t)(size - start), start);
        if (got <= 0) {
            return size;
        }
        const char *newline = memrchr(block, '\n', (size_t)got);
        if (newline != NULL) {
            return start + (newline - block) + 1;
        }
        size = start;
    }
    return 0;
}

static int open_target(lines_t *lines, const char *path, bool append)
{
    if (strcmp(path, "-") == 0) {
        lines->fd = STDOUT_FILENO;
        return 0;
    }
    lines->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (append ? 0 : O_TRUNC), 0666);
    if (lines->fd < 0) { /* a pipe or a device may refuse reading */
        lines->fd = open(path, O_WRONLY | O_CLOEXEC);
    }
    lines->owned = lines->fd >= 0;
    struct stat status;
    if (lines->fd < 0 || fstat(lines->fd, &status) != 0) {
        return -1;
    }
    lines->regular = S_ISREG(status.st_mode);
    if (lines->regular && append) {
        lines->end = end_of_whole_lines(lines->fd, status.st_size);
        return ftruncate(lines->fd, lines->end);
    }
    return 0;
}

lines_t *lines_open(const char *path, bool append, err_t *err)
{
    size_t length = strlen(path) + 1;
    lines_t *lines = calloc(1, sizeof *lines + length);
    if (lines == NULL) {
        err_set(err, ERR_MEMORY, "no memory to write %s", path);
        return NULL;
    }
    memcpy(lines->path, path, length);
    if (open_target(lines, path, append) != 0) {
        err_set_errno(err, errno, "cannot write %s", path);
        if (lines->owned) {
            close(lines->fd);
        }
        free(lines);
        return NULL;
    }
    return lines;
}

/* Writes all of the line.  0, or -1 with errno. */
static int write_whole(lines_t *lines, const char *text, size_t length)
{
    char newline = '\n';
    size_t done = 0;
    while (done < length + 1) {
        size_t left = done < length ? length - done : 0;
        struct iovec parts[2] = {{(void *)(uintptr_t)(text + (length - left)), left},
                                 {&newline, 1}};
        ssize_t put = lines->regular ? pwritev(lines->fd, parts, 2, lines->end + (off_t)done)
                                     : writev(lines->fd, parts, 2);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            errno = put == 0 ? ENOSPC : errno;
            return -1;
        }
        done += (size_t)put;
    }
    return 0;
}

int lines_put(lines_t *lines, const char *text, size_t length, err_t *err)
{
    if (write_whole(lines, text, length) == 0) {
        lines->end += (off_t)length + 1;
        lines->written++;
        return 0;
    }
    int reason = errno;
    lines->lost++;
    if (lines->regular && ftruncate(lines->fd, lines->end) != 0) {
        reason = errno;
    }
    return err_set_errno(err, reason, "cannot write %s", lines->path);
}

uint64_t lines_written(const lines_t *lines)
{
    return lines->written;
}

uint64_t lines_lost(const lines_t *lines)
{
    return lines->lost;
}

int lines_close(lines_t *lines, err_t *err)
{
    if (lines == NULL) {
        return 0;
    }
    int code = lines->owned ? close(lines->fd) : 0;
    if (code != 0) {
        err_set_errno(err, errno, "cannot write %s", lines->path);
    }
    free(lines);
    return code;
}
