/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store_files: files that appear whole or not at all.  Written under temporary/, fsync, rename,
 * fsync of the folder: after a crash a name means either nothing, the old bytes, or the new bytes.
 */
#include "store/store_private.h"

#include "clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int store_open_file(store_t *store, const char *path)
{
    return openat(store->fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static int sync_folder(store_t *store, const char *path, err_t *err)
{
    char folder[STORE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    int fd = openat(store->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) < 0;
    int reason = errno;
    if (fd >= 0) {
        close(fd);
    }
    return failed ? err_set_errno(err, reason, "cannot sync %s/%s", store->root, folder) : 0;
}

int store_make_parent(store_t *store, const char *path, err_t *err)
{
    char folder[STORE_PATH_MAX];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    if (mkdirat(store->fd, folder, 0777) == 0) {
        return sync_folder(store, folder, err);
    }
    return errno == EEXIST ? 0
                           : err_set_errno(err, errno, "cannot make %s/%s", store->root, folder);
}

int store_install(store_t *store, int fd, const char *from, const char *path, err_t *err)
{
    if (fchmod(fd, 0444) < 0 || futimens(fd, NULL) < 0 || fsync(fd) < 0 ||
        renameat(store->fd, from, store->fd, path) < 0) {
        return err_set_errno(err, errno, "cannot write %s/%s", store->root, path);
    }
    return sync_folder(store, path, err);
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, bytes, size);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            errno = wrote < 0 ? errno : ENOSPC;
            return -1;
        }
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

int store_write_file(store_t *store, const char *path, const void *bytes, size_t size, err_t *err)
{
    static _Atomic unsigned turn;
    char temporary[STORE_PATH_MAX];
    snprintf(temporary, sizeof temporary, "temporary/%ld.%llx.%x", (long)getpid(),
             (unsigned long long)clock_wall_ns(), atomic_fetch_add(&turn, 1));
    int fd = openat(store->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_set_errno(err, errno, "cannot write %s/%s", store->root, temporary);
    }
    int result = write_all(fd, bytes, size) < 0
                     ? err_set_errno(err, errno, "cannot write %s/%s", store->root, path)
                     : store_install(store, fd, temporary, path, err);
    close(fd);
    if (result < 0) {
        unlinkat(store->fd, temporary, 0);
    }
    return result;
}

int store_each(store_t *store, const char *folder, int (*each)(void *context, const char *name),
               void *context, err_t *err)
{
    int fd = openat(store->fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        int reason = errno;
        if (fd >= 0) {
            close(fd);
        }
        return err_set_errno(err, reason, "cannot list %s/%s", store->root, folder);
    }
    int result = 0;
    const struct dirent *entry;
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = each(context, entry->d_name);
        }
    }
    closedir(dir);
    return result;
}

double store_age_s(const struct stat *status)
{
    double put = (double)status->st_mtim.tv_sec + 1e-9 * (double)status->st_mtim.tv_nsec;
    double age = 1e-9 * (double)clock_wall_ns() - put;
    return age > 0.0 ? age : 0.0;
}
