/* SPDX-License-Identifier: GPL-3.0-or-later */
/* store_private: what the files of `store` share.  Paths are relative to the store's folder. */
#ifndef ALIGNMENT_STORE_STORE_PRIVATE_H
#define ALIGNMENT_STORE_STORE_PRIVATE_H

#include "store/store.h"

#include <sys/stat.h>

struct store {
    char *root;
    int fd; /* of the folder */
};

enum { STORE_PATH_MAX = 160 };

/* "objects/ab/cdef..." */
void store_object_path(const digest_t *id, char path[STORE_PATH_MAX]);
void store_pin_path(const digest_t *id, char path[STORE_PATH_MAX]);

/* Waits for the lock (LOCK_SH or LOCK_EX).  Returns a descriptor to close, or -1. */
int store_lock(store_t *store, int how, err_t *err);

/* A whole file, or the old state.  Call with the lock held. */
int store_write_file(store_t *store, const char *path, const void *bytes, size_t size, err_t *err);
/* Gives a finished file (open as fd) its final name.  Call with the lock held. */
int store_install(store_t *store, int fd, const char *from, const char *path, err_t *err);
/* Makes the folder in which an object's file goes. */
int store_make_parent(store_t *store, const char *path, err_t *err);

/* Opens an object or a name for reading; -1 with errno set. */
int store_open_file(store_t *store, const char *path);

/* Calls each(context, name) for every file of a folder; stops at the first -1, which it returns. */
int store_each(store_t *store, const char *folder, int (*each)(void *context, const char *name),
               void *context, err_t *err);

/* Whether the object is there and whole: 1, 0 (missing or damaged).  Begins its grace anew. */
int store_refresh(store_t *store, const digest_t *id);

/* Whether a name or a pin keeps it: 1 or 0; -1 when that can't be told. */
int store_kept(store_t *store, const digest_t *id, err_t *err);
bool store_pinned(store_t *store, const digest_t *id);

double store_age_s(const struct stat *status);

/* All objects without pins and names; sorted. */
int store_scan(store_t *store, store_stat_t **list, int *count, err_t *err);

#endif
