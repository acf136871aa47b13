/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Receiving, packet by packet: each has a timestamp of its own, and what it says counts.  UHD
 * tells of an overflow of the device ("O") and of packets that are missing by their number ("D");
 * the number has few bits on some devices, so that a loss of 16 packets or a multiple passes in
 * silence. A device may stop after an overflow: then, and after any silence, it is told to go on.
 */
#include "radio/radio_uhd.h"

#include "clock.h"

#include <math.h>
#include <string.h>

static const double SILENCE_S = 0.1; /* after which the stream is asked for again */
static const double STEP_S = 0.05;   /* the device is held no longer at a time */

/* A gap right before `timestamp`: an event, the counts, and what to tell the caller. */
static uint64_t note_gap(radio_uhd_t *r, uint64_t timestamp)
{
    const int64_t step = (int64_t)(timestamp - r->next);
    if (!r->synchronous || step <= 0) {
        return 0; /* fresh, or the clock was set */
    }
    const uint64_t lost = (uint64_t)step;
    radio_uhd_count_gap(r, r->overflowed, r->out_of_sequence);
    radio_uhd_add_event(r, r->overflowed ? RADIO_EVENT_OVERFLOW : RADIO_EVENT_GAP, timestamp, lost);
    r->overflowed = r->out_of_sequence = false;
    return lost;
}

/* What UHD says about a packet that did not come.  False: nothing to wait for now. */
static void note_error(radio_uhd_t *r, uhd_rx_metadata_error_code_t code)
{
    const double silent_s = 1e-9 * (double)(clock_now_ns() - r->silent_since_ns);
    bool out_of_sequence = false;
    switch (code) {
    case UHD_RX_METADATA_ERROR_CODE_OVERFLOW:
        (void)r->uhd->rx_metadata_out_of_sequence(r->device.rx_metadata, &out_of_sequence);
        r->out_of_sequence = r->out_of_sequence || out_of_sequence;
        r->overflowed = r->overflowed || !out_of_sequence;
        if (!out_of_sequence) {
            (void)radio_uhd_device_stream(r, true, 0.0);
            r->silent_since_ns = clock_now_ns();
        }
        break;
    case UHD_RX_METADATA_ERROR_CODE_LATE_COMMAND:
    case UHD_RX_METADATA_ERROR_CODE_BROKEN_CHAIN:
        (void)radio_uhd_device_stream(r, true, 0.05);
        r->silent_since_ns = clock_now_ns();
        break;
    default: /* timeout, alignment, bad packet */
        if (silent_s > SILENCE_S) {
            (void)radio_uhd_device_stream(r, true, 0.0);
            r->silent_since_ns = clock_now_ns();
        }
        break;
    }
}

/* One packet, or what is left of one, to x[antenna][at …].  0: none. */
static size_t take_packet(radio_uhd_t *r, float complex *const x[], size_t at, size_t count,
                          double timeout_s, uint64_t *timestamp)
{
    void *buffers[RADIO_MAX_ANTENNAS];
    for (int i = 0; i < r->config.antennas; i++) {
        buffers[i] = x[i] + at;
    }
    size_t got = 0;
    uhd_rx_metadata_error_code_t code = UHD_RX_METADATA_ERROR_CODE_NONE;
    int64_t seconds;
    double fraction;
    if (r->uhd->rx_streamer_recv(r->device.rx, buffers, count, &r->device.rx_metadata, timeout_s,
                                 true, &got) != UHD_ERROR_NONE) {
        clock_sleep_s(0.001); /* the watch will see what it is */
        return 0;
    }
    (void)r->uhd->rx_metadata_error_code(r->device.rx_metadata, &code);
    if (got > 0) {
        (void)r->uhd->rx_metadata_time_spec(r->device.rx_metadata, &seconds, &fraction);
        *timestamp = radio_uhd_timestamp(r, seconds, fraction);
        r->silent_since_ns = clock_now_ns();
    }
    if (code != UHD_RX_METADATA_ERROR_CODE_NONE) {
        note_error(r, code);
    }
    return got;
}

/* Samples after a gap that a pull found behind others. */
static size_t from_stash(radio_uhd_t *r, float complex *const x[], size_t count, radio_pull_t *info)
{
    const size_t n = count < r->stash_count ? count : r->stash_count;
    for (int i = 0; i < r->config.antennas; i++) {
        memcpy(x[i], r->stash[i] + r->stash_first, n * sizeof **x);
    }
    *info = (radio_pull_t){r->stash_timestamp, r->stash_lost,
                           r->stash_first == 0}; /* its first part follows the gap */
    r->stash_first += n;
    r->stash_count -= n;
    r->stash_timestamp += n;
    r->stash_lost = 0;
    return n;
}

static void into_stash(radio_uhd_t *r, float complex *const x[], size_t at, size_t count,
                       uint64_t timestamp, uint64_t lost)
{
    for (int i = 0; i < r->config.antennas; i++) {
        memcpy(r->stash[i], x[i] + at, count * sizeof **x);
    }
    r->stash_first = 0;
    r->stash_count = count;
    r->stash_timestamp = timestamp;
    r->stash_lost = lost;
}

/* Packets until `count` samples, a gap, or the deadline. */
static size_t gather(radio_uhd_t *r, float complex *const x[], size_t count, size_t done,
                     uint64_t deadline_ns, radio_pull_t *info)
{
    while (done < count && r->stash_count == 0) {
        const uint64_t now_ns = clock_now_ns();
        const double left_s = now_ns >= deadline_ns ? 0.0 : 1e-9 * (double)(deadline_ns - now_ns);
        const size_t room = count - done;
        uint64_t timestamp = 0;
        /* A packet behind a gap must fit into the stash. */
        const size_t got = take_packet(r, x, done, room < RADIO_UHD_STASH ? room : RADIO_UHD_STASH,
                                       fmin(left_s, STEP_S), &timestamp);
        if (got > 0) {
            const bool continues = r->synchronous && timestamp == r->next;
            const uint64_t lost = continues ? 0 : note_gap(r, timestamp);
            r->synchronous = true;
            r->next = timestamp + got;
            if (done == 0) {
                *info = (radio_pull_t){timestamp, lost, !continues};
                done = got;
            } else if (continues) {
                done += got;
            } else {
                into_stash(r, x, done, got, timestamp, lost);
            }
        } else if (left_s <= 0.0 || atomic_load(&r->gone)) {
            break;
        }
    }
    return done;
}

ssize_t radio_uhd_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                       radio_pull_t *info, err_t *err)
{
    radio_uhd_t *r = self;
    const uint64_t deadline_ns = clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
    *info = (radio_pull_t){.timestamp = 0};
    if (!atomic_load(&r->started)) {
        return err_set(err, ERR_STATE, "the radio is not receiving: radio_start first");
    }
    if (!radio_uhd_hold(r)) {
        clock_sleep_s(fmin(timeout_s, 0.02));
        return 0;
    }
    const uint32_t life = atomic_load(&r->life);
    if (r->pull_life != life) { /* another device: its time has nothing to do with the last one's */
        r->pull_life = life;
        r->synchronous = false;
        r->stash_count = 0;
        r->overflowed = r->out_of_sequence = false;
        r->silent_since_ns = clock_now_ns();
    }
    size_t done = 0;
    if (r->stash_count > 0) {
        done = from_stash(r, x, count, info);
    }
    done = gather(r, x, count, done, deadline_ns, info);
    radio_uhd_let_go(r);
    return (ssize_t)done;
}
