/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store: opening, and the lock.  The lock file is opened anew for each use, because flock belongs
 * to an open file: two threads of one process then exclude each other like two processes, and the
 * kernel lets go of it when its holder is killed.
 */
#include "store/store_private.h"

#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char format_text[] = "semradio-store 1\n";
static const char *const folders[] = {"objects", "refs", "pins", "partial", "temporary"};

enum { FOLDERS = sizeof folders / sizeof folders[0] };

int store_lock(store_t *store, int how, err_t *err)
{
    int fd = openat(store->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot open %s/lock", store->root);
    }
    int code;
    do {
        code = flock(fd, how);
    } while (code < 0 && errno == EINTR);
    if (code < 0) {
        int reason = errno;
        close(fd);
        return err_set_errno(err, reason, "cannot lock %s/lock", store->root);
    }
    return fd;
}

/* Nothing but the beginnings of a store. */
static int check_strange(void *context, const char *name)
{
    (void)context;
    for (int i = 0; i < FOLDERS; i++) {
        if (strcmp(name, folders[i]) == 0) {
            return 0;
        }
    }
    return strcmp(name, "lock") == 0 || strcmp(name, "format") == 0 ? 0 : -1;
}

static int make_folders(store_t *store, err_t *err)
{
    for (int i = 0; i < FOLDERS; i++) {
        if (mkdirat(store->fd, folders[i], 0777) < 0 && errno != EEXIST) {
            return err_set_errno(err, errno, "cannot make %s/%s", store->root, folders[i]);
        }
    }
    return 0;
}

static int make_store(store_t *store, err_t *err)
{
    err_t reason = ERR_INIT;
    if (store_each(store, ".", check_strange, NULL, &reason) < 0) {
        return reason.code != ERR_NONE
                   ? err_set(err, reason.code, "%s", reason.text)
                   : err_set(err, ERR_ARGUMENT, "%s is not empty and not a store", store->root);
    }
    int lock = store_lock(store, LOCK_EX, err);
    if (lock < 0) {
        return -1;
    }
    int result = make_folders(store, err);
    if (result == 0) {
        result = store_write_file(store, "format", format_text, strlen(format_text), err);
    }
    close(lock);
    return result;
}

static int check_format(store_t *store, int fd, err_t *err)
{
    char text[64];
    ssize_t got = read(fd, text, sizeof text);
    close(fd);
    if (got != (ssize_t)strlen(format_text) ||
        memcmp(text, format_text, strlen(format_text)) != 0) {
        return err_set(err, ERR_FORMAT, "%s/format: not a store that this version reads",
                       store->root);
    }
    return 0;
}

static int open_root(store_t *store, err_t *err)
{
    store->fd = open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->fd < 0) {
        return err_set_errno(err, errno, "cannot open the store %s", store->root);
    }
    int fd = store_open_file(store, "format");
    if (fd < 0 && errno != ENOENT) {
        return err_set_errno(err, errno, "cannot read %s/format", store->root);
    }
    return fd >= 0 ? check_format(store, fd, err) : make_store(store, err);
}

store_t *store_open(const char *root, err_t *err)
{
    struct stat status;
    if (stat(root, &status) < 0 && file_make_folder(root, err) < 0) {
        return NULL;
    }
    store_t *store = calloc(1, sizeof *store);
    if (!store || !(store->root = strdup(root))) {
        free(store);
        err_set(err, ERR_MEMORY, "no memory for the store %s", root);
        return NULL;
    }
    if (open_root(store, err) < 0) {
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(store_t *store)
{
    if (store) {
        if (store->fd >= 0) {
            close(store->fd);
        }
        free(store->root);
        free(store);
    }
}
