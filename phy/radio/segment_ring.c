/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Single producer, single consumer.  The stores that a sleeper may be waiting
 * for are sequentially consistent, as are those of wake.c: either the waker sees
 * the sleeper, or the sleeper sees the store.
 */
#include "radio/segment.h"

uint64_t segment_filled(segment_ring_t *ring, uint64_t size)
{
    const uint64_t head = atomic_load(&ring->head);
    const uint64_t filled = head - atomic_load_explicit(&ring->tail, memory_order_relaxed);
    return filled <= size ? filled : UINT64_MAX;
}

uint64_t segment_room(segment_ring_t *ring, uint64_t size)
{
    const uint64_t tail = atomic_load(&ring->tail);
    const uint64_t filled = atomic_load_explicit(&ring->head, memory_order_relaxed) - tail;
    return filled <= size ? size - filled : UINT64_MAX;
}

bool segment_mark_room(segment_ring_t *ring, uint64_t marks)
{
    const uint64_t tail = atomic_load(&ring->mark_tail);
    const uint64_t used = atomic_load_explicit(&ring->mark_head, memory_order_relaxed) - tail;
    return used <= SEGMENT_MARKS && SEGMENT_MARKS - used >= marks;
}

void segment_mark_push(segment_ring_t *ring, const mark_t *mark)
{
    const uint64_t head = atomic_load_explicit(&ring->mark_head, memory_order_relaxed);
    ring->marks[head % SEGMENT_MARKS] = *mark;
    atomic_store(&ring->mark_head, head + 1);
}

bool segment_mark_peek(segment_ring_t *ring, uint64_t ahead, mark_t *mark)
{
    const uint64_t head = atomic_load(&ring->mark_head);
    const uint64_t tail = atomic_load_explicit(&ring->mark_tail, memory_order_relaxed);
    const uint64_t count = head - tail;
    if (count > SEGMENT_MARKS || count <= ahead) {
        return false;
    }
    *mark = ring->marks[(tail + ahead) % SEGMENT_MARKS];
    return true;
}

void segment_mark_pop(segment_ring_t *ring)
{
    const uint64_t tail = atomic_load_explicit(&ring->mark_tail, memory_order_relaxed);
    atomic_store(&ring->mark_tail, tail + 1);
}

void segment_written(segment_ring_t *ring, uint64_t count)
{
    const uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed) + count;
    atomic_store(&ring->head, head);
    if ((int64_t)(head - atomic_load(&ring->want_head)) >= 0) {
        wake_signal(&ring->readable);
    }
}

void segment_read(segment_ring_t *ring, uint64_t count, uint64_t size)
{
    const uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed) + count;
    atomic_store(&ring->tail, tail);
    const uint64_t filled = atomic_load(&ring->head) - tail;
    if (filled > size || size - filled >= atomic_load(&ring->want_room)) {
        wake_signal(&ring->writable);
    }
}

void segment_event_push(segment_slot_t *slot, const segment_event_t *event)
{
    const uint64_t head = atomic_load_explicit(&slot->event_head, memory_order_relaxed);
    if (head - atomic_load(&slot->event_tail) >= SEGMENT_EVENTS) {
        atomic_fetch_add(&slot->events_lost, 1);
        return;
    }
    slot->events[head % SEGMENT_EVENTS] = *event;
    atomic_store(&slot->event_head, head + 1);
}

bool segment_event_pop(segment_slot_t *slot, segment_event_t *event)
{
    const uint64_t head = atomic_load(&slot->event_head);
    const uint64_t tail = atomic_load_explicit(&slot->event_tail, memory_order_relaxed);
    if (head - tail - 1 >= SEGMENT_EVENTS) {
        return false;
    }
    *event = slot->events[tail % SEGMENT_EVENTS];
    atomic_store(&slot->event_tail, tail + 1);
    return true;
}
