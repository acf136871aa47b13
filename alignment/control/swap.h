/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * swap: what the two ends and the hub tell each other when adapters change while frames fly.
 * Pure: no sockets, no clock, no files; time is handed in.  docs/CONTROL.md has the argument.
 *
 *     hub --stage---> both       the bytes are there, verified by hash, the codec can use them
 *     hub --prepare-> tx         from now on nothing older than order k; the tag for it; what tags
 *                                frames may still be on their way with
 *     hub --arm-----> rx         hold this tag for this hash (order k)
 *     hub --go------> tx         stamp it: the receiver, in this session, holds it
 *     hub --beat----> tx         the receiver was alive, in this session, so long ago
 *
 * Invariants, whatever is lost, delayed, doubled or restarted:
 * - the transmitter stamps a tag only while the receiver's session that confirmed it is not known
 *   to have ended and was heard of within the lease; else it stamps 0, the base codec;
 * - a receiver never gives a tag up while frames with it may come, and never decodes a frame with
 *   another hash than the one that the transmitter stamped it for.
 *
 * Each end has a session, a random number of its life; a message names the session that it is meant
 * for, so one meant for an earlier life is refused.  Orders grow; an end refuses what is older than
 * the newest it has seen, so a message that comes late does nothing.
 */
#ifndef CONTROL_SWAP_H
#define CONTROL_SWAP_H

#include "adapter/digest.h"

#include <stdbool.h>
#include <stdint.h>

enum { SWAP_HELD = 32 }; /* adapters that a receiver holds at most */

typedef enum {
    SWAP_OK = 0,
    SWAP_STALE,      /* an older order than one seen */
    SWAP_SESSION,    /* meant for an earlier life */
    SWAP_NOT_STAGED, /* the bytes are not here, or the codec can't use them */
    SWAP_TAG,        /* the tag means another hash here */
    SWAP_FULL,       /* all places are taken by adapters that frames may still need: again later */
    SWAP_SETTLING,   /* too soon after the start: again later */
} swap_code_t;

const char *swap_code_name(swap_code_t code); /* "ok", "stale" … */
swap_code_t swap_code_find(const char *name); /* SWAP_STALE for an unknown one */

typedef struct {
    uint16_t tag;
    digest_t id;
} swap_pair_t;

typedef struct {
    int count;
    swap_pair_t pair[SWAP_HELD];
} swap_list_t;

/* The hash of a tag, or NULL. */
const digest_t *swap_list_find(const swap_list_t *list, uint16_t tag);
/* The tag of a hash, or 0. */
uint16_t swap_list_tag(const swap_list_t *list, const digest_t *id);

typedef struct {
    uint64_t session, order; /* the end's; the newest order it took */
    swap_list_t held; /* rx: what it holds.  tx: what frames may still be on their way with */
    uint16_t tag;     /* tx: what it stamps now, 0: base; and its hash */
    digest_t id;
    uint64_t rx_session; /* tx: who confirmed it */
} swap_state_t;

#endif
