/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_air.h"

/* ---- events ---- */

static void keep_event(radio_air_t *r, const radio_event_t *event)
{
    enum { SIZE = sizeof r->events / sizeof r->events[0] };
    switch (event->kind) {
    case RADIO_EVENT_OVERFLOW:
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
    if (r->event_count == SIZE) {
        r->counts.events_lost++;
        return;
    }
    r->events[(r->event_first + r->event_count++) % SIZE] = *event;
}

void radio_air_add_event(radio_air_t *r, const radio_event_t *event)
{
    pthread_mutex_lock(&r->event_lock);
    keep_event(r, event);
    pthread_mutex_unlock(&r->event_lock);
}

void radio_air_fetch_events(radio_air_t *r)
{
    pthread_mutex_lock(&r->event_lock);
    segment_slot_t *slot = &r->segment.header->slot[r->slot];
    segment_event_t event;
    /* Bounded: a hostile writer could go on for ever. */
    for (int i = 0; i < SEGMENT_EVENTS && segment_event_pop(slot, &event); i++) {
        if (event.kind <= RADIO_EVENT_PEER_DIED) {
            keep_event(r, &(radio_event_t){(radio_event_kind_t)event.kind, event.timestamp,
                                           event.count});
        }
    }
    const uint64_t lost = atomic_load(&slot->events_lost);
    r->counts.events_lost += lost - r->slot_events_lost;
    r->slot_events_lost = lost;
    pthread_mutex_unlock(&r->event_lock);
}

static void gather_events(radio_air_t *r)
{
    pthread_rwlock_rdlock(&r->mapping);
    if (!r->gone) {
        radio_air_fetch_events(r);
    }
    pthread_rwlock_unlock(&r->mapping);
}

static bool take_event(radio_air_t *r, radio_event_t *event)
{
    pthread_mutex_lock(&r->event_lock);
    const bool some = r->event_count > 0;
    if (some) {
        *event = r->events[r->event_first];
        r->event_first = (r->event_first + 1) % (sizeof r->events / sizeof r->events[0]);
        r->event_count--;
    }
    pthread_mutex_unlock(&r->event_lock);
    return some;
}

bool radio_air_next_event(void *self, radio_event_t *event)
{
    radio_air_t *r = self;
    gather_events(r);
    return take_event(r, event) || (!radio_air_alive(r) && take_event(r, event));
}

radio_counts_t radio_air_counts(void *self)
{
    radio_air_t *r = self;
    gather_events(r);
    pthread_mutex_lock(&r->event_lock);
    const radio_counts_t counts = r->counts;
    pthread_mutex_unlock(&r->event_lock);
    return counts;
}
