/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The thread that drains the device's messages about sending, asks it now and then what time it
   is, and when it does not answer lets it go and finds it again. */
#include "radio/radio_uhd.h"

#include "clock.h"
#include "log.h"
#include "program.h"

#include <math.h>

static const double MESSAGES_S = 0.005;                    /* between two looks for messages */
static const double LOOK_S = 0.2;                          /* between two questions */
static const double PAUSE_S = 0.05, LONGEST_PAUSE_S = 0.4; /* between two tries to find it */

static void note_message(radio_uhd_t *r)
{
    uhd_async_metadata_event_code_t code = 0;
    (void)r->uhd->async_metadata_event_code(r->device.async_metadata, &code);
    const uint64_t now = radio_uhd_now(r);
    switch (code) {
    case UHD_ASYNC_METADATA_EVENT_CODE_BURST_ACK:
        radio_uhd_answer_burst(r, false, now);
        break;
    case UHD_ASYNC_METADATA_EVENT_CODE_TIME_ERROR:
        radio_uhd_answer_burst(r, true, now);
        break;
    case UHD_ASYNC_METADATA_EVENT_CODE_UNDERFLOW:
    case UHD_ASYNC_METADATA_EVENT_CODE_UNDERFLOW_IN_PACKET:
    case UHD_ASYNC_METADATA_EVENT_CODE_SEQ_ERROR:
    case UHD_ASYNC_METADATA_EVENT_CODE_SEQ_ERROR_IN_BURST:
        radio_uhd_answer_burst(r, false, now); /* its rest is dropped, see radio_uhd_device.c */
        radio_uhd_add_event(r, RADIO_EVENT_UNDERFLOW, now, 0);
        break;
    default:
        break;
    }
}

static void drain(radio_uhd_t *r)
{
    bool valid = true;
    while (valid) {
        pthread_mutex_lock(&r->tx_lock);
        valid = r->uhd->tx_streamer_recv_async_msg(r->device.tx, &r->device.async_metadata, 0.0,
                                                   &valid) == UHD_ERROR_NONE &&
                valid;
        pthread_mutex_unlock(&r->tx_lock);
        if (valid) {
            note_message(r);
        }
    }
}

/* The device is ours alone: everybody else stays away from one that has gone. */
static void lose(radio_uhd_t *r)
{
    const uint64_t now = radio_uhd_now(r);
    atomic_store(&r->gone, true);
    pthread_rwlock_wrlock(&r->use);
    radio_uhd_add_event(r, RADIO_EVENT_DEVICE_GONE, now, 0);
    radio_uhd_device_close(r->uhd, &r->device);
    pthread_rwlock_unlock(&r->use);
}

static bool find(radio_uhd_t *r)
{
    err_t why = ERR_INIT;
    radio_actual_t actual;
    pthread_rwlock_wrlock(&r->use);
    bool found = radio_uhd_device_open(r, &r->device, &actual, &why) == 0;
    if (found && radio_uhd_device_look(r) < 0) {
        radio_uhd_device_close(r->uhd, &r->device);
        found = false;
    }
    if (found) {
        atomic_store(&r->busy_until, 0);
        atomic_fetch_add(&r->life, 1);
        if (atomic_load(&r->started)) {
            (void)radio_uhd_device_stream(r, true, 0.0);
        }
        radio_uhd_add_event(r, RADIO_EVENT_DEVICE_BACK, 0, 0);
        atomic_store(&r->gone, false);
    }
    pthread_rwlock_unlock(&r->use);
    return found;
}

static void bring_back(radio_uhd_t *r)
{
    double pause_s = PAUSE_S;
    while (!atomic_load(&r->stop) && !find(r)) {
        for (double slept_s = 0; slept_s < pause_s && !atomic_load(&r->stop); slept_s += PAUSE_S) {
            clock_sleep_s(PAUSE_S);
        }
        pause_s = fmin(1.5 * pause_s, LONGEST_PAUSE_S);
    }
}

static void *watch(void *context)
{
    radio_uhd_t *r = context;
    program_name_thread("uhd-watch");
    if (r->uhd->set_thread_priority(0.5f, true) != UHD_ERROR_NONE) {
        log_warn("no real-time priority for the radio's threads (see ulimit -r): a busy machine "
                 "may lose samples");
    }
    uint64_t look_ns = clock_now_ns();
    while (!atomic_load(&r->stop)) {
        bool lives = true;
        drain(r);
        clock_sleep_s(MESSAGES_S);
        const uint64_t now_ns = clock_now_ns();
        if (1e-9 * (double)(now_ns - look_ns) >= LOOK_S) {
            lives = radio_uhd_device_look(r) == 0;
            look_ns = now_ns;
        }
        if (!lives) {
            lose(r);
            bring_back(r);
        }
    }
    return NULL;
}

int radio_uhd_watch_start(radio_uhd_t *r, err_t *err)
{
    const int failure = pthread_create(&r->watch, NULL, watch, r);
    if (failure != 0) {
        return err_set_errno(err, failure, "cannot start a thread");
    }
    r->watching = true;
    return 0;
}

void radio_uhd_watch_stop(radio_uhd_t *r)
{
    if (r->watching) {
        atomic_store(&r->stop, true);
        pthread_join(r->watch, NULL);
        r->watching = false;
    }
}
