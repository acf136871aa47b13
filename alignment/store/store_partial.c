/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store_partial: downloads.  The file's length is the resume offset; bytes come in order.  The
 * receiver holds flock on the file, so two can't receive one object at once, and a killed one
 * lets go.  Chunks are not synced: if the machine loses power the tail may be wrong, the hash says
 * so at the end, and the download starts anew.
 */
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct store_partial {
    store_t *store;
    digest_t id;
    uint64_t size, length;
    int fd; /* -1: the object is there already */
    char path[STORE_PATH_MAX];
};

static int failed(const store_partial_t *partial, const char *what, err_t *err)
{
    return err_set_errno(err, errno, "cannot %s %s/%s", what, partial->store->root, partial->path);
}

/* 1: open and ours.  0: the file was moved away between open and flock, try again.  -1: error. */
static int try_open(store_partial_t *partial, err_t *err)
{
    struct stat mine, named;
    partial->fd =
        openat(partial->store->fd, partial->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (partial->fd < 0) {
        return failed(partial, "write", err);
    }
    if (flock(partial->fd, LOCK_EX | LOCK_NB) < 0) {
        return errno == EWOULDBLOCK
                   ? err_set(err, ERR_STATE, "%s/%s: somebody else is receiving it",
                             partial->store->root, partial->path)
                   : failed(partial, "lock", err);
    }
    if (fstat(partial->fd, &mine) < 0) {
        return failed(partial, "read", err);
    }
    if (fstatat(partial->store->fd, partial->path, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
        named.st_ino != mine.st_ino) {
        close(partial->fd);
        partial->fd = -1;
        return 0;
    }
    partial->length = (uint64_t)mine.st_size;
    if (partial->length > partial->size) {
        partial->length = 0;
        return ftruncate(partial->fd, 0) < 0 ? failed(partial, "cut", err) : 1;
    }
    return 1;
}

static int open_partial(store_partial_t *partial, err_t *err)
{
    int lock = store_lock(partial->store, LOCK_SH, err), code = 0;
    if (lock < 0) {
        return -1;
    }
    if (store_refresh(partial->store, &partial->id)) {
        partial->length = partial->size;
        code = 1;
    }
    while (code == 0) {
        code = try_open(partial, err);
    }
    close(lock);
    return code;
}

store_partial_t *store_partial_open(store_t *store, const digest_t *id, uint64_t size, err_t *err)
{
    char text[DIGEST_TEXT];
    if (size < 1 || size > ADAPTER_SIZE_MAX) {
        err_set(err, ERR_ARGUMENT, "an object of %llu bytes; 1 .. %d", (unsigned long long)size,
                ADAPTER_SIZE_MAX);
        return NULL;
    }
    store_partial_t *partial = calloc(1, sizeof *partial);
    if (!partial) {
        err_set(err, ERR_MEMORY, "no memory for a download");
        return NULL;
    }
    *partial = (store_partial_t){.store = store, .id = *id, .size = size, .fd = -1};
    snprintf(partial->path, sizeof partial->path, "partial/%s.%llu", digest_text(id, text),
             (unsigned long long)size);
    if (open_partial(partial, err) < 0) {
        store_partial_close(partial);
        return NULL;
    }
    return partial;
}

uint64_t store_partial_offset(const store_partial_t *partial)
{
    return partial->length;
}

int store_partial_write(store_partial_t *partial, uint64_t offset, const void *bytes, size_t count,
                        err_t *err)
{
    const uint8_t *from = bytes;
    if (offset > partial->length) {
        return err_set(err, ERR_ARGUMENT, "%s: bytes at %llu would leave a hole; resume at %llu",
                       partial->path, (unsigned long long)offset,
                       (unsigned long long)partial->length);
    }
    if (count > partial->size || offset > partial->size - count) {
        return err_set(err, ERR_ARGUMENT, "%s: %zu bytes at %llu go past its end", partial->path,
                       count, (unsigned long long)offset);
    }
    while (count > 0 && partial->fd >= 0) {
        ssize_t wrote = pwrite(partial->fd, from, count, (off_t)offset);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            return failed(partial, "write", err);
        }
        from += wrote;
        count -= (size_t)wrote;
        offset += (uint64_t)wrote;
        partial->length = offset > partial->length ? offset : partial->length;
    }
    return 0;
}

/* Everything is here; the lock is held. */
static int install(store_partial_t *partial, err_t *err)
{
    char path[STORE_PATH_MAX], text[DIGEST_TEXT];
    digest_t found;
    if (lseek(partial->fd, 0, SEEK_SET) < 0 ||
        digest_of_fd(partial->fd, partial->size, &found) < 0) {
        return failed(partial, "read", err);
    }
    if (!digest_equal(&found, &partial->id)) {
        unlinkat(partial->store->fd, partial->path, 0);
        return err_set(err, ERR_FORMAT, "%s/%s: received bytes that hash to %s; deleted",
                       partial->store->root, partial->path, digest_text(&found, text));
    }
    store_object_path(&partial->id, path);
    return store_make_parent(partial->store, path, err) < 0
               ? -1
               : store_install(partial->store, partial->fd, partial->path, path, err);
}

int store_partial_finish(store_partial_t *partial, err_t *err)
{
    int result = 0;
    if (partial->length < partial->size) {
        result = err_set(err, ERR_STATE, "%s: only %llu bytes have come", partial->path,
                         (unsigned long long)partial->length);
    } else if (partial->fd >= 0) {
        int lock = store_lock(partial->store, LOCK_SH, err);
        result = lock < 0 ? -1 : install(partial, err);
        if (lock >= 0) {
            close(lock);
        }
    }
    store_partial_close(partial);
    return result;
}

void store_partial_close(store_partial_t *partial)
{
    if (partial) {
        if (partial->fd >= 0) {
            close(partial->fd);
        }
        free(partial);
    }
}

void store_partial_discard(store_partial_t *partial)
{
    if (partial->fd >= 0) {
        unlinkat(partial->store->fd, partial->path, 0);
    }
    store_partial_close(partial);
}

/* ---- list ----------------------------------------------------------------- */

typedef struct {
    store_t *store;
    store_partial_info_t *list;
    int count, room;
    err_t *err;
} partials_t;

static int add_partial(void *context, const char *name)
{
    partials_t *all = context;
    char text[DIGEST_TEXT], path[STORE_PATH_MAX], *end;
    struct stat status;
    digest_t id;
    snprintf(text, sizeof text, "%s", name);
    snprintf(path, sizeof path, "partial/%.100s", name);
    if (strlen(name) < DIGEST_TEXT + 1 || name[DIGEST_TEXT - 1] != '.' ||
        digest_parse(text, &id, NULL) < 0 ||
        fstatat(all->store->fd, path, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        return 0; /* not ours, or gone */
    }
    uint64_t size = strtoull(name + DIGEST_TEXT, &end, 10);
    if (*end != 0) {
        return 0;
    }
    if (all->count == all->room) {
        int room = 2 * all->room + 16;
        store_partial_info_t *more = realloc(all->list, (size_t)room * sizeof *more);
        if (!more) {
            return err_set(all->err, ERR_MEMORY, "no memory to list %s", all->store->root);
        }
        all->list = more;
        all->room = room;
    }
    all->list[all->count++] = (store_partial_info_t){id, size, (uint64_t)status.st_size};
    return 0;
}

int store_partials(store_t *store, store_partial_info_t **list, int *count, err_t *err)
{
    partials_t all = {store, NULL, 0, 0, err};
    if (store_each(store, "partial", add_partial, &all, err) < 0) {
        free(all.list);
        return -1;
    }
    *list = all.list;
    *count = all.count;
    return 0;
}
