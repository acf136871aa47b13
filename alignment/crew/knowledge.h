/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * knowledge: one task's distilled knowledge as increments in stores (DeKAP, III-B).
 *
 * Increment 1 is the adapter of level 1, increment l the difference of level l and l-1
 * (adapter_level.h).  Each is an object of its own, named by its hash, so an agent can hold level 3
 * without level 2 and fetch what it lacks.  What belongs together is told by
 *
 *     {"task": "denoise", "base": "68ea29bffc7394e7", "levels":
 *         [{"increment": HASH, "size": 5130, "matrices": 4096, "adapter": HASH}, ...]}
 *
 * where "adapter" is the whole adapter of that level and "matrices" counts only the numbers that an
 * increment has to carry.  A store keeps this as the object named TASK.knowledge, and its
 * increments as TASK.1, TASK.2, ...
 */
#ifndef CREW_KNOWLEDGE_H
#define CREW_KNOWLEDGE_H

#include "allocation/allocation.h"
#include "store/store.h"

#include <jansson.h>

enum { KNOWLEDGE_LEVELS = ALLOCATION_MAX_LEVELS, KNOWLEDGE_TASK = 40 /* and a NUL */ };

typedef struct {
    digest_t increment, adapter;
    uint64_t size, matrices; /* bytes */
} knowledge_level_t;

typedef struct {
    char task[KNOWLEDGE_TASK];
    uint64_t base; /* codec_hash of the codec that the adapters are for */
    int levels;
    knowledge_level_t level[KNOWLEDGE_LEVELS]; /* [0] is level 1 */
} knowledge_t;

/* Cuts a levelled adapter, held at its highest level, into increments and keeps all of them.
   ERR_ARGUMENT: it has no levels, or not all of them; or the task's name is not allowed. */
int knowledge_split(store_t *store, const adapter_t *highest, const char *task,
                    knowledge_t *knowledge, err_t *err);

json_t *knowledge_json(const knowledge_t *knowledge);
/* Hostile input: ERR_ARGUMENT names the field. */
int knowledge_read(const json_t *object, knowledge_t *knowledge, err_t *err);
bool knowledge_equal(const knowledge_t *a, const knowledge_t *b);

/* What a store knows: keeps it; all that is kept there (free *list). */
int knowledge_keep(store_t *store, const knowledge_t *knowledge, err_t *err);
int knowledge_list(store_t *store, knowledge_t **list, int *count, err_t *err);

/* 0: increment `level` (1 ...) isn't here; 1: it is, for a use only; 2: it is kept.  Not verified.
 */
int knowledge_state(store_t *store, const knowledge_t *knowledge, int level);
/* Whether increment `level` (1 ...) is here whole and undamaged; a damaged one is removed and
 *damaged counted up. */
bool knowledge_check(store_t *store, const knowledge_t *knowledge, int level, int *damaged);
/* Lets the increment stay (gives it its name), or lets it go. */
int knowledge_pin(store_t *store, const knowledge_t *knowledge, int level, err_t *err);
int knowledge_drop(store_t *store, const knowledge_t *knowledge, int level, err_t *err);

/* The adapter of `level`, made of the increments 1 ... level of this store and verified by hash. */
adapter_t *knowledge_adapter(store_t *store, const knowledge_t *knowledge, int level, err_t *err);

#endif
