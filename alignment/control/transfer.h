/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transfer: adapters into and out of a daemon's store, in chunks (docs/CONTROL.md):
 *
 *     put   {"hash":…,"size":…,"name":…}  -> {"have":N,"credit":C,"done":…}
 *     chunk {"hash":…,"offset":…} + bytes -> {"have":N,"credit":C,"done":…}
 *     fetch {"hash":…,"offset":…,"count":…} -> {"offset":…,"size":…} + bytes
 *     adapters {}                         -> {"adapters":[…],"partial":[…]}
 *     holds {"hashes":[…]}                -> {"held":[…]}
 *     upgrade {"hash":…,"low":…,"difference":…,"name":…} -> {"size":…,"done":true}
 *
 * A put goes on where an earlier one stopped, whoever stopped and why.  `credit` is how many chunks
 * may be under way before the next answer; it shrinks when many send at once.  A fetch is paced by
 * who asks.  Bytes become an object only when their SHA-256 is the hash that was named.
 *
 * An upgrade makes `hash` from `low` and a difference (adapter/adapter_level.h), both of them objects
 * here: the difference came by put like anything else, so it resumes like anything else.  The result
 * must have the hash that was named; the difference is then deleted.
 */
#ifndef CONTROL_TRANSFER_H
#define CONTROL_TRANSFER_H

#include "control/control_server.h"
#include "store/store.h"

enum { TRANSFERS = 8, TRANSFER_CREDIT = 16 };

typedef struct transfer transfer_t;

transfer_t *transfer_create(store_t *store, err_t *err); /* the store stays the caller's */
void transfer_destroy(transfer_t *transfer);

int transfer_put(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                 err_t *err);
int transfer_chunk(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                   err_t *err);
int transfer_fetch(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                   err_t *err);
int transfer_adapters(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                      err_t *err);

int transfer_holds(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                   err_t *err);
int transfer_upgrade(transfer_t *transfer, const control_call_t *call, control_reply_t *reply,
                     err_t *err);

store_t *transfer_store(const transfer_t *transfer);

/* "hash" of an object of arguments: 64 digits. */
int transfer_hash(const json_t *object, digest_t *id, err_t *err);

#endif
