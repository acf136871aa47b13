/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ring: a bounded lock-free queue from one producer thread to one consumer
 * thread.  Slots have a fixed size and are filled and read in place.
 *
 *     producer                              consumer
 *     item_t *item = ring_acquire(ring);    const item_t *item = ring_peek(ring);
 *     if (item != NULL) {                   if (item != NULL) {
 *         fill(item);                           use(item);
 *         ring_commit(ring);                    ring_release(ring);
 *     }                                     }
 *
 * A full ring refuses and counts: overload drops whole items and says how
 * many, it never waits, overwrites or allocates.  A producer that would rather
 * wait calls ring_wait_space first.  Items come out in the order they went in,
 * unchanged.  Acquire, commit, peek, release, push and pop never lock; a
 * commit makes a system call only when the consumer is asleep.
 *
 * Ending: ring_close (any thread, any time, more than once) wakes both sides.
 * The producer is then refused without counting; the consumer still gets what
 * is inside, and then ring_wait_items says -1.
 */
#ifndef COMMON_RING_H
#define COMMON_RING_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ring ring_t;

/*
 * At least `slots` slots (rounded up to a power of two, at most 2^20) of
 * `slot_size` bytes, zeroed, each aligned to 64 bytes.  NULL: ERR_ARGUMENT, ERR_MEMORY.
 */
ring_t *ring_create(size_t slots, size_t slot_size, err_t *err);
void ring_destroy(ring_t *ring);

/* Slot 0 … ring_slots - 1, to prepare it (pointers to larger buffers) before the threads start. */
void *ring_slot(ring_t *ring, size_t index);

/* --- producer --- */

/* The next free slot (contents: whatever was left there), or NULL when full (counted) or closed.
   Acquiring again before the commit gives the same slot. */
void *ring_acquire(ring_t *ring);
void ring_commit(ring_t *ring);

/* Copies one item in.  False when full (counted) or closed. */
bool ring_push(ring_t *ring, const void *item);

/* Waits for a free slot.  1: there is one; 0: time ran out; -1: closed.  timeout_s < 0: for ever. */
int ring_wait_space(ring_t *ring, double timeout_s);

/* --- consumer --- */

/* The oldest item, or NULL when empty.  Valid until ring_release. */
void *ring_peek(ring_t *ring);
void ring_release(ring_t *ring);

/* Copies one item out.  False when empty. */
bool ring_pop(ring_t *ring, void *item);

/* Waits for an item.  1: there is one; 0: time ran out; -1: closed and empty. */
int ring_wait_items(ring_t *ring, double timeout_s);

/* --- any thread --- */

void ring_close(ring_t *ring);
bool ring_closed(const ring_t *ring);

size_t ring_slots(const ring_t *ring);
size_t ring_fill(const ring_t *ring);      /* items inside, a snapshot */
uint64_t ring_dropped(const ring_t *ring); /* items refused because it was full */

#endif
