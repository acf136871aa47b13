/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stage 3, the radio thread: bursts leave in order, each at its time.  It only
 * waits for the ring and the radio: no disk, log, allocation or lock.
 */
#include "clock.h"
#include "program.h"
#include "tx.h"

#include <math.h>

typedef struct {
    tx_t *tx;
    uint64_t turn;    /* frames taken so far: whose turn it is */
    double next_time; /* in samples, 0: not yet set */
} sender_t;

/* The next burst in the order of the frame counter; NULL at the end. */
static tx_burst_t *take(sender_t *sender, ring_t **from)
{
    tx_t *tx = sender->tx;
    ring_t *ring = tx->encoders[sender->turn % (uint64_t)tx->encoder_count].bursts;
    int got = 0;
    while (got == 0 && !atomic_load(&tx->abandon)) {
        got = ring_wait_items(ring, 0.1);
    }
    *from = ring;
    sender->turn++;
    return got == 1 ? ring_peek(ring) : NULL;
}

/* When the burst should start: at once, or on the grid of the frame rate. */
static uint64_t schedule(sender_t *sender)
{
    tx_t *tx = sender->tx;
    if (tx->frame_period_s == 0) {
        return RADIO_ASAP;
    }
    double rate = radio_rate_hz(tx->radio);
    double soonest = (double)radio_now(tx->radio) + 0.02 * rate;
    double period = tx->frame_period_s * rate;
    if (sender->next_time == 0 || fabs(sender->next_time - soonest) > 2 * rate + 8 * period) {
        sender->next_time = soonest; /* the first, or the radio's clock started anew */
    } else if (sender->next_time < soonest) {
        sender->next_time += ceil((soonest - sender->next_time) / period) * period;
        atomic_fetch_add(&tx->counts.slipped, 1);
    }
    uint64_t when = (uint64_t)sender->next_time;
    sender->next_time += period;
    return when;
}

/* 0, or -1 when the radio has gone or we were told to give up. */
static int push(tx_t *tx, const tx_burst_t *burst, uint64_t when)
{
    size_t done = 0;
    err_t err = ERR_INIT;
    while (done < burst->count) {
        const float complex *x[1] = {burst->samples + done};
        radio_push_t how = {.start = done == 0, .end = true, .timestamp = when};
        ssize_t taken = radio_push(tx->radio, x, burst->count - done, &how, 0.1, &err);
        if (taken < 0 && err.code == ERR_TIMEOUT) {
            taken = 0; /* no room yet */
        } else if (taken < 0 && err.code != ERR_CLOSED) {
            tx_fail(tx, &err);
        }
        if (taken < 0 || atomic_load(&tx->abandon)) {
            return -1;
        }
        done += (size_t)taken;
    }
    return 0;
}

/* The radio is gone: may this burst wait until it is back? */
static bool may_wait(tx_t *tx)
{
    if (tx->stop_when_gone && !atomic_load(&tx->stopping)) {
        err_t err = ERR_INIT;
        err_set(&err, ERR_CLOSED, "the radio is gone (tx.on_gone = stop)");
        tx_fail(tx, &err);
    }
    clock_sleep_s(0.02);
    return !atomic_load(&tx->stopping) && !atomic_load(&tx->abandon);
}

static void send(sender_t *sender, const tx_burst_t *burst)
{
    tx_t *tx = sender->tx;
    while (push(tx, burst, schedule(sender)) != 0) {
        if (!may_wait(tx)) {
            atomic_fetch_add(&tx->counts.frames_lost, 1);
            return;
        }
    }
    atomic_fetch_add(&tx->counts.frames_sent, 1);
    atomic_fetch_add(&tx->counts.images_sent, burst->header.images);
    atomic_fetch_add(&tx->counts.samples_sent, burst->count);
}

void *tx_send_run(void *context)
{
    tx_t *tx = context;
    sender_t sender = {.tx = tx};
    program_name_thread("radio");
    (void)program_come_first();
    ring_t *ring;
    tx_burst_t *burst;
    while ((burst = take(&sender, &ring)) != NULL) {
        send(&sender, burst);
        ring_release(ring);
    }
    for (int i = 0; i < 20 && !atomic_load(&tx->abandon) && !radio_drained(tx->radio, 0.1); i++) {
    }
    atomic_store(&tx->finished, true);
    return NULL;
}
