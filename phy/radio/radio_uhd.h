/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_uhd: the inside of radio=uhd, a USRP through UHD's C API:
 *
 *   radio_uhd.c          open, close, start, stop, time
 *   radio_uhd_device.c   finding the device, making it and its streams
 *   radio_uhd_settings.c rate, carrier, gains, clock; what it really does
 *   radio_uhd_rx.c       receiving: gaps found by their timestamps
 *   radio_uhd_tx.c       sending: timed bursts
 *   radio_uhd_watch.c    a thread that drains the device's messages, looks whether it lives, and
 *                        brings it back
 *   radio_uhd_events.c   events and counts
 *
 * The device is used under a read lock.  The watch thread, which sees it die, sets `gone`, takes
 * the write lock, lets it go, and tries again and again with growing pauses; meanwhile receiving
 * looks like a timeout and sending says ERR_CLOSED.
 *
 * Time: the device's clock is set to 0 when it is opened (or at a pulse per second), and a
 * timestamp is that time times the actual sample rate.
 */
#ifndef RADIO_RADIO_UHD_H
#define RADIO_RADIO_UHD_H

#include "radio/radio_backend.h"
#include "radio/radio_uhd_api.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RADIO_UHD_BURSTS = 64, RADIO_UHD_EVENTS = 64, RADIO_UHD_STASH = 4096 };

typedef struct {
    uhd_usrp_handle usrp;
    uhd_rx_streamer_handle rx;
    uhd_tx_streamer_handle tx;
    uhd_rx_metadata_handle rx_metadata;
    uhd_tx_metadata_handle tx_middle, tx_end; /* within a burst; its end */
    uhd_async_metadata_handle async_metadata;
    size_t rx_packet;   /* samples a packet */
    double headroom_db; /* samples are sent so much lower, and the gain is higher */
    char name[32], serial[32];
} radio_uhd_device_t;

typedef struct {
    const radio_uhd_api_t *uhd;
    radio_config_t config;
    char args[256];   /* as given; then as the device was found */
    char text[5][64]; /* copies of the config's strings */
    char serial[32];  /* of the device that was opened */
    int claim;        /* this program's claim on the device */
    radio_actual_t actual;

    pthread_rwlock_t use; /* of `device` */
    radio_uhd_device_t device;
    _Atomic bool gone, stop;
    _Atomic bool started;
    _Atomic uint32_t life;           /* counts the devices we had */
    _Atomic int64_t clock_offset_ns; /* the device's time less the host's */
    pthread_t watch;
    bool watching;

    /* UHD notes each call's error in the streamer, whichever thread calls: sending and asking for
       messages must take turns. */
    pthread_mutex_t tx_lock;

    /* the pulling thread's */
    uint32_t pull_life;
    bool synchronous;                 /* `next` is known */
    bool overflowed, out_of_sequence; /* said by UHD, and the gap not yet seen */
    uint64_t next;
    uint64_t silent_since_ns;
    size_t stash_first, stash_count;
    uint64_t stash_timestamp, stash_lost;
    float complex *stash[RADIO_MAX_ANTENNAS];

    /* the pushing thread's */
    bool in_burst;
    uint32_t push_life;
    uint64_t burst_start, burst_count;
    _Atomic uint64_t busy_until; /* the end of the last burst */

    pthread_mutex_t event_lock;
    radio_event_t events[RADIO_UHD_EVENTS];
    size_t event_first, event_count;
    radio_counts_t counts;
    struct {
        uint64_t timestamp, count;
    } bursts[RADIO_UHD_BURSTS]; /* sent and not yet answered */
    size_t burst_first, burst_queued;
} radio_uhd_t;

/* --- radio_uhd.c --- */
uint64_t radio_uhd_now(void *self);
/* Timestamps to seconds and back. */
void radio_uhd_time(const radio_uhd_t *r, uint64_t timestamp, int64_t *seconds, double *fraction);
uint64_t radio_uhd_timestamp(const radio_uhd_t *r, int64_t seconds, double fraction);
/* True: the read lock is held and the device is there. */
bool radio_uhd_hold(radio_uhd_t *r);
void radio_uhd_let_go(radio_uhd_t *r);

/* --- radio_uhd_device.c --- */
/* `args` becomes those of the device that was found.  ERR_TIMEOUT: there is none. */
int radio_uhd_device_open(radio_uhd_t *r, radio_uhd_device_t *device, radio_actual_t *actual,
                          err_t *err);
void radio_uhd_device_close(const radio_uhd_api_t *uhd, radio_uhd_device_t *device);
/* Asks the device what time it is; -1: it does not answer. */
int radio_uhd_device_look(radio_uhd_t *r);
int radio_uhd_device_stream(radio_uhd_t *r, bool start, double delay_s);

/* Records what UHD said.  -1. */
int radio_uhd_failed(const radio_uhd_t *r, const radio_uhd_device_t *device, err_code_t code,
                     const char *what, err_t *err);

/* --- radio_uhd_settings.c --- */
int radio_uhd_settings_apply(radio_uhd_t *r, radio_uhd_device_t *device, radio_actual_t *actual,
                             err_t *err);
int radio_uhd_settings_gain(void *self, bool tx, double gain_db, double *actual_db, err_t *err);
void radio_uhd_settings_say(const radio_uhd_t *r, radio_uhd_device_t *device,
                            const radio_actual_t *actual);

/* --- radio_uhd_watch.c --- */
int radio_uhd_watch_start(radio_uhd_t *r, err_t *err);
void radio_uhd_watch_stop(radio_uhd_t *r);

/* --- radio_uhd_events.c --- */
void radio_uhd_add_event(radio_uhd_t *r, radio_event_kind_t kind, uint64_t timestamp,
                         uint64_t count);
void radio_uhd_count_gap(radio_uhd_t *r, bool overflow, bool out_of_sequence);
bool radio_uhd_next_event(void *self, radio_event_t *event);
radio_counts_t radio_uhd_counts(void *self);
/* Before its first sample goes, because a late one is answered at once; forget takes that back. */
void radio_uhd_remember_burst(radio_uhd_t *r, uint64_t timestamp, uint64_t count);
void radio_uhd_forget_burst(radio_uhd_t *r);
/* The oldest burst that has no answer yet is done; late: it was not sent. */
void radio_uhd_answer_burst(radio_uhd_t *r, bool late, uint64_t now);

/* --- radio_uhd_rx.c, radio_uhd_tx.c --- */
ssize_t radio_uhd_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                       radio_pull_t *info, err_t *err);
ssize_t radio_uhd_push(void *self, const float complex *const x[], size_t count,
                       const radio_push_t *burst, double timeout_s, err_t *err);
bool radio_uhd_drained(void *self, double timeout_s);

#endif
