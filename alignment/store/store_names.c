/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store_names: names that mean objects, one small file each. */
#include "store/store_private.h"

#include "adapter/adapter_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

_Static_assert((int)STORE_NAME_MAX == (int)ADAPTER_TEXT_MAX, "a name fits an adapter's metadata");

int store_name_check(const char *name, err_t *err)
{
    return adapter_word_valid(name)
               ? 0
               : err_set(err, ERR_ARGUMENT,
                         "a name has 1 .. 63 of A-Z a-z 0-9 . _ - and begins with a "
                         "letter or digit");
}

static int name_path(const char *name, char path[STORE_PATH_MAX], err_t *err)
{
    if (store_name_check(name, err) < 0) {
        return -1;
    }
    snprintf(path, STORE_PATH_MAX, "refs/%s", name);
    return 0;
}

int store_set_name(store_t *store, const char *name, const digest_t *id, err_t *err)
{
    char path[STORE_PATH_MAX], text[DIGEST_TEXT + 1];
    if (name_path(name, path, err) < 0) {
        return -1;
    }
    int lock = store_lock(store, LOCK_SH, err);
    if (lock < 0) {
        return -1;
    }
    digest_text(id, text);
    int result;
    if (store_has(store, id)) {
        strcat(text, "\n");
        result = store_write_file(store, path, text, DIGEST_TEXT, err);
    } else {
        result = err_set(err, ERR_ARGUMENT, "name %s: the store %s has no object %s", name,
                         store->root, text);
    }
    close(lock);
    return result;
}

int store_find_name(store_t *store, const char *name, digest_t *id, err_t *err)
{
    char path[STORE_PATH_MAX], text[DIGEST_TEXT + 1] = "";
    if (name_path(name, path, err) < 0) {
        return -1;
    }
    int fd = store_open_file(store, path);
    if (fd < 0) {
        return errno == ENOENT
                   ? err_set(err, ERR_ARGUMENT, "the store %s has no name %s", store->root, name)
                   : err_set_errno(err, errno, "cannot read %s/%s", store->root, path);
    }
    ssize_t got = read(fd, text, sizeof text);
    close(fd);
    bool whole = got == DIGEST_TEXT && text[DIGEST_TEXT - 1] == '\n';
    text[DIGEST_TEXT - 1] = 0;
    return whole && digest_parse(text, id, NULL) == 0
               ? 0
               : err_set(err, ERR_FORMAT, "%s/%s: damaged: not a hash and a newline", store->root,
                         path);
}

int store_remove_name(store_t *store, const char *name, err_t *err)
{
    char path[STORE_PATH_MAX];
    if (name_path(name, path, err) < 0) {
        return -1;
    }
    int lock = store_lock(store, LOCK_SH, err);
    if (lock < 0) {
        return -1;
    }
    int result = 0;
    if (unlinkat(store->fd, path, 0) < 0) {
        result = errno == ENOENT
                     ? err_set(err, ERR_ARGUMENT, "the store %s has no name %s", store->root, name)
                     : err_set_errno(err, errno, "cannot delete %s/%s", store->root, path);
    }
    close(lock);
    return result;
}

/* ---- lists ---------------------------------------------------------------- */

/* A growing list of names. */
typedef struct {
    store_t *store;
    store_name_t *list;
    int count, room;
    err_t *err;
} names_t;

static int add_name(void *context, const char *name)
{
    names_t *names = context;
    if (store_name_check(name, NULL) < 0) {
        return 0; /* not ours */
    }
    if (names->count == names->room) {
        int room = 2 * names->room + 16;
        store_name_t *more = realloc(names->list, (size_t)room * sizeof *more);
        if (!more) {
            return err_set(names->err, ERR_MEMORY, "no memory to list %s", names->store->root);
        }
        names->list = more;
        names->room = room;
    }
    store_name_t *entry = &names->list[names->count];
    strcpy(entry->name, name);
    err_t reason = ERR_INIT;
    if (store_find_name(names->store, name, &entry->id, &reason) < 0) {
        /* ERR_ARGUMENT: somebody removed it just now */
        return reason.code == ERR_ARGUMENT ? 0
                                           : err_set(names->err, reason.code, "%s", reason.text);
    }
    names->count++;
    return 0;
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const store_name_t *)left)->name, ((const store_name_t *)right)->name);
}

int store_names(store_t *store, store_name_t **list, int *count, err_t *err)
{
    names_t names = {store, NULL, 0, 0, err};
    if (store_each(store, "refs", add_name, &names, err) < 0) {
        free(names.list);
        return -1;
    }
    if (names.count > 0) {
        qsort(names.list, (size_t)names.count, sizeof *names.list, by_name);
    }
    *list = names.list;
    *count = names.count;
    return 0;
}

int store_kept(store_t *store, const digest_t *id, err_t *err)
{
    store_name_t *names = NULL;
    int count = 0, kept = store_pinned(store, id);
    if (store_names(store, &names, &count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        kept |= digest_equal(&names[i].id, id);
    }
    free(names);
    return kept;
}

/* ---- words ---------------------------------------------------------------- */

static int resolve_digits(store_t *store, const char *word, digest_t *id, err_t *err)
{
    store_stat_t *list = NULL;
    int count = 0, found = 0;
    if (store_scan(store, &list, &count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        char text[DIGEST_TEXT];
        if (strncmp(digest_text(&list[i].id, text), word, strlen(word)) == 0) {
            *id = list[i].id;
            found++;
        }
    }
    free(list);
    return found == 1 ? 0
                      : err_set(err, ERR_ARGUMENT, "%s: %s of that name or hash in the store %s",
                                word, found ? "more than one object" : "nothing", store->root);
}

int store_resolve(store_t *store, const char *word, digest_t *id, err_t *err)
{
    err_t reason = ERR_INIT;
    size_t length = strlen(word);
    bool digits = length >= 6 && length < DIGEST_TEXT && strspn(word, "0123456789abcdef") == length;
    if (length < STORE_NAME_MAX) {
        if (store_find_name(store, word, id, &reason) == 0) {
            return 0;
        }
        if (reason.code != ERR_ARGUMENT || !digits) {
            return err_set(err, reason.code, "%s", reason.text);
        }
    }
    return digits ? resolve_digits(store, word, id, err)
                  : err_set(err, ERR_ARGUMENT, "%.70s is neither a name nor a hash", word);
}
