/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_air.h"

#include <math.h>

/* ---- receiving ---- */

static void from_ring(radio_air_t *r, float complex *x, size_t count)
{
    const uint64_t size = r->segment.rx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].rx;
    const size_t at = (size_t)(atomic_load(&ring->tail) & (size - 1));
    const size_t first = count < size - at ? count : (size_t)(size - at);
    radio_air_copy(x, r->segment.rx[r->slot] + at, first, r->rx_gain);
    radio_air_copy(x + first, r->segment.rx[r->slot], count - first, r->rx_gain);
}

static void take_mark(radio_air_t *r, const mark_t *mark)
{
    r->time_base = mark->timestamp - mark->position;
    if (mark->kind == MARK_FRESH) {
        r->synchronous = mark->value == atomic_load(&r->epoch);
        r->discontinuous = true;
        r->lost = 0;
    } else if (mark->kind == MARK_GAP && r->synchronous) {
        r->discontinuous = true;
        r->lost += mark->value;
        radio_air_add_event(
            r, &(radio_event_t){RADIO_EVENT_OVERFLOW, mark->timestamp, mark->value});
    }
}

/*
 * The samples that may be read in one piece now, past all marks at the tail.
 * `*closed`: no more can follow them before they are read.  -1: nonsense.
 */
static int64_t readable(radio_air_t *r, bool *closed)
{
    const uint64_t size = r->segment.rx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].rx;
    for (;;) {
        const uint64_t filled = segment_filled(ring, size);
        const uint64_t tail = atomic_load(&ring->tail);
        mark_t mark;
        const bool marked = segment_mark_peek(ring, 0, &mark);
        if (filled == UINT64_MAX || (marked && mark.position - tail > size)) {
            return -1;
        }
        if (marked && mark.position == tail) {
            take_mark(r, &mark);
            segment_mark_pop(ring);
            continue;
        }
        const uint64_t until = marked ? mark.position - tail : UINT64_MAX;
        const uint64_t ready = filled < until ? filled : until;
        if (!r->synchronous && ready > 0) { /* left from before the start */
            segment_read(ring, ready, size);
            continue;
        }
        *closed = filled >= until;
        return (int64_t)ready;
    }
}

/* Waits until `count` samples, or a mark, are there.  How many to read; -1: nonsense. */
static int64_t wait_samples(radio_air_t *r, size_t count, uint64_t deadline_ns, bool *dead)
{
    const uint64_t size = r->segment.rx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].rx;
    const uint64_t want = count < size / 2 ? count : size / 2;
    for (;;) {
        bool closed = false;
        uint32_t ticket = wake_prepare(&ring->readable);
        int64_t ready = readable(r, &closed);
        atomic_store(&ring->want_head, atomic_load(&ring->tail) + want);
        if (ready >= 0 && (uint64_t)ready < want && !closed) {
            ready = readable(r, &closed); /* again, now that the want is known */
        }
        const bool enough = ready < 0 || (uint64_t)ready >= want || (closed && ready > 0);
        const double left = radio_air_seconds_until(deadline_ns);
        if (!enough && left > 0.0) {
            wake_wait(&ring->readable, ticket, fmin(left, RADIO_AIR_LOOK_S));
        }
        wake_done(&ring->readable);
        if (enough || left <= 0.0) {
            *dead = ready <= 0 && !segment_air_lives(&r->segment);
            return ready;
        }
        if (!segment_air_lives(&r->segment)) {
            ready = readable(r, &closed); /* what it still sent */
            *dead = ready <= 0;
            return ready;
        }
    }
}

ssize_t radio_air_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                        radio_pull_t *info, err_t *err)
{
    radio_air_t *r = self;
    const uint64_t deadline = radio_air_deadline(timeout_s);
    *info = (radio_pull_t){.timestamp = 0};
    if (atomic_load(&r->epoch) % 2 == 0) {
        return err_set(err, ERR_STATE, "the radio is not receiving: radio_start first");
    }
    if (!radio_air_hold(r, deadline)) {
        return 0;
    }
    const uint32_t life = atomic_load(&r->life);
    if (r->pull_life != life) { /* another air: the mark of our epoch comes first */
        r->pull_life = life;
        r->synchronous = false;
    }
    bool dead = false;
    const int64_t ready = wait_samples(r, count, deadline, &dead);
    const size_t n = ready <= 0 ? 0 : (uint64_t)ready < count ? (size_t)ready : count;
    if (n > 0) {
        segment_ring_t *ring = &r->segment.header->slot[r->slot].rx;
        *info = (radio_pull_t){atomic_load(&ring->tail) + r->time_base, r->lost, r->discontinuous};
        r->lost = 0;
        r->discontinuous = false;
        from_ring(r, x[0], n);
        segment_read(ring, n, r->segment.rx_samples);
        wake_signal(&r->segment.header->air);
    }
    pthread_rwlock_unlock(&r->mapping);
    if (dead) {
        radio_air_lose(r, life);
        return 0;
    }
    if (ready < 0) {
        return err_set(err, ERR_FORMAT, "the shared memory of the air \"%s\" is damaged", r->name);
    }
    return (ssize_t)n;
}
