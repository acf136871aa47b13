/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_service.h"

#include "clock.h"
#include "log.h"
#include "program.h"

#include <math.h>

static radio_t *open_patiently(const radio_config_t *config, err_t *err)
{
    uint64_t deadline = clock_now_ns() + (uint64_t)(config->timeout_s * 1e9);
    radio_config_t attempt = *config;
    for (int tries = 0;; tries++) {
        double left = ((double)deadline - (double)clock_now_ns()) * 1e-9;
        attempt.timeout_s = fmax(0.0, fmin(left, 0.25));
        err_t why = ERR_INIT;
        radio_t *radio = radio_open(&attempt, &why);
        if (radio != NULL) {
            return radio;
        }
        if (why.code != ERR_TIMEOUT || left <= 0.25) {
            *err = why;
            return NULL;
        }
        if (program_stopped(0)) {
            err_set(err, ERR_CLOSED, "stopped while waiting for radio %s:%s", config->backend,
                    config->address);
            return NULL;
        }
        if (tries == 1) {
            log_info("waiting up to %.0f s for radio %s:%s", config->timeout_s, config->backend,
                     config->address);
        }
    }
}

static void log_side(const char *name, const correction_side_t *side, double freq_hz)
{
    if (!side->known) {
        return;
    }
    log_info("%s corrected as calibrated %s: DC %.1f dBFS, image %.1f dBc", name, side->date,
             20.0 * log10(cabs(side->dc)), 20.0 * log10(cabs(side->image)));
    if (fabs(side->freq_hz - freq_hz) > 10e6) {
        log_warn("that was measured at %.6g MHz: DC and image may be others here",
                 side->freq_hz * 1e-6);
    }
}

static void log_correction(const correction_t *correction, double freq_hz)
{
    if (correction != NULL) {
        log_info("calibration %s", correction->path);
        log_side("receiving", &correction->rx, freq_hz);
        log_side("sending", &correction->tx, freq_hz);
    }
}

radio_t *radio_service_open(const radio_config_t *config, err_t *err)
{
    radio_t *radio = open_patiently(config, err);
    if (radio == NULL) {
        return NULL;
    }
    double rate = radio_rate_hz(radio);
    if (!(fabs(rate / config->rate_hz - 1.0) < 1e-3)) {
        err_set(err, ERR_UNSUPPORTED, "radio %s:%s runs at %.6g S/s, not at %.6g", config->backend,
                config->address, rate, config->rate_hz);
        radio_close(radio);
        return NULL;
    }
    log_info("radio %s:%s, %.6g MS/s, %.6g MHz", config->backend, config->address, rate * 1e-6,
             radio_freq_hz(radio) * 1e-6);
    log_correction(radio_correction(radio), radio_freq_hz(radio));
    return radio;
}

static void log_event(const radio_event_t *event)
{
    unsigned long long count = event->count;
    switch (event->kind) {
    case RADIO_EVENT_OVERFLOW:
        log_warn("O: %llu samples lost, pulled too slowly", count);
        break;
    case RADIO_EVENT_LATE:
        log_warn("L: a burst of %llu samples came too late and was not sent", count);
        break;
    case RADIO_EVENT_UNDERFLOW:
        log_warn("U: a hole in a burst, pushed too slowly");
        break;
    case RADIO_EVENT_PEER_JOINED:
    case RADIO_EVENT_PEER_LEFT:
        log_info("radio %llu %s", count,
                 event->kind == RADIO_EVENT_PEER_LEFT ? "left the air" : "is on the same air");
        break;
    case RADIO_EVENT_PEER_DIED:
        log_warn("radio %llu died without closing", count);
        break;
    case RADIO_EVENT_DEVICE_GONE:
        log_warn("the radio is gone (did the program at the other end stop, or was it unplugged?); "
                 "waiting until it is back");
        break;
    case RADIO_EVENT_DEVICE_BACK:
        log_info("the radio is back");
        break;
    case RADIO_EVENT_GAP:
        log_warn("D: %llu samples lost on their way from the radio", count);
        break;
    }
}

/* Malformed messages raise no event: a hostile sender could fill the queue with them. */
static void log_malformed(radio_t *radio)
{
    static uint64_t told;
    static log_limit_t limit;
    uint64_t more;
    const uint64_t count = radio_counts(radio).malformed;
    if (count > told && log_limit_allow(&limit, 1.0, &more)) {
        log_warn("%llu messages were not what they should be (cf32 samples) and were ignored",
                 (unsigned long long)(count - told));
        told = count;
    }
}

static void (*tell_event)(void *context, const radio_event_t *event);
static void *tell_context;

void radio_service_on_event(void (*tell)(void *context, const radio_event_t *event), void *context)
{
    tell_event = tell;
    tell_context = context;
}

bool radio_service_log_events(radio_t *radio)
{
    log_malformed(radio);
    bool gone = false;
    static log_limit_t limits[RADIO_EVENT_GAP + 1];
    radio_event_t event;
    for (int i = 0; i < 64 && radio_next_event(radio, &event); i++) {
        uint64_t more = 0;
        if (tell_event != NULL) {
            tell_event(tell_context, &event);
        }
        gone = gone || event.kind == RADIO_EVENT_DEVICE_GONE;
        if (log_limit_allow(&limits[event.kind], 1.0, &more)) {
            log_event(&event);
            if (more > 0) {
                log_info("(and %llu more %s events since the last line)", (unsigned long long)more,
                         radio_event_name(event.kind));
            }
        }
    }
    return gone;
}
