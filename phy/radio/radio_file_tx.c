/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_file.h"

#include <math.h>
#include <string.h>

/* One block of samples (NULL: zeros) at the end of the recording.  How many were taken. */
static size_t put(radio_file_t *r, const float complex *x, size_t count, double timeout_s)
{
    const uint64_t now = atomic_load(&r->now);
    const size_t n = count < RADIO_FILE_BLOCK ? count : RADIO_FILE_BLOCK;
    for (size_t i = 0; i < n; i++) {
        r->scaled[i] = x == NULL ? 0.0f : r->tx_gain == 1.0f ? x[i] : r->tx_gain * x[i];
    }
    const size_t taken = recorder_push_wait(r->recorder, r->scaled, n, now, timeout_s);
    atomic_store(&r->now, now + taken);
    return taken;
}

static int begin(radio_file_t *r, const radio_push_t *burst, double timeout_s, err_t *err)
{
    const uint64_t now = atomic_load(&r->now);
    if (burst->start == r->in_burst) {
        return err_set(err, ERR_STATE,
                       r->in_burst ? "a burst begins within a burst" : "samples outside a burst");
    }
    if (!burst->start) {
        return 0;
    }
    const uint64_t when = burst->timestamp == RADIO_ASAP ? now : burst->timestamp;
    if (when > now && (double)(when - now) > RADIO_MAX_AHEAD_S * r->rate_hz) {
        return err_set(err, ERR_ARGUMENT, "a burst is timed %.1f s ahead, more than %g s",
                       (double)(when - now) / r->rate_hz, RADIO_MAX_AHEAD_S);
    }
    while (when > atomic_load(&r->now)) {
        if (put(r, NULL, (size_t)(when - atomic_load(&r->now)), timeout_s) == 0) {
            return err_set(err, ERR_TIMEOUT, "the recording took no sample within %g s", timeout_s);
        }
    }
    r->in_burst = true;
    r->dropping = when < now;
    r->burst_time = when;
    r->burst_length = 0;
    return 0;
}

static void end(radio_file_t *r)
{
    r->in_burst = false;
    if (r->dropping) {
        radio_events_add(&r->events, RADIO_EVENT_LATE, r->burst_time, r->burst_length);
        return;
    }
    recorder_note_t note;
    recorder_note_init(&note);
    note.timestamp = r->burst_time;
    note.count = r->burst_length;
    strcpy(note.label, "burst");
    recorder_note(r->recorder, &note);
}

ssize_t radio_file_push(void *self, const float complex *const x[], size_t count,
                        const radio_push_t *burst, double timeout_s, err_t *err)
{
    radio_file_t *r = self;
    if (r->recorder == NULL) {
        return err_set(err, ERR_STATE, "radio=file has no tx=RECORDING: it cannot send");
    }
    if (recorder_failed(r->recorder, err)) {
        return -1;
    }
    if (begin(r, burst, timeout_s, err) != 0) {
        return -1;
    }
    size_t done = r->dropping ? count : 0;
    while (done < count) {
        const size_t taken = put(r, x[0] + done, count - done, timeout_s);
        if (taken == 0) {
            break;
        }
        done += taken;
    }
    r->burst_length += done;
    if (done == count && burst->end) {
        end(r);
    }
    return (ssize_t)done;
}
