/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stage 3, the radio thread: bursts leave in order, each at its time.  It only
 * waits for the ring and the radio: no disk, log, allocation or lock.
 */
#include "clock.h"
#include "program.h"
#include "tx.h"

#include <math.h>

#define AHEAD_S 0.25 /* how early a burst with a time of its own goes to the radio */

typedef struct {
    tx_t *tx;
    tx_settings_t settings;
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

/* What was set since the last frame. */
static void take_settings(sender_t *sender)
{
    tx_t *tx = sender->tx;
    const double gain_db = sender->settings.tx_gain_db, period_s = sender->settings.frame_period_s;
    if (!live_take(tx->live, TX_READ_SEND, &sender->settings)) {
        return;
    }
    if (sender->settings.tx_gain_db != gain_db) {
        /* A device that refuses keeps its gain; the status tells which it has. */
        (void)radio_set_tx_gain_db(tx->radio, sender->settings.tx_gain_db, NULL);
    }
    if (sender->settings.frame_period_s != period_s && sender->next_time != 0) {
        /* The new grid goes on from the old one, but not later than its own step. */
        const double rate = radio_rate_hz(tx->radio);
        const double step = (0.1 + sender->settings.frame_period_s) * rate;
        sender->next_time = fmin(sender->next_time, (double)radio_now(tx->radio) + step);
    }
}

/* When the burst should start: at once, or on the grid of the frame rate. */
static uint64_t schedule(sender_t *sender)
{
    tx_t *tx = sender->tx;
    if (sender->settings.frame_period_s == 0) {
        return RADIO_ASAP;
    }
    double rate = radio_rate_hz(tx->radio);
    double soonest = (double)radio_now(tx->radio) + 0.02 * rate;
    double period = sender->settings.frame_period_s * rate;
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

/*
 * Holds a burst back until its time is near: what waits in the radio can't be taken back, and would
 * be lost with it.  A radio with nothing left to send gets the next burst at once, because an
 * unpaced air's time stands still without one.
 */
static void wait_turn(const tx_t *tx, uint64_t when)
{
    uint64_t ahead = (uint64_t)(AHEAD_S * radio_rate_hz(tx->radio));
    while (when != RADIO_ASAP && when > radio_now(tx->radio) + ahead &&
           !atomic_load(&tx->abandon) && !radio_drained(tx->radio, 0.02)) {
    }
}

/* Until the radio has sent everything, the last burst's time included. */
static void drain(const sender_t *sender)
{
    const tx_t *tx = sender->tx;
    double left_s = (sender->next_time - (double)radio_now(tx->radio)) / radio_rate_hz(tx->radio);
    int tries = (int)ceil((2.0 + fmax(0.0, left_s)) / 0.1);
    while (tries-- > 0 && !atomic_load(&tx->abandon) && !radio_drained(tx->radio, 0.1)) {
    }
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
static bool may_wait(const sender_t *sender)
{
    tx_t *tx = sender->tx;
    if (sender->settings.stop_when_gone && !atomic_load(&tx->stopping)) {
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
    uint64_t when;
    for (;;) {
        take_settings(sender);
        when = schedule(sender);
        wait_turn(tx, when);
        if (push(tx, burst, when) == 0) {
            break;
        }
        if (!may_wait(sender)) {
            atomic_fetch_add(&tx->counts.frames_lost, 1);
            return;
        }
    }
    tx_record_burst(tx, burst, when);
    atomic_fetch_add(&tx->counts.frames_sent, 1);
    atomic_fetch_add(&tx->counts.images_sent, burst->header.images);
    atomic_fetch_add(&tx->counts.samples_sent, burst->count);
}

void *tx_send_run(void *context)
{
    tx_t *tx = context;
    sender_t sender = {.tx = tx, .settings = tx->settings};
    program_name_thread("radio");
    (void)program_come_first();
    ring_t *ring;
    tx_burst_t *burst;
    while ((burst = take(&sender, &ring)) != NULL) {
        send(&sender, burst);
        ring_release(ring);
    }
    drain(&sender);
    atomic_store(&tx->finished, true);
    return NULL;
}
