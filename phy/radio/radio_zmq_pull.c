/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_zmq.h"

#include "clock.h"

#include <math.h>
#include <string.h>

static double left_s(uint64_t deadline_ns)
{
    const uint64_t now = clock_now_ns();
    return now >= deadline_ns ? 0.0 : 1e-9 * (double)(deadline_ns - now);
}

/* The oldest block that belongs to this start of the radio. */
static radio_zmq_rx_block_t *oldest(radio_zmq_t *r)
{
    radio_zmq_rx_block_t *block;
    while ((block = ring_peek(r->blocks)) != NULL && block->epoch != atomic_load(&r->epoch)) {
        ring_release(r->blocks);
        r->block_used = 0;
    }
    return block;
}

static size_t copy(radio_zmq_t *r, const radio_zmq_rx_block_t *block, float complex *x,
                   size_t count)
{
    const size_t left = block->count - r->block_used, n = left < count ? left : count;
    memcpy(x, block->samples + r->block_used, n * sizeof *x);
    r->block_used += n;
    if (r->block_used == block->count) {
        ring_release(r->blocks);
        r->block_used = 0;
    }
    return n;
}

ssize_t radio_zmq_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                       radio_pull_t *info, err_t *err)
{
    radio_zmq_t *r = self;
    const uint64_t deadline = clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
    *info = (radio_pull_t){.timestamp = 0};
    if (atomic_load(&r->epoch) % 2 == 0) {
        return err_set(err, ERR_STATE, "the radio is not receiving: radio_start first");
    }
    size_t done = 0;
    while (done < count) {
        const radio_zmq_rx_block_t *block = oldest(r);
        if (block == NULL) {
            if (ring_wait_items(r->blocks, left_s(deadline)) != 1) {
                break;
            }
            continue;
        }
        const uint64_t time = block->timestamp + r->block_used;
        if (done > 0 && (time != info->timestamp + done || block->discontinuous) &&
            r->block_used == 0) {
            break; /* a gap: the next pull begins behind it */
        }
        if (done == 0) {
            const bool fresh = r->block_used == 0;
            *info = (radio_pull_t){time, fresh ? block->lost : 0, fresh && block->discontinuous};
        }
        done += copy(r, block, x[0] + done, count - done);
    }
    return (ssize_t)done;
}
