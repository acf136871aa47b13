/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_events.h"

enum { SIZE = sizeof((radio_events_t *)0)->events / sizeof(radio_event_t) };

void radio_events_init(radio_events_t *events)
{
    *events = (radio_events_t){.first = 0};
    pthread_mutex_init(&events->lock, NULL);
}

void radio_events_free(radio_events_t *events)
{
    pthread_mutex_destroy(&events->lock);
}

static void count_event(radio_counts_t *counts, radio_event_kind_t kind, uint64_t samples)
{
    switch (kind) {
    case RADIO_EVENT_OVERFLOW:
        counts->overflows++;
        counts->overflow_samples += samples;
        break;
    case RADIO_EVENT_LATE:
        counts->late++;
        counts->late_samples += samples;
        break;
    case RADIO_EVENT_UNDERFLOW:
        counts->underflows++;
        break;
    default:
        break;
    }
}

void radio_events_add(radio_events_t *events, radio_event_kind_t kind, uint64_t timestamp,
                      uint64_t count)
{
    pthread_mutex_lock(&events->lock);
    count_event(&events->counts, kind, count);
    if (events->count == SIZE) {
        events->counts.events_lost++;
    } else {
        size_t at = (events->first + events->count++) % SIZE;
        events->events[at] = (radio_event_t){kind, timestamp, count};
    }
    pthread_mutex_unlock(&events->lock);
}

void radio_events_malformed(radio_events_t *events)
{
    pthread_mutex_lock(&events->lock);
    events->counts.malformed++;
    pthread_mutex_unlock(&events->lock);
}

bool radio_events_next(radio_events_t *events, radio_event_t *event)
{
    pthread_mutex_lock(&events->lock);
    const bool some = events->count > 0;
    if (some) {
        *event = events->events[events->first];
        events->first = (events->first + 1) % SIZE;
        events->count--;
    }
    pthread_mutex_unlock(&events->lock);
    return some;
}

radio_counts_t radio_events_counts(radio_events_t *events)
{
    pthread_mutex_lock(&events->lock);
    const radio_counts_t counts = events->counts;
    pthread_mutex_unlock(&events->lock);
    return counts;
}
