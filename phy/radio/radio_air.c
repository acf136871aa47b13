/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_air.h"

#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double radio_air_seconds_until(uint64_t deadline_ns)
{
    const uint64_t now = clock_now_ns();
    return now >= deadline_ns ? 0.0 : 1e-9 * (double)(deadline_ns - now);
}

uint64_t radio_air_deadline(double timeout_s)
{
    return clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
}

void radio_air_copy(float complex *to, const float complex *from, size_t count, float gain)
{
    if (gain == 1.0f) {
        memcpy(to, from, count * sizeof *to);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        to[i] = gain * from[i];
    }
}

static int attach(radio_air_t *r, err_t *err)
{
    if (segment_attach(&r->segment, r->name, err) < 0) {
        return -1;
    }
    if (fabs(r->segment.rate_hz - r->rate_hz) > 1e-6 * r->rate_hz) {
        err_set(err, ERR_UNSUPPORTED, "the air \"%s\" runs at %g samples/s, radio.rate_hz asks for %g",
                r->name, r->segment.rate_hz, r->rate_hz);
        segment_detach(&r->segment);
        return -1;
    }
    r->slot = segment_claim(&r->segment, err);
    if (r->slot < 0) {
        segment_detach(&r->segment);
        return -1;
    }
    segment_slot_t *slot = &r->segment.header->slot[r->slot];
    atomic_store(&slot->freq_bits, segment_bits(r->freq_hz));
    atomic_store(&slot->tx_freq_bits, segment_bits(r->freq_hz));
    atomic_store(&slot->epoch, atomic_load(&r->epoch));
    atomic_store(&slot->state, SLOT_ATTACHED);
    wake_signal(&r->segment.header->air);
    r->slot_events_lost = 0;
    r->gone = false;
    atomic_fetch_add(&r->life, 1);
    return 0;
}

/* Called without the mapping's lock by a thread that saw a dead air in this `life`. */
void radio_air_lose(radio_air_t *r, uint32_t life)
{
    pthread_rwlock_wrlock(&r->mapping);
    if (!r->gone && atomic_load(&r->life) == life) {
        const uint64_t now = atomic_load(&r->segment.header->now);
        radio_air_fetch_events(r);
        radio_air_add_event(r, &(radio_event_t){RADIO_EVENT_DEVICE_GONE, now, 0});
        segment_detach(&r->segment);
        r->gone = true;
    }
    pthread_rwlock_unlock(&r->mapping);
}

/* Looks whether the air lives; for callers that hold nothing. */
bool radio_air_alive(radio_air_t *r)
{
    pthread_rwlock_rdlock(&r->mapping);
    const uint32_t life = atomic_load(&r->life);
    const bool was_there = !r->gone;
    const bool lives = was_there && segment_air_lives(&r->segment);
    pthread_rwlock_unlock(&r->mapping);
    if (was_there && !lives) {
        radio_air_lose(r, life);
    }
    return lives;
}

/* One try.  True when there is an air (again). */
static bool find(radio_air_t *r)
{
    pthread_rwlock_wrlock(&r->mapping);
    bool found = !r->gone;
    if (!found && attach(r, NULL) == 0) {
        const uint64_t now = atomic_load(&r->segment.header->now);
        radio_air_add_event(r, &(radio_event_t){RADIO_EVENT_DEVICE_BACK, now, 0});
        found = true;
    }
    pthread_rwlock_unlock(&r->mapping);
    return found;
}

/* Tries until the deadline; returns with the mapping's read lock, or false without. */
bool radio_air_hold(radio_air_t *r, uint64_t deadline_ns)
{
    for (;;) {
        pthread_rwlock_rdlock(&r->mapping);
        if (!r->gone) {
            return true;
        }
        pthread_rwlock_unlock(&r->mapping);
        if (!find(r)) {
            const double left = radio_air_seconds_until(deadline_ns);
            if (left <= 0.0) {
                return false;
            }
            clock_sleep_s(fmin(left, RADIO_AIR_LOOK_S));
        }
    }
}

