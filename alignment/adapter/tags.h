/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tags: the 16 bits in a frame's header that say with which adapters it was encoded.
 *
 * A SHA-256 gives 16 candidates: its 16 pairs of bytes, each read as a big-endian number, 0 (the
 * header's "none") replaced by 1.  The first is the rule, the others resolve collisions.
 *
 * Each end keeps a table of the tags that it understands.  Whoever stages an adapter sends its full
 * hash *and* the tag; both ends call tags_hold with them.  An end refuses when the tag is not one
 * of the hash's candidates, or when it holds the tag for another hash; the error names both hashes,
 * and the one who stages asks again with the next candidate (tags_choose gives one that is free
 * here).  So a tag in use means one hash at both ends, and a header never means two things.
 *
 * A tag that was released stays reserved for its hash until `quarantine` has passed: frames with it
 * may still be on their way, and must not be decoded with what came later.  Within that time
 * only the same hash can take it again.
 *
 * Several adapters at once (a set on the codec and an equaliser behind the channel) have one tag:
 * that of tags_set_id.
 *
 * Not thread-safe, except that any number of threads may call tags_find while none changes it.
 */
#ifndef ALIGNMENT_ADAPTER_TAGS_H
#define ALIGNMENT_ADAPTER_TAGS_H

#include "adapter/digest.h"

enum { TAGS_CANDIDATES = 16, TAGS_SET_MAX = 16 };

/* Candidate 0 .. 15 of a hash; never 0. */
uint16_t tags_candidate(const digest_t *id, int candidate);

/* The hash of several adapters: of one, its own; else SHA-256 of the sorted hashes.  count 1 .. 16.
 */
digest_t tags_set_id(const digest_t *ids, int count);

typedef struct tags tags_t;

/* A table of at most `capacity` tags (1 .. 4096, reserved ones included). */
tags_t *tags_create(int capacity, uint64_t quarantine_ns, err_t *err);
void tags_destroy(tags_t *tags); /* NULL is fine */

/*
 * Takes a tag for a hash at time now_ns (clock_now_ns).  Holding what is held is fine (retries).
 * ERR_ARGUMENT: not a candidate.  ERR_STATE: the tag belongs to another hash, or the hash is held
 * under another tag, or the table is full.
 */
int tags_hold(tags_t *tags, const digest_t *id, uint16_t tag, uint64_t now_ns, err_t *err);
/* Gives a hash's tag back; its quarantine begins.  -1 (ERR_ARGUMENT) when it has none. */
int tags_release(tags_t *tags, const digest_t *id, uint64_t now_ns, err_t *err);

/* The tag for a hash: the one it has, else its first candidate that is free here.  0: none is. */
uint16_t tags_choose(const tags_t *tags, const digest_t *id, uint64_t now_ns);

/* The hash that a header's tag means; NULL: none is held. */
const digest_t *tags_find(const tags_t *tags, uint16_t tag);

#endif
