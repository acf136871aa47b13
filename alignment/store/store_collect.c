/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store_collect: what is in the store, and what may go.  Collecting holds the lock alone, so no
 * file under temporary/ can belong to a living writer, and no name can be set for an object
 * that is about to go.
 */
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- list ----------------------------------------------------------------- */

typedef struct {
    store_t *store;
    const char *half; /* "ab" */
    store_stat_t *list;
    int count, room;
    err_t *err;
} scan_t;

static int add_object(void *context, const char *name)
{
    scan_t *scan = context;
    char text[STORE_PATH_MAX], path[STORE_PATH_MAX];
    struct stat status;
    digest_t id;
    snprintf(text, sizeof text, "%s%.80s", scan->half, name);
    if (digest_parse(text, &id, NULL) < 0) {
        return 0; /* not ours */
    }
    store_object_path(&id, path);
    if (fstatat(scan->store->fd, path, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        return 0; /* gone since */
    }
    if (scan->count == scan->room) {
        int room = 2 * scan->room + 64;
        store_stat_t *more = realloc(scan->list, (size_t)room * sizeof *more);
        if (!more) {
            return err_set(scan->err, ERR_MEMORY, "no memory to list %s", scan->store->root);
        }
        scan->list = more;
        scan->room = room;
    }
    scan->list[scan->count++] =
        (store_stat_t){.id = id, .size = (uint64_t)status.st_size, .age_s = store_age_s(&status)};
    return 0;
}

static int scan_half(void *context, const char *name)
{
    scan_t *scan = context;
    char folder[STORE_PATH_MAX];
    if (strlen(name) != 2) {
        return 0;
    }
    scan->half = name;
    snprintf(folder, sizeof folder, "objects/%s", name);
    return store_each(scan->store, folder, add_object, scan, scan->err);
}

static int by_id(const void *left, const void *right)
{
    return memcmp(((const store_stat_t *)left)->id.byte, ((const store_stat_t *)right)->id.byte,
                  DIGEST_SIZE);
}

int store_scan(store_t *store, store_stat_t **list, int *count, err_t *err)
{
    scan_t scan = {.store = store, .err = err};
    if (store_each(store, "objects", scan_half, &scan, err) < 0) {
        free(scan.list);
        return -1;
    }
    if (scan.count > 0) {
        qsort(scan.list, (size_t)scan.count, sizeof *scan.list, by_id);
    }
    *list = scan.list;
    *count = scan.count;
    return 0;
}

int store_list(store_t *store, store_stat_t **list, int *count, err_t *err)
{
    store_name_t *names = NULL;
    int name_count = 0;
    if (store_names(store, &names, &name_count, err) < 0) {
        return -1;
    }
    int result = store_scan(store, list, count, err);
    for (int i = 0; result == 0 && i < *count; i++) {
        store_stat_t *stat = &(*list)[i];
        stat->pinned = store_pinned(store, &stat->id);
        for (int k = 0; k < name_count; k++) {
            stat->names += digest_equal(&names[k].id, &stat->id);
        }
    }
    free(names);
    return result;
}

int store_stat(store_t *store, const digest_t *id, store_stat_t *stat, err_t *err)
{
    store_name_t *names = NULL;
    int count = 0;
    struct stat status;
    char path[STORE_PATH_MAX];
    store_object_path(id, path);
    if (fstatat(store->fd, path, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        return errno == ENOENT
                   ? err_set(err, ERR_ARGUMENT, "the store %s has no %s", store->root, path)
                   : err_set_errno(err, errno, "cannot read %s/%s", store->root, path);
    }
    if (store_names(store, &names, &count, err) < 0) {
        return -1;
    }
    *stat = (store_stat_t){.id = *id,
                           .size = (uint64_t)status.st_size,
                           .age_s = store_age_s(&status),
                           .pinned = store_pinned(store, id)};
    for (int i = 0; i < count; i++) {
        stat->names += digest_equal(&names[i].id, id);
    }
    free(names);
    return 0;
}

int store_verify(store_t *store, int *damaged, err_t *err)
{
    store_stat_t *list = NULL;
    int count = 0, bad = 0;
    if (store_scan(store, &list, &count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        err_t reason = ERR_INIT;
        if (store_load(store, &list[i].id, &bytes, &size, bad == 0 ? err : &reason) < 0) {
            bad++;
        }
        free(bytes);
    }
    free(list);
    if (damaged) {
        *damaged = bad;
    }
    return bad ? -1 : 0;
}

/* ---- collection ----------------------------------------------------------- */

typedef struct {
    store_t *store;
    double grace_s;
    store_collected_t *out;
} collect_t;

static int drop_temporary(void *context, const char *name)
{
    collect_t *collect = context;
    char path[STORE_PATH_MAX];
    if (snprintf(path, sizeof path, "temporary/%s", name) < (int)sizeof path &&
        unlinkat(collect->store->fd, path, 0) == 0) {
        collect->out->temporaries++;
    }
    return 0;
}

/* An old partial that nobody is receiving. */
static int drop_partial(void *context, const char *name)
{
    collect_t *collect = context;
    char path[STORE_PATH_MAX];
    struct stat status;
    if (snprintf(path, sizeof path, "partial/%s", name) >= (int)sizeof path) {
        return 0;
    }
    int fd = store_open_file(collect->store, path);
    if (fd < 0) {
        return 0;
    }
    if (fstat(fd, &status) == 0 && store_age_s(&status) >= collect->grace_s &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(collect->store->fd, path, 0) == 0) {
        collect->out->partials++;
        collect->out->bytes += (uint64_t)status.st_size;
    }
    close(fd);
    return 0;
}

static void drop_object(collect_t *collect, const store_stat_t *stat)
{
    char path[STORE_PATH_MAX];
    store_object_path(&stat->id, path);
    if (unlinkat(collect->store->fd, path, 0) == 0) {
        collect->out->objects++;
        collect->out->bytes += stat->size;
        *strrchr(path, '/') = 0;
        unlinkat(collect->store->fd, path, AT_REMOVEDIR); /* stays unless empty */
    } else {
        collect->out->kept++;
    }
}

static int collect_all(collect_t *collect, err_t *err)
{
    store_stat_t *list = NULL;
    int count = 0;
    if (store_list(collect->store, &list, &count, err) < 0) {
        return -1; /* also when a name is damaged: then nobody knows what it keeps */
    }
    for (int i = 0; i < count; i++) {
        if (list[i].pinned || list[i].names > 0 || list[i].age_s < collect->grace_s) {
            collect->out->kept++;
        } else {
            drop_object(collect, &list[i]);
        }
    }
    free(list);
    return store_each(collect->store, "temporary", drop_temporary, collect, err) < 0 ||
                   store_each(collect->store, "partial", drop_partial, collect, err) < 0
               ? -1
               : 0;
}

int store_collect(store_t *store, double grace_s, store_collected_t *collected, err_t *err)
{
    collect_t collect = {store, grace_s, collected};
    *collected = (store_collected_t){0};
    if (!(grace_s >= 0.0)) {
        return err_set(err, ERR_ARGUMENT, "a grace period of %g s", grace_s);
    }
    int lock = store_lock(store, LOCK_EX, err);
    if (lock < 0) {
        return -1;
    }
    int result = collect_all(&collect, err);
    close(lock);
    return result;
}
