/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store: adapters (and anything else of bytes) on disk, named by SHA-256.
 *
 *     ROOT/format                     "semradio-store 1"
 *     ROOT/lock                       flock: shared while writing, exclusive while collecting
 *     ROOT/objects/ab/cdef...         the bytes whose SHA-256 is abcdef..., read-only
 *     ROOT/refs/NAME                  the hash that a name means, and a newline
 *     ROOT/pins/HASH                  an empty file: this object stays
 *     ROOT/partial/HASH.SIZE          an incomplete download: its length is the resume offset
 *     ROOT/temporary/...              files that are growing; renamed when whole
 *
 * Everything appears whole or not at all: written under temporary/, fsync'ed, renamed, and the
 * folder fsync'ed.  What is loaded is hashed first: a flipped bit, a cut or a swapped file is an
 * error that names the file and says what is wrong with it.
 *
 * Any number of processes and threads may use one store at once.  A process that dies at any
 * instant leaves at most a file in temporary/ (collected later) and a partial that can be resumed.
 * store_t holds no state but the folder: any number of threads may share one.
 *
 * Removal: store_collect deletes objects that no name and no pin keeps and whose file is older than
 * a grace period, so that an object put before its name is set, or staged and not yet armed, lives.
 *
 * Errors: ERR_IO with the system's reason (no space, no permission), ERR_FORMAT (damaged),
 * ERR_ARGUMENT (no such object or name, a name that is not allowed), ERR_STATE (in use).
 */
#ifndef ALIGNMENT_STORE_STORE_H
#define ALIGNMENT_STORE_STORE_H

#include "adapter/adapter.h"
#include "adapter/digest.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORE_NAME_MAX = 64 }; /* a name is shorter than this */

typedef struct store store_t;

/* Opens the store in a folder; makes it, and the folder, where missing. */
store_t *store_open(const char *root, err_t *err);
void store_close(store_t *store); /* NULL is fine */

/* ---- objects */

/* Stores bytes (size 1 .. ADAPTER_SIZE_MAX); *id their hash.  Bytes that are there already are
   verified, mended if damaged, and their grace period begins anew. */
int store_put(store_t *store, const void *bytes, size_t size, digest_t *id, err_t *err);
/* Verified bytes with a NUL after them; free() them. */
int store_load(store_t *store, const digest_t *id, uint8_t **bytes, size_t *size, err_t *err);

int store_put_adapter(store_t *store, const adapter_t *adapter, err_t *err);
adapter_t *store_load_adapter(store_t *store, const digest_t *id, err_t *err);

bool store_has(store_t *store, const digest_t *id); /* a file is there; not verified */

typedef struct {
    digest_t id;
    uint64_t size; /* bytes */
    double age_s;  /* since it was put */
    bool pinned;
    int names; /* how many mean it */
} store_stat_t;

int store_stat(store_t *store, const digest_t *id, store_stat_t *stat, err_t *err);
/* All objects, sorted by hash; free(*list). */
int store_list(store_t *store, store_stat_t **list, int *count, err_t *err);
/* Reads every object; -1 with the first that is damaged.  *damaged (may be NULL): how many. */
int store_verify(store_t *store, int *damaged, err_t *err);

/* Deletes one object.  ERR_STATE when a name or a pin keeps it. */
int store_remove(store_t *store, const digest_t *id, err_t *err);
int store_pin(store_t *store, const digest_t *id, err_t *err);
int store_unpin(store_t *store, const digest_t *id, err_t *err); /* not pinned: fine */

/* ---- names */

/* 1 .. 63 of A-Z a-z 0-9 . _ - beginning with a letter or digit; so no path and nothing hidden. */
int store_name_check(const char *name, err_t *err);

/* Lets a name mean an object that is here (atomically instead of what it meant). */
int store_set_name(store_t *store, const char *name, const digest_t *id, err_t *err);
int store_find_name(store_t *store, const char *name, digest_t *id, err_t *err);
int store_remove_name(store_t *store, const char *name, err_t *err); /* the object stays */

typedef struct {
    char name[STORE_NAME_MAX];
    digest_t id;
} store_name_t;

/* All names, sorted; free(*list). */
int store_names(store_t *store, store_name_t **list, int *count, err_t *err);

/* A name, or 64 digits, or the first 6 .. 63 of them where only one object begins so. */
int store_resolve(store_t *store, const char *word, digest_t *id, err_t *err);

/* ---- collection */

typedef struct {
    int objects, partials, temporaries; /* deleted */
    uint64_t bytes;                     /* freed */
    int kept;                           /* objects left */
} store_collected_t;

/* Deletes what nothing keeps and is older than grace_s (>= 0). */
int store_collect(store_t *store, double grace_s, store_collected_t *collected, err_t *err);

/* ---- downloads that can stop at any byte */

typedef struct store_partial store_partial_t;

/*
 * Starts or resumes an object of known hash and size.  store_partial_offset is how much is here:
 * ask the sender for the rest.  ERR_STATE: somebody else is receiving it right now.  When the
 * object is here already the offset is its size, and finish succeeds at once.
 */
store_partial_t *store_partial_open(store_t *store, const digest_t *id, uint64_t size, err_t *err);
uint64_t store_partial_offset(const store_partial_t *partial);
/* bytes[count] belong at `offset`.  They may repeat what is here (retries), and must not leave a
   hole (ERR_ARGUMENT, the text says from where to resume) or reach past the end. */
int store_partial_write(store_partial_t *partial, uint64_t offset, const void *bytes, size_t count,
                        err_t *err);
/* Verifies the hash and makes it an object.  A wrong hash deletes what was received (ERR_FORMAT).
   Frees the partial in any case. */
int store_partial_finish(store_partial_t *partial, err_t *err);
void store_partial_close(store_partial_t *partial); /* keeps it for later.  NULL is fine */
/* Deletes the bytes received; frees. */
void store_partial_discard(store_partial_t *partial);

typedef struct {
    digest_t id;
    uint64_t size, offset;
} store_partial_info_t;

/* All incomplete downloads; free(*list). */
int store_partials(store_t *store, store_partial_info_t **list, int *count, err_t *err);

#endif
