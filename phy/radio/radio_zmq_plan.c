/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is sent next.  Bursts come in as blocks; they are gathered until their end is there, so
 * that a burst leaves in one piece, as one message where the socket allows it.  Between bursts is
 * silence: paced, as much as the clock asks for; free, only as much as a burst's timestamp asks
 * for.
 *
 * Pace: samples sent may not run ahead of rate * time.  A stream that was held up (nobody asks,
 * a full queue) catches up by LAG_S at most; what is beyond is forgotten, its time stood still.
 */
#include "radio/radio_zmq.h"

#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LAG_S  0.1   /* also: how long a burst that is due waits for its rest */
#define TICK_S 0.002 /* shortest silence that is sent while there is nothing else to do */
#define WAIT_S 0.02

int radio_zmq_plan_init(radio_zmq_plan_t *plan, bool paced, double rate_hz, err_t *err)
{
    memset(plan, 0, sizeof *plan);
    plan->paced = paced;
    plan->rate_hz = rate_hz;
    plan->origin_ns = clock_now_ns();
    plan->ring = ring_create(RADIO_ZMQ_TX_BLOCKS, sizeof(radio_zmq_tx_block_t), err);
    plan->burst = malloc(RADIO_ZMQ_MAX_SEND * sizeof *plan->burst);
    if (plan->ring != NULL && plan->burst == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a radio's bursts");
    }
    return plan->ring != NULL && plan->burst != NULL ? 0 : -1;
}

void radio_zmq_plan_free(radio_zmq_plan_t *plan)
{
    ring_destroy(plan->ring);
    free(plan->burst);
}

/* Samples that the clock allows. */
static double credit(radio_zmq_plan_t *plan)
{
    if (!plan->paced) {
        return INFINITY;
    }
    const double sent = (double)(plan->now - plan->origin_now);
    const double due = (double)(clock_now_ns() - plan->origin_ns) * 1e-9 * plan->rate_hz;
    const double most = LAG_S * plan->rate_hz;
    if (due - sent > most) {
        plan->origin_now = plan->now;
        plan->origin_ns = clock_now_ns() - (uint64_t)(LAG_S * 1e9);
        return most;
    }
    return due - sent;
}

static void forget_burst(radio_zmq_plan_t *plan, bool ended)
{
    atomic_fetch_add(&plan->done, plan->blocks);
    plan->blocks = 0;
    plan->count = plan->taken = 0;
    plan->waiting_ns = 0;
    plan->hole = plan->hole && !ended;
    if (ended) {
        plan->has_burst = plan->whole = plan->begun = plan->dropping = false;
    }
}

static void take_block(radio_zmq_plan_t *plan, const radio_zmq_tx_block_t *block)
{
    if (block->start) {
        plan->has_burst = true;
        plan->timestamp = block->timestamp;
        plan->length = 0;
    }
    if (!plan->dropping) {
        memcpy(plan->burst + plan->count, block->samples, block->count * sizeof *plan->burst);
        plan->count += block->count;
    }
    plan->hole = false;
    plan->length += block->count;
    plan->whole = block->end;
    plan->blocks++;
}

/* Moves blocks of one burst from the ring, until its end or until no more fits. */
static void gather(radio_zmq_plan_t *plan, radio_events_t *events)
{
    if (plan->taken > 0 || plan->whole) {
        return; /* this part goes out first */
    }
    radio_zmq_tx_block_t *block;
    while (!plan->whole && plan->count + RADIO_ZMQ_BLOCK <= RADIO_ZMQ_MAX_SEND &&
           (block = ring_peek(plan->ring)) != NULL) {
        take_block(plan, block);
        ring_release(plan->ring);
        if (plan->dropping) {
            if (plan->whole) {
                radio_events_add(events, RADIO_EVENT_LATE, plan->timestamp, plan->length);
            }
            forget_burst(plan, plan->whole);
        }
    }
    if (plan->whole && plan->count == 0) { /* an empty end behind samples that are gone */
        forget_burst(plan, true);
    }
}

static void drop_burst(radio_zmq_plan_t *plan, radio_events_t *events)
{
    const bool ended = plan->whole;
    if (ended) {
        radio_events_add(events, RADIO_EVENT_LATE, plan->timestamp, plan->length);
    }
    plan->dropping = true;
    forget_burst(plan, ended);
}

