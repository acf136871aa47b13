/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Lamport queue: head counts items put in (written by the producer only),
 * tail counts items taken out (written by the consumer only); both run for
 * ever and are masked on use.  Each lives on its own cache line.
 *
 * Sleeping: a side that finds nothing raises its `asleep` word, looks once
 * more, and waits on that word with a futex.  The other side publishes its
 * count first and looks at the word afterwards.  All four accesses are
 * sequentially consistent, so one of the two sees the other: no wake is lost.
 */
#include "ring.h"

#include "clock.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 64, MOST_SLOTS = 1 << 20 };

typedef struct {
    _Alignas(LINE) _Atomic uint64_t count; /* items that passed this end */
    _Atomic uint32_t asleep;               /* 1: this end waits on this word */
} end_t;

struct ring {
    end_t head; /* the producer's */
    end_t tail; /* the consumer's */
    _Alignas(LINE) _Atomic uint64_t dropped;
    _Atomic bool closed;
    size_t slots, stride, slot_size;
    uint8_t *storage; /* [slots][stride] */
};

ring_t *ring_create(size_t slots, size_t slot_size, err_t *err)
{
    if (slots < 1 || slots > MOST_SLOTS || slot_size < 1 || slot_size > SIZE_MAX / MOST_SLOTS / 2) {
        err_set(err, ERR_ARGUMENT, "a ring of %zu slots of %zu bytes", slots, slot_size);
        return NULL;
    }
    size_t count = 1;
    while (count < slots) {
        count *= 2;
    }
    ring_t *ring = aligned_alloc(LINE, sizeof *ring);
    size_t stride = (slot_size + LINE - 1) / LINE * LINE;
    uint8_t *storage = aligned_alloc(LINE, count * stride);
    if (ring == NULL || storage == NULL) {
        free(ring);
        free(storage);
        err_set(err, ERR_MEMORY, "no memory for a ring of %zu slots of %zu bytes", count, slot_size);
        return NULL;
    }
    memset(ring, 0, sizeof *ring);
    memset(storage, 0, count * stride); /* touches every page: no faults later */
    ring->slots = count;
    ring->stride = stride;
    ring->slot_size = slot_size;
    ring->storage = storage;
    return ring;
}

void ring_destroy(ring_t *ring)
{
    if (ring != NULL) {
        free(ring->storage);
        free(ring);
    }
}

static void *slot_at(ring_t *ring, uint64_t count)
{
    return ring->storage + (size_t)(count & (ring->slots - 1)) * ring->stride;
}

void *ring_slot(ring_t *ring, size_t index)
{
    return slot_at(ring, index);
}

static void wake(end_t *end)
{
    if (atomic_load(&end->asleep) != 0) {
        atomic_store(&end->asleep, 0);
        syscall(SYS_futex, &end->asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static bool has_space(ring_t *ring)
{
    return atomic_load(&ring->head.count) - atomic_load(&ring->tail.count) < ring->slots;
}

static bool has_items(ring_t *ring)
{
    return atomic_load(&ring->head.count) != atomic_load(&ring->tail.count);
}

void *ring_acquire(ring_t *ring)
{
    if (atomic_load_explicit(&ring->closed, memory_order_relaxed)) {
        return NULL;
    }
    uint64_t head = atomic_load_explicit(&ring->head.count, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail.count, memory_order_acquire);
    if (head - tail >= ring->slots) {
        atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
        return NULL;
    }
    return slot_at(ring, head);
}

void ring_commit(ring_t *ring)
{
    atomic_fetch_add(&ring->head.count, 1);
    wake(&ring->tail);
}

bool ring_push(ring_t *ring, const void *item)
{
    void *slot = ring_acquire(ring);
    if (slot == NULL) {
        return false;
    }
    memcpy(slot, item, ring->slot_size);
    ring_commit(ring);
    return true;
}

void *ring_peek(ring_t *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail.count, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head.count, memory_order_acquire);
    return head == tail ? NULL : slot_at(ring, tail);
}

void ring_release(ring_t *ring)
{
    atomic_fetch_add(&ring->tail.count, 1);
    wake(&ring->head);
}

bool ring_pop(ring_t *ring, void *item)
{
    const void *slot = ring_peek(ring);
    if (slot == NULL) {
        return false;
    }
    memcpy(item, slot, ring->slot_size);
    ring_release(ring);
    return true;
}

/* One sleep of `end` until woken, at most until `deadline_ns` (0: none).  False: time is up. */
static bool sleep_once(end_t *end, uint64_t deadline_ns)
{
    struct timespec span, *limit = NULL;
    if (deadline_ns != 0) {
        uint64_t now = clock_now_ns();
        if (now >= deadline_ns) {
            return false;
        }
        span.tv_sec = (time_t)((deadline_ns - now) / 1000000000u);
        span.tv_nsec = (long)((deadline_ns - now) % 1000000000u);
        limit = &span;
    }
    syscall(SYS_futex, &end->asleep, FUTEX_WAIT_PRIVATE, 1, limit, NULL, 0);
    return true;
}

static int wait_until(ring_t *ring, end_t *end, bool (*ready)(ring_t *), bool drain,
                      double timeout_s)
{
    uint64_t deadline = timeout_s < 0 ? 0 : clock_now_ns() + (uint64_t)(timeout_s * 1e9) + 1;
    int result = 0;
    for (bool in_time = true;;) {
        atomic_store(&end->asleep, 1);
        bool closed = atomic_load(&ring->closed);
        if ((drain || !closed) && ready(ring)) {
            result = 1;
            break;
        }
        if (closed) {
            result = -1;
            break;
        }
        if (!in_time) {
            break;
        }
        in_time = sleep_once(end, deadline);
    }
    atomic_store(&end->asleep, 0);
    return result;
}

int ring_wait_space(ring_t *ring, double timeout_s)
{
    return wait_until(ring, &ring->head, has_space, false, timeout_s);
}

int ring_wait_items(ring_t *ring, double timeout_s)
{
    return wait_until(ring, &ring->tail, has_items, true, timeout_s);
}

void ring_close(ring_t *ring)
{
    atomic_store(&ring->closed, true);
    wake(&ring->head);
    wake(&ring->tail);
}

bool ring_closed(const ring_t *ring)
{
    return atomic_load(&ring->closed);
}

size_t ring_slots(const ring_t *ring)
{
    return ring->slots;
}

size_t ring_fill(const ring_t *ring)
{
    /* The tail first: it can only grow, so the difference is never negative. */
    uint64_t tail = atomic_load(&ring->tail.count);
    uint64_t fill = atomic_load(&ring->head.count) - tail;
    return fill > ring->slots ? ring->slots : (size_t)fill;
}

uint64_t ring_dropped(const ring_t *ring)
{
    return atomic_load(&ring->dropped);
}
