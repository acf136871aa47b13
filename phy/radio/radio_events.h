/* SPDX-License-Identifier: GPL-3.0-or-later */
/* radio_events: a radio's queue of events and its counts, for backends.  Any thread, any call. */
#ifndef RADIO_RADIO_EVENTS_H
#define RADIO_RADIO_EVENTS_H

#include "radio/radio.h"

#include <pthread.h>

typedef struct {
    pthread_mutex_t lock;
    radio_event_t events[64];
    size_t first, count;
    radio_counts_t counts;
} radio_events_t;

void radio_events_init(radio_events_t *events);
void radio_events_free(radio_events_t *events);

/* Keeps it (or counts it as lost when the queue is full) and counts what it tells. */
void radio_events_add(radio_events_t *events, radio_event_kind_t kind, uint64_t timestamp,
                      uint64_t count);
/* One more message that was not what it should be. */
void radio_events_malformed(radio_events_t *events);

bool radio_events_next(radio_events_t *events, radio_event_t *event);
radio_counts_t radio_events_counts(radio_events_t *events);

#endif
