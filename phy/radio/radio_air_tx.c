/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_air.h"

#include "clock.h"

#include <math.h>

/* ---- sending ---- */

static void into_ring(radio_air_t *r, const float complex *x, size_t count)
{
    const uint64_t size = r->segment.tx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].tx;
    const size_t at = (size_t)(atomic_load(&ring->head) & (size - 1));
    const size_t first = count < size - at ? count : (size_t)(size - at);
    radio_air_copy(r->segment.tx[r->slot] + at, x, first, r->tx_gain);
    radio_air_copy(r->segment.tx[r->slot], x + first, count - first, r->tx_gain);
}

/* Waits for `room` samples (at most half the ring) and two marks.  The room there is; 0: time is up. */
static uint64_t wait_room(radio_air_t *r, uint64_t room, uint64_t deadline_ns, bool *dead)
{
    const uint64_t size = r->segment.tx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].tx;
    const uint64_t want = room < size / 2 ? room : size / 2;
    for (;;) {
        atomic_store(&ring->want_room, want);
        const uint32_t ticket = wake_prepare(&ring->writable);
        const uint64_t is = segment_room(ring, size);
        const double left = radio_air_seconds_until(deadline_ns);
        const bool enough = is != UINT64_MAX && is >= want && segment_mark_room(ring, 2);
        if (!enough && left > 0.0) {
            wake_wait(&ring->writable, ticket, fmin(left, RADIO_AIR_LOOK_S));
        }
        wake_done(&ring->writable);
        if (enough) {
            return is;
        }
        *dead = is == UINT64_MAX || !segment_air_lives(&r->segment);
        if (*dead || left <= 0.0) {
            return *dead || !segment_mark_room(ring, 2) ? 0 : is;
        }
    }
}

static int check_burst(radio_air_t *r, const radio_push_t *burst, err_t *err)
{
    const uint64_t now = atomic_load(&r->segment.header->now);
    if (r->in_burst && r->push_life != atomic_load(&r->life)) {
        r->in_burst = false; /* the rest of a burst that went down with its air */
        if (!burst->start) {
            return err_set(err, ERR_CLOSED, "this burst was lost with the air \"%s\"", r->name);
        }
    }
    if (burst->start == r->in_burst) {
        return err_set(err, ERR_STATE, r->in_burst ? "a burst begins within a burst"
                                                   : "samples outside a burst");
    }
    if (burst->start && burst->timestamp != RADIO_ASAP && burst->timestamp > now &&
        (double)(burst->timestamp - now) > RADIO_MAX_AHEAD_S * r->rate_hz) {
        return err_set(err, ERR_ARGUMENT, "a burst is timed %.1f s ahead, more than %g s",
                       (double)(burst->timestamp - now) / r->rate_hz, RADIO_MAX_AHEAD_S);
    }
    return 0;
}

/* All or as much as there is room for until the deadline.  The mapping is held. */
static ssize_t push_samples(radio_air_t *r, const float complex *x, size_t count,
                            const radio_push_t *burst, uint64_t deadline_ns, bool *dead)
{
    segment_ring_t *ring = &r->segment.header->slot[r->slot].tx;
    bool start = burst->start;
    size_t done = 0;
    do {
        const size_t left = count - done;
        const uint64_t room = wait_room(r, left, deadline_ns, dead);
        if (*dead || (room == 0 && (left > 0 || !segment_mark_room(ring, 2)))) {
            break;
        }
        const size_t n = left < room ? left : (size_t)room;
        const uint64_t head = atomic_load(&ring->head);
        into_ring(r, x + done, n);
        if (start) {
            segment_mark_push(ring, &(mark_t){head, burst->timestamp, r->send_late, MARK_START});
            start = false;
            r->in_burst = true;
            r->push_life = atomic_load(&r->life);
        }
        done += n;
        if (done == count && burst->end) {
            segment_mark_push(ring, &(mark_t){head + n, 0, 0, MARK_END});
            r->in_burst = false;
        }
        segment_written(ring, n);
        wake_signal(&r->segment.header->air);
        if (done == count) {
            return (ssize_t)done;
        }
    } while (radio_air_seconds_until(deadline_ns) > 0.0);
    return done > 0 ? (ssize_t)done : -1;
}

ssize_t radio_air_push(void *self, const float complex *const x[], size_t count,
                        const radio_push_t *burst, double timeout_s, err_t *err)
{
    radio_air_t *r = self;
    const uint64_t deadline = radio_air_deadline(timeout_s);
    if (!radio_air_hold(r, deadline)) {
        return err_set(err, ERR_CLOSED, "the air \"%s\" has gone", r->name);
    }
    const uint32_t life = atomic_load(&r->life);
    bool dead = !segment_air_lives(&r->segment);
    ssize_t pushed = dead ? -1 : check_burst(r, burst, err);
    if (pushed == 0) {
        pushed = push_samples(r, x != NULL ? x[0] : NULL, count, burst, deadline, &dead);
        if (pushed < 0 && !dead) {
            err_set(err, ERR_TIMEOUT, "the air \"%s\" took no sample within %g s", r->name,
                    timeout_s);
        }
    }
    pthread_rwlock_unlock(&r->mapping);
    if (dead) {
        radio_air_lose(r, life);
        return err_set(err, ERR_CLOSED, "the air \"%s\" has gone", r->name);
    }
    return pushed;
}

bool radio_air_drained(void *self, double timeout_s)
{
    radio_air_t *r = self;
    const uint64_t deadline = radio_air_deadline(timeout_s);
    for (;;) {
        pthread_rwlock_rdlock(&r->mapping);
        bool empty = r->gone;
        if (!empty) {
            segment_ring_t *ring = &r->segment.header->slot[r->slot].tx;
            empty = segment_filled(ring, r->segment.tx_samples) == 0 &&
                    atomic_load(&ring->mark_head) == atomic_load(&ring->mark_tail);
        }
        pthread_rwlock_unlock(&r->mapping);
        const double left = radio_air_seconds_until(deadline);
        if (empty || left <= 0.0) {
            return empty;
        }
        (void)radio_air_alive(r); /* with a dead air all is dropped, and `gone` next time */
        clock_sleep_s(fmin(left, 0.001));
    }
}
