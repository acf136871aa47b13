/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sending.  A burst: its first packet says "start" and when, its last one "end".  "As soon as
 * possible" is a little later than now, or right behind the last burst, so that the device has
 * more than the first packet when it begins.
 */
#include "radio/radio_uhd.h"

#include "clock.h"

#include <math.h>

static const double SOON_S = 0.02;
static const double STEP_S = 0.1; /* UHD is asked to take no longer at a time */

static int check(radio_uhd_t *r, const radio_push_t *burst, err_t *err)
{
    if (r->in_burst && r->push_life != atomic_load(&r->life)) {
        r->in_burst = false; /* the rest of a burst that went down with its device */
        if (!burst->start) {
            return err_set(err, ERR_CLOSED, "this burst was lost with the USRP \"%s\"", r->args);
        }
    }
    if (burst->start == r->in_burst) {
        return err_set(err, ERR_STATE,
                       r->in_burst ? "a burst begins within a burst" : "samples outside a burst");
    }
    const uint64_t now = radio_uhd_now(r);
    if (burst->start && burst->timestamp != RADIO_ASAP && burst->timestamp > now &&
        (double)(burst->timestamp - now) > RADIO_MAX_AHEAD_S * r->actual.rate_hz) {
        return err_set(err, ERR_ARGUMENT, "a burst is timed %.1f s ahead, more than %g s",
                       (double)(burst->timestamp - now) / r->actual.rate_hz, RADIO_MAX_AHEAD_S);
    }
    return 0;
}

static uint64_t soon(radio_uhd_t *r)
{
    const uint64_t soonest = radio_uhd_now(r) + (uint64_t)(SOON_S * r->actual.rate_hz);
    const uint64_t busy_until = atomic_load(&r->busy_until);
    return busy_until > soonest ? busy_until : soonest;
}

/* One call of UHD's send, of x[antenna][done …]: the samples taken, or -1 when it could not. */
static ssize_t send_some(radio_uhd_t *r, const float complex *const x[], size_t done, size_t count,
                         const radio_push_t *burst, double timeout_s)
{
    static const float complex silence[1];
    const void *buffers[RADIO_MAX_ANTENNAS];
    for (int i = 0; i < r->config.antennas; i++) {
        buffers[i] = count > done ? (const void *)(x[i] + done) : (const void *)silence;
    }
    uhd_tx_metadata_handle metadata = burst->end ? r->device.tx_end : r->device.tx_middle;
    if (burst->start) { /* UHD's own can't be changed */
        int64_t seconds;
        double fraction;
        radio_uhd_time(r, burst->timestamp, &seconds, &fraction);
        if (r->uhd->tx_metadata_make(&metadata, true, seconds, fraction, true, burst->end) !=
            UHD_ERROR_NONE) {
            return -1;
        }
    }
    size_t sent = 0;
    pthread_mutex_lock(&r->tx_lock);
    const uhd_error failure =
        r->uhd->tx_streamer_send(r->device.tx, buffers, count - done, &metadata, timeout_s, &sent);
    pthread_mutex_unlock(&r->tx_lock);
    if (burst->start) {
        (void)r->uhd->tx_metadata_free(&metadata);
    }
    return failure == UHD_ERROR_NONE ? (ssize_t)sent : -1;
}

static void begin(radio_uhd_t *r, uint64_t start, size_t count)
{
    r->in_burst = true;
    r->push_life = atomic_load(&r->life);
    r->burst_start = start;
    r->burst_count = 0;
    radio_uhd_remember_burst(r, start, count);
}

/* As much as goes until the deadline; -1: UHD could not, or took nothing. */
static ssize_t send_all(radio_uhd_t *r, const float complex *const x[], size_t count,
                        const radio_push_t *burst, double timeout_s, err_t *err)
{
    const uint64_t deadline_ns = clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
    radio_push_t how = *burst;
    size_t done = 0;
    if (how.start) {
        how.timestamp = how.timestamp == RADIO_ASAP ? soon(r) : how.timestamp;
        begin(r, how.timestamp, count);
    }
    do {
        const uint64_t now_ns = clock_now_ns();
        const double left_s = now_ns < deadline_ns ? 1e-9 * (double)(deadline_ns - now_ns) : 0.0;
        const ssize_t sent = send_some(r, x, done, count, &how, fmin(left_s, STEP_S));
        if (sent < 0) {
            r->in_burst = false;
            return err_set(err, ERR_CLOSED, "the USRP \"%s\" takes no samples", r->args);
        }
        if (sent > 0) {
            how.start = false;
        }
        done += (size_t)sent;
        r->burst_count += (size_t)sent;
        atomic_store(&r->busy_until, r->burst_start + r->burst_count);
    } while (done < count && clock_now_ns() < deadline_ns && !atomic_load(&r->gone));
    if (done == count && burst->end) {
        r->in_burst = false;
    } else if (done == 0 && count > 0) {
        if (burst->start) { /* it has not begun */
            r->in_burst = false;
            radio_uhd_forget_burst(r);
        }
        return err_set(err, ERR_TIMEOUT, "the USRP \"%s\" took no sample within %g s", r->args,
                       timeout_s);
    }
    return (ssize_t)done;
}

ssize_t radio_uhd_push(void *self, const float complex *const x[], size_t count,
                       const radio_push_t *burst, double timeout_s, err_t *err)
{
    radio_uhd_t *r = self;
    if (!radio_uhd_hold(r)) {
        clock_sleep_s(fmin(fmax(timeout_s, 0.0), 0.02));
        return err_set(err, ERR_CLOSED, "the USRP \"%s\" has gone", r->args);
    }
    ssize_t sent = check(r, burst, err);
    if (sent == 0) {
        sent = send_all(r, x, count, burst, timeout_s, err);
    }
    radio_uhd_let_go(r);
    return sent;
}

bool radio_uhd_drained(void *self, double timeout_s)
{
    radio_uhd_t *r = self;
    const uint64_t deadline_ns = clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
    for (;;) {
        const uint64_t now = radio_uhd_now(r), busy_until = atomic_load(&r->busy_until);
        if (atomic_load(&r->gone) || now >= busy_until) {
            return true;
        }
        const uint64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_ns) {
            return false;
        }
        const double left_s = 1e-9 * (double)(deadline_ns - now_ns);
        clock_sleep_s(fmin(left_s, (double)(busy_until - now) / r->actual.rate_hz + 1e-4));
    }
}