static void air_close(void *self)
{
    radio_air_t *r = self;
    if (!r->gone) {
        segment_release(&r->segment, r->slot);
        segment_detach(&r->segment);
    }
    pthread_rwlock_destroy(&r->mapping);
    pthread_mutex_destroy(&r->event_lock);
    free(r);
}

static void *air_open(const radio_config_t *config, radio_actual_t *actual, err_t *err)
{
    if (segment_check_name(config->address, err) < 0) {
        err_prefix(err, "radio.address");
        return NULL;
    }
    radio_air_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a radio");
        return NULL;
    }
    strcpy(r->name, config->address); /* its length was checked */
    r->rate_hz = config->rate_hz;
    r->freq_hz = config->freq_hz;
    r->tx_gain = (float)pow(10.0, config->tx_gain_db / 20.0);
    r->rx_gain = (float)pow(10.0, config->rx_gain_db / 20.0);
    pthread_rwlock_init(&r->mapping, NULL);
    pthread_mutex_init(&r->event_lock, NULL);
    const uint64_t deadline = radio_air_deadline(config->timeout_s);
    err_t why = ERR_INIT;
    while (attach(r, &why) < 0) {
        const double left = radio_air_seconds_until(deadline);
        if (why.code != ERR_TIMEOUT || left <= 0.0) {
            if (why.code == ERR_TIMEOUT && config->timeout_s > 0.0) {
                err_prefix(&why, "waited %g s", config->timeout_s);
            }
            err_set(err, why.code, "%s", why.text);
            r->gone = true;
            air_close(r);
            return NULL;
        }
        clock_sleep_s(fmin(left, RADIO_AIR_LOOK_S));
    }
    *actual = (radio_actual_t){r->segment.rate_hz, config->freq_hz, config->tx_gain_db,
                               config->rx_gain_db};
    return r;
}

static void tell_epoch(radio_air_t *r)
{
    pthread_rwlock_rdlock(&r->mapping);
    if (!r->gone) {
        atomic_store(&r->segment.header->slot[r->slot].epoch, atomic_load(&r->epoch));
        wake_signal(&r->segment.header->air);
    }
    pthread_rwlock_unlock(&r->mapping);
}

static int air_start(void *self, err_t *err)
{
    radio_air_t *r = self;
    if (atomic_load(&r->epoch) % 2 == 1) {
        return err_set(err, ERR_STATE, "the radio is already receiving");
    }
    atomic_fetch_add(&r->epoch, 1);
    r->synchronous = false;
    r->lost = 0;
    tell_epoch(r);
    return 0;
}

static int air_stop(void *self, err_t *err)
{
    (void)err;
    radio_air_t *r = self;
    if (atomic_load(&r->epoch) % 2 == 1) {
        atomic_fetch_add(&r->epoch, 1);
        tell_epoch(r);
    }
    return 0;
}

static uint64_t air_now(void *self)
{
    radio_air_t *r = self;
    pthread_rwlock_rdlock(&r->mapping);
    const uint64_t now = r->gone ? 0 : atomic_load(&r->segment.header->now);
    pthread_rwlock_unlock(&r->mapping);
    return now;
}

static int air_set_gain(void *self, bool tx, double gain_db, double *actual_db, err_t *err)
{
    radio_air_t *r = self;
    (void)err;
    *(tx ? &r->tx_gain : &r->rx_gain) = (float)pow(10.0, gain_db / 20.0);
    *actual_db = gain_db;
    return 0;
}

const radio_backend_t radio_backend_air = {
    .name = "air",
    .open = air_open,
    .close = air_close,
    .start = air_start,
    .stop = air_stop,
    .push = radio_air_push,
    .pull = radio_air_pull,
    .next_event = radio_air_next_event,
    .counts = radio_air_counts,
    .now = air_now,
    .set_gain = air_set_gain,
    .drained = radio_air_drained,
};
