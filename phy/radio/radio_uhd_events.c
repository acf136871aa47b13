/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_uhd.h"

static void keep(radio_uhd_t *r, const radio_event_t *event)
{
    switch (event->kind) {
    case RADIO_EVENT_OVERFLOW:
    case RADIO_EVENT_GAP:
        r->counts.overflows++;
        r->counts.overflow_samples += event->count;
        break;
    case RADIO_EVENT_LATE:
        r->counts.late++;
        r->counts.late_samples += event->count;
        break;
    case RADIO_EVENT_UNDERFLOW:
        r->counts.underflows++;
        break;
    default:
        break;
    }
    if (r->event_count == RADIO_UHD_EVENTS) {
        r->counts.events_lost++;
        return;
    }
    r->events[(r->event_first + r->event_count++) % RADIO_UHD_EVENTS] = *event;
}

void radio_uhd_add_event(radio_uhd_t *r, radio_event_kind_t kind, uint64_t timestamp,
                         uint64_t count)
{
    pthread_mutex_lock(&r->event_lock);
    keep(r, &(radio_event_t){kind, timestamp, count});
    pthread_mutex_unlock(&r->event_lock);
}

void radio_uhd_count_gap(radio_uhd_t *r, bool overflow, bool out_of_sequence)
{
    pthread_mutex_lock(&r->event_lock);
    r->counts.sequence_gaps += !overflow && out_of_sequence;
    r->counts.silent_gaps += !overflow && !out_of_sequence;
    pthread_mutex_unlock(&r->event_lock);
}

bool radio_uhd_next_event(void *self, radio_event_t *event)
{
    radio_uhd_t *r = self;
    pthread_mutex_lock(&r->event_lock);
    const bool some = r->event_count > 0;
    if (some) {
        *event = r->events[r->event_first];
        r->event_first = (r->event_first + 1) % RADIO_UHD_EVENTS;
        r->event_count--;
    }
    pthread_mutex_unlock(&r->event_lock);
    return some;
}

radio_counts_t radio_uhd_counts(void *self)
{
    radio_uhd_t *r = self;
    pthread_mutex_lock(&r->event_lock);
    const radio_counts_t counts = r->counts;
    pthread_mutex_unlock(&r->event_lock);
    return counts;
}

void radio_uhd_remember_burst(radio_uhd_t *r, uint64_t timestamp, uint64_t count)
{
    pthread_mutex_lock(&r->event_lock);
    if (r->burst_queued == RADIO_UHD_BURSTS) { /* an answer went lost */
        r->burst_first = (r->burst_first + 1) % RADIO_UHD_BURSTS;
        r->burst_queued--;
    }
    const size_t last = (r->burst_first + r->burst_queued++) % RADIO_UHD_BURSTS;
    r->bursts[last].timestamp = timestamp;
    r->bursts[last].count = count;
    pthread_mutex_unlock(&r->event_lock);
}

void radio_uhd_forget_burst(radio_uhd_t *r)
{
    pthread_mutex_lock(&r->event_lock);
    r->burst_queued -= r->burst_queued > 0;
    pthread_mutex_unlock(&r->event_lock);
}

void radio_uhd_answer_burst(radio_uhd_t *r, bool late, uint64_t now)
{
    pthread_mutex_lock(&r->event_lock);
    uint64_t timestamp = now, count = 0;
    if (r->burst_queued > 0) {
        timestamp = r->bursts[r->burst_first].timestamp;
        count = r->bursts[r->burst_first].count;
        r->burst_first = (r->burst_first + 1) % RADIO_UHD_BURSTS;
        r->burst_queued--;
    }
    if (late) {
        keep(r, &(radio_event_t){RADIO_EVENT_LATE, timestamp, count});
    }
    pthread_mutex_unlock(&r->event_lock);
}