static radio_zmq_piece_t silence(double count, size_t most)
{
    const double limit = (double)(most < RADIO_ZMQ_SILENCE ? most : RADIO_ZMQ_SILENCE);
    return (radio_zmq_piece_t){NULL, (size_t)fmax(0.0, fmin(count, limit))};
}

/* Nothing can go now: waits a little, for a block or for the clock. */
static radio_zmq_piece_t wait_a_little(const radio_zmq_plan_t *plan, double seconds)
{
    seconds = fmin(fmax(seconds, 1e-4), WAIT_S);
    if (ring_fill(plan->ring) == 0) {
        (void)ring_wait_items(plan->ring, seconds);
    } else {
        clock_sleep_s(seconds);
    }
    return (radio_zmq_piece_t){NULL, 0};
}

/* Between bursts, or before one that is not whole yet. */
static radio_zmq_piece_t idle(radio_zmq_plan_t *plan, double allowed, size_t most)
{
    const double tick = fmin(ceil(TICK_S * plan->rate_hz), RADIO_ZMQ_SILENCE);
    if (!plan->paced || allowed < tick) {
        return wait_a_little(plan, plan->paced ? (tick - allowed) / plan->rate_hz : WAIT_S);
    }
    return silence(allowed, most);
}

/* The next samples of a burst that is due are not here: has it been waited for long enough? */
static bool starved(radio_zmq_plan_t *plan)
{
    if (plan->waiting_ns == 0) {
        plan->waiting_ns = clock_now_ns();
    }
    return plan->paced && (double)(clock_now_ns() - plan->waiting_ns) >= LAG_S * 1e9;
}

/* Nothing of it is here after all that time: silence, in a burst under way a hole. */
static radio_zmq_piece_t leave_hole(radio_zmq_plan_t *plan, double allowed, size_t most,
                                    radio_events_t *events)
{
    if (allowed < 1.0) {
        return wait_a_little(plan, 1.0 / plan->rate_hz);
    }
    if (plan->begun && !plan->hole) {
        radio_events_add(events, RADIO_EVENT_UNDERFLOW, plan->now, 1);
        plan->hole = true;
    }
    return silence(floor(allowed), most);
}

radio_zmq_piece_t radio_zmq_plan_next(radio_zmq_plan_t *plan, size_t most, radio_events_t *events)
{
    gather(plan, events);
    const double allowed = credit(plan);
    if (!plan->has_burst || plan->dropping) {
        return idle(plan, allowed, most);
    }
    if (!plan->begun && plan->timestamp != RADIO_ASAP) {
        if (plan->timestamp < plan->now) {
            drop_burst(plan, events);
            return (radio_zmq_piece_t){NULL, 0};
        }
        if (plan->timestamp > plan->now) {
            const double ahead = (double)(plan->timestamp - plan->now);
            return allowed < 1.0 ? wait_a_little(plan, 1.0 / plan->rate_hz)
                                 : silence(fmin(ahead, floor(allowed)), most);
        }
    }
    if (!plan->paced && !plan->begun && plan->timestamp == RADIO_ASAP &&
        plan->now < RADIO_ZMQ_LEAD) {
        return silence((double)(RADIO_ZMQ_LEAD - plan->now), most);
    }
    const bool ready =
        plan->whole || plan->taken > 0 || plan->count + RADIO_ZMQ_BLOCK > RADIO_ZMQ_MAX_SEND;
    if (!ready) {
        if (!plan->begun && plan->timestamp == RADIO_ASAP) {
            return idle(plan, allowed, most);
        }
        if (!starved(plan)) {
            return wait_a_little(plan, WAIT_S);
        }
        if (!plan->begun || plan->count == 0) {
            return leave_hole(plan, allowed, most, events);
        }
    }
    if (allowed < 1.0) {
        return wait_a_little(plan, -allowed / plan->rate_hz);
    }
    const size_t left = plan->count - plan->taken;
    return (radio_zmq_piece_t){plan->burst + plan->taken, left < most ? left : most};
}

void radio_zmq_plan_sent(radio_zmq_plan_t *plan, const radio_zmq_piece_t *piece)
{
    plan->now += piece->count;
    if (piece->samples != NULL) {
        plan->begun = true;
        plan->taken += piece->count;
        if (plan->taken == plan->count) {
            forget_burst(plan, plan->whole);
        }
    }
}

void radio_zmq_plan_lost(radio_zmq_plan_t *plan, const radio_zmq_piece_t *piece,
                         radio_events_t *events)
{
    plan->now += piece->count;
    if (piece->samples != NULL) {
        drop_burst(plan, events);
    }
}
