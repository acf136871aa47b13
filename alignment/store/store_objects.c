/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store_objects: bytes under their hash.  Reading needs no lock: an object's file never changes. */
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void store_object_path(const digest_t *id, char path[STORE_PATH_MAX])
{
    char text[DIGEST_TEXT];
    digest_text(id, text);
    snprintf(path, STORE_PATH_MAX, "objects/%.2s/%s", text, text + 2);
}

void store_pin_path(const digest_t *id, char path[STORE_PATH_MAX])
{
    char text[DIGEST_TEXT];
    snprintf(path, STORE_PATH_MAX, "pins/%s", digest_text(id, text));
}

/* ---- reading -------------------------------------------------------------- */

static int missing(store_t *store, const digest_t *id, err_t *err)
{
    char text[DIGEST_TEXT];
    return err_set(err, ERR_ARGUMENT, "the store %s has no object %s", store->root,
                   digest_text(id, text));
}

static int open_object(store_t *store, const digest_t *id, struct stat *status, err_t *err)
{
    char path[STORE_PATH_MAX];
    store_object_path(id, path);
    int fd = store_open_file(store, path);
    if (fd < 0) {
        return errno == ENOENT ? missing(store, id, err)
                               : err_set_errno(err, errno, "cannot read %s/%s", store->root, path);
    }
    if (fstat(fd, status) < 0 || !S_ISREG(status->st_mode)) {
        close(fd);
        return err_set(err, ERR_FORMAT, "%s/%s: not a plain file", store->root, path);
    }
    if (status->st_size < 1 || status->st_size > ADAPTER_SIZE_MAX) {
        close(fd);
        return err_set(err, ERR_FORMAT, "%s/%s: damaged: it has %lld bytes", store->root, path,
                       (long long)status->st_size);
    }
    return fd;
}

static int read_whole(int fd, uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(fd, bytes + at, size - at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            errno = got < 0 ? errno : ENODATA;
            return -1;
        }
        at += (size_t)got;
    }
    return 0;
}

static int damaged(store_t *store, const digest_t *id, const digest_t *found, size_t size,
                   err_t *err)
{
    char path[STORE_PATH_MAX], text[DIGEST_TEXT];
    store_object_path(id, path);
    return err_set(err, ERR_FORMAT, "%s/%s: damaged: its %zu bytes hash to %s", store->root, path,
                   size, digest_text(found, text));
}

int store_load(store_t *store, const digest_t *id, uint8_t **bytes, size_t *size, err_t *err)
{
    struct stat status;
    int fd = open_object(store, id, &status, err);
    if (fd < 0) {
        return -1;
    }
    *size = (size_t)status.st_size;
    *bytes = malloc(*size + 1);
    int code = *bytes ? read_whole(fd, *bytes, *size) : -1;
    int reason = errno;
    close(fd);
    if (code == 0) {
        digest_t found = digest_of(*bytes, *size);
        (*bytes)[*size] = 0;
        if (digest_equal(&found, id)) {
            return 0;
        }
        damaged(store, id, &found, *size, err);
    } else {
        char path[STORE_PATH_MAX];
        store_object_path(id, path);
        err_set_errno(err, *bytes ? reason : ENOMEM, "cannot read %s/%s", store->root, path);
    }
    free(*bytes);
    *bytes = NULL;
    return -1;
}

adapter_t *store_load_adapter(store_t *store, const digest_t *id, err_t *err)
{
    char name[DIGEST_TEXT];
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (store_load(store, id, &bytes, &size, err) < 0) {
        return NULL;
    }
    adapter_t *adapter = adapter_parse(bytes, size, digest_text(id, name), err);
    free(bytes);
    return adapter;
}

bool store_has(store_t *store, const digest_t *id)
{
    char path[STORE_PATH_MAX];
    struct stat status;
    store_object_path(id, path);
    return fstatat(store->fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

/* ---- writing -------------------------------------------------------------- */

int store_refresh(store_t *store, const digest_t *id)
{
    struct stat status;
    digest_t found;
    int fd = open_object(store, id, &status, NULL);
    if (fd < 0) {
        return 0;
    }
    int whole = digest_of_fd(fd, (uint64_t)status.st_size, &found) == 0 &&
                digest_equal(&found, id) && futimens(fd, NULL) == 0;
    close(fd);
    return whole;
}

int store_put(store_t *store, const void *bytes, size_t size, digest_t *id, err_t *err)
{
    char path[STORE_PATH_MAX];
    if (size < 1 || size > ADAPTER_SIZE_MAX) {
        return err_set(err, ERR_ARGUMENT, "an object of %zu bytes; 1 .. %d", size,
                       ADAPTER_SIZE_MAX);
    }
    *id = digest_of(bytes, size);
    store_object_path(id, path);
    int lock = store_lock(store, LOCK_SH, err);
    if (lock < 0) {
        return -1;
    }
    int result = 0;
    if (!store_refresh(store, id)) {
        result = store_make_parent(store, path, err) < 0
                     ? -1
                     : store_write_file(store, path, bytes, size, err);
    }
    close(lock);
    return result;
}

int store_put_adapter(store_t *store, const adapter_t *adapter, err_t *err)
{
    size_t size;
    digest_t id;
    const uint8_t *bytes = adapter_bytes(adapter, &size);
    return store_put(store, bytes, size, &id, err);
}

int store_remove(store_t *store, const digest_t *id, err_t *err)
{
    char path[STORE_PATH_MAX], text[DIGEST_TEXT];
    int lock = store_lock(store, LOCK_EX, err);
    if (lock < 0) {
        return -1;
    }
    int result = store_kept(store, id, err);
    store_object_path(id, path);
    if (result > 0) {
        result =
            err_set(err, ERR_STATE, "object %s: a name or a pin keeps it", digest_text(id, text));
    } else if (result == 0 && unlinkat(store->fd, path, 0) < 0) {
        result = errno == ENOENT
                     ? missing(store, id, err)
                     : err_set_errno(err, errno, "cannot delete %s/%s", store->root, path);
    }
    close(lock);
    return result;
}

/* ---- pins ----------------------------------------------------------------- */

bool store_pinned(store_t *store, const digest_t *id)
{
    char path[STORE_PATH_MAX];
    struct stat status;
    store_pin_path(id, path);
    return fstatat(store->fd, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

int store_pin(store_t *store, const digest_t *id, err_t *err)
{
    char path[STORE_PATH_MAX];
    int lock = store_lock(store, LOCK_SH, err);
    if (lock < 0) {
        return -1;
    }
    store_pin_path(id, path);
    int result =
        store_has(store, id) ? store_write_file(store, path, "", 0, err) : missing(store, id, err);
    close(lock);
    return result;
}

int store_unpin(store_t *store, const digest_t *id, err_t *err)
{
    char path[STORE_PATH_MAX];
    int lock = store_lock(store, LOCK_SH, err);
    if (lock < 0) {
        return -1;
    }
    store_pin_path(id, path);
    int result = 0;
    if (unlinkat(store->fd, path, 0) < 0 && errno != ENOENT) {
        result = err_set_errno(err, errno, "cannot delete %s/%s", store->root, path);
    }
    close(lock);
    return result;
}
