/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_zmq.h"

#include "clock.h"

#include <math.h>

static void fill(const radio_zmq_t *r, radio_zmq_tx_block_t *block, const float complex *x)
{
    for (size_t i = 0; i < block->count; i++) {
        block->samples[i] = r->tx_gain == 1.0f ? x[i] : r->tx_gain * x[i];
    }
}

static double left_s(uint64_t deadline_ns)
{
    const uint64_t now = clock_now_ns();
    return now >= deadline_ns ? 0.0 : 1e-9 * (double)(deadline_ns - now);
}

ssize_t radio_zmq_push(void *self, const float complex *const x[], size_t count,
                       const radio_push_t *burst, double timeout_s, err_t *err)
{
    radio_zmq_t *r = self;
    const uint64_t deadline = clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
    const uint64_t now = atomic_load(&r->now);
    if (!r->config.tx.used) {
        return err_set(err, ERR_STATE, "radio=zmq has no tx_port: it cannot send");
    }
    if (burst->start == r->in_burst) {
        return err_set(err, ERR_STATE,
                       r->in_burst ? "a burst begins within a burst" : "samples outside a burst");
    }
    if (burst->start && burst->timestamp != RADIO_ASAP && burst->timestamp > now &&
        (double)(burst->timestamp - now) > RADIO_MAX_AHEAD_S * r->rate_hz) {
        return err_set(err, ERR_ARGUMENT, "a burst is timed %.1f s ahead, more than %g s",
                       (double)(burst->timestamp - now) / r->rate_hz, RADIO_MAX_AHEAD_S);
    }
    size_t done = 0;
    do {
        if (ring_wait_space(r->plan.ring, left_s(deadline)) != 1) {
            break;
        }
        radio_zmq_tx_block_t *block = ring_acquire(r->plan.ring);
        const size_t left = count - done;
        block->count = left < RADIO_ZMQ_BLOCK ? left : RADIO_ZMQ_BLOCK;
        block->start = burst->start && !r->in_burst;
        block->timestamp = burst->timestamp;
        block->end = burst->end && block->count == left;
        if (block->count > 0) {
            fill(r, block, x[0] + done);
        }
        done += block->count;
        r->in_burst = !block->end;
        atomic_fetch_add(&r->pushed, 1);
        ring_commit(r->plan.ring);
    } while (done < count);
    if (done == 0 && (count > 0 || r->in_burst == burst->end)) {
        return err_set(err, ERR_TIMEOUT, "%s took no sample within %g s", r->config.tx.endpoint,
                       timeout_s);
    }
    return (ssize_t)done;
}

bool radio_zmq_drained(void *self, double timeout_s)
{
    radio_zmq_t *r = self;
    const uint64_t deadline = clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
    while (atomic_load(&r->plan.done) != atomic_load(&r->pushed)) {
        const double left = left_s(deadline);
        if (left <= 0.0) {
            return false;
        }
        clock_sleep_s(fmin(left, 0.001));
    }
    return true;
}
