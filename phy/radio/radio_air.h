/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_air: the inside of radio=air, a slot in the shared memory of
 * semradio-air: radio_air.c (opening, losing and finding the air), _events.c,
 * _tx.c and _rx.c.
 *
 * The mapping is held under a read lock while it is used.  When the air has
 * gone, whoever notices takes the write lock, lets the mapping go, and from
 * then on every push or pull tries to find a new air of that name.  Of the two
 * locks the mapping's is taken first.
 */
#ifndef RADIO_RADIO_AIR_H
#define RADIO_RADIO_AIR_H

#include "radio/radio_backend.h"
#include "radio/segment.h"

#include <pthread.h>

#define RADIO_AIR_LOOK_S 0.05 /* between two looks whether the air still lives */

typedef struct {
    char name[65];
    double rate_hz, freq_hz;
    float tx_gain, rx_gain;

    pthread_rwlock_t mapping; /* guards segment, slot and gone */
    segment_t segment;
    int slot;
    bool gone;
    _Atomic uint32_t epoch; /* odd: receiving */

    bool send_late; /* what comes too late is sent at once, not dropped */

    /* the pushing thread's */
    bool in_burst;
    uint32_t push_life; /* the air's life the burst began in */

    /* the pulling thread's */
    bool synchronous;    /* the mark of our epoch has passed */
    uint64_t time_base;  /* timestamp = position + time_base */
    uint64_t lost;       /* to be told with the next samples */
    bool discontinuous;
    uint32_t pull_life;

    _Atomic uint32_t life; /* counts the airs we have seen */

    pthread_mutex_t event_lock;
    radio_event_t events[64];
    size_t event_first, event_count;
    uint64_t slot_events_lost; /* as last read from the slot */
    radio_counts_t counts;
} radio_air_t;

/* Bounded waits. */
uint64_t radio_air_deadline(double timeout_s);
double radio_air_seconds_until(uint64_t deadline_ns);

/* Waits for an air until the deadline.  True: the mapping's read lock is held, to be given back
   with pthread_rwlock_unlock. */
bool radio_air_hold(radio_air_t *r, uint64_t deadline_ns);

/* To be called without the lock, after having seen a dead air in this `life`. */
void radio_air_lose(radio_air_t *r, uint32_t life);

/* Looks whether the air lives, and loses it otherwise.  Without the lock. */
bool radio_air_alive(radio_air_t *r);

/* Keeps an event; radio_air_fetch_events also takes those in the slot (the mapping is held). */
void radio_air_add_event(radio_air_t *r, const radio_event_t *event);
void radio_air_fetch_events(radio_air_t *r);

/* to[count] = gain * from[count]; a gain of 1 changes no bit. */
void radio_air_copy(float complex *to, const float complex *from, size_t count, float gain);

/* The backend's functions that are not in radio_air.c. */
bool radio_air_next_event(void *self, radio_event_t *event);
radio_counts_t radio_air_counts(void *self);
ssize_t radio_air_push(void *self, const float complex *const x[], size_t count,
                       const radio_push_t *burst, double timeout_s, err_t *err);
bool radio_air_drained(void *self, double timeout_s);
ssize_t radio_air_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                       radio_pull_t *info, err_t *err);

#endif
