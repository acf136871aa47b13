/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio=air: a slot in the shared memory of semradio-air.
 *
 * The mapping is held under a read lock while it is used.  When the air has
 * gone, whoever notices takes the write lock, lets the mapping go, and from
 * then on every push or pull tries to find a new air of that name.
 */
#include "radio/radio_backend.h"
#include "radio/segment.h"

#include "clock.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const double LOOK_S = 0.05; /* between two looks whether the air still lives */

typedef struct {
    char name[65];
    double rate_hz, freq_hz;
    float tx_gain, rx_gain;

    pthread_rwlock_t mapping; /* guards segment, slot and gone */
    segment_t segment;
    int slot;
    bool gone;
    _Atomic uint32_t epoch; /* odd: receiving */

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

static double seconds_until(uint64_t deadline_ns)
{
    const uint64_t now = clock_now_ns();
    return now >= deadline_ns ? 0.0 : 1e-9 * (double)(deadline_ns - now);
}

static uint64_t deadline_after(double timeout_s)
{
    return clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
}

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

static void add_event(radio_air_t *r, radio_event_kind_t kind, uint64_t timestamp, uint64_t count)
{
    pthread_mutex_lock(&r->event_lock);
    keep_event(r, &(radio_event_t){kind, timestamp, count});
    pthread_mutex_unlock(&r->event_lock);
}

/* From the slot into our own list.  The mapping and the event lock are held. */
static void fetch_events(radio_air_t *r)
{
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
}

static void gather_events(radio_air_t *r)
{
    pthread_rwlock_rdlock(&r->mapping);
    pthread_mutex_lock(&r->event_lock);
    if (!r->gone) {
        fetch_events(r);
    }
    pthread_mutex_unlock(&r->event_lock);
    pthread_rwlock_unlock(&r->mapping);
}

static radio_counts_t air_counts(void *self)
{
    radio_air_t *r = self;
    gather_events(r);
    pthread_mutex_lock(&r->event_lock);
    const radio_counts_t counts = r->counts;
    pthread_mutex_unlock(&r->event_lock);
    return counts;
}

/* ---- attaching, losing and finding the air ---- */

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
    atomic_store(&slot->epoch, atomic_load(&r->epoch));
    atomic_store(&slot->state, SLOT_ATTACHED);
    wake_signal(&r->segment.header->air);
    r->slot_events_lost = 0;
    r->gone = false;
    atomic_fetch_add(&r->life, 1);
    return 0;
}

/* Called without the mapping's lock by a thread that saw a dead air in this `life`. */
static void lose(radio_air_t *r, uint32_t life)
{
    pthread_rwlock_wrlock(&r->mapping);
    if (!r->gone && atomic_load(&r->life) == life) {
        const uint64_t now = atomic_load(&r->segment.header->now);
        pthread_mutex_lock(&r->event_lock);
        fetch_events(r);
        keep_event(r, &(radio_event_t){RADIO_EVENT_DEVICE_GONE, now, 0});
        pthread_mutex_unlock(&r->event_lock);
        segment_detach(&r->segment);
        r->gone = true;
    }
    pthread_rwlock_unlock(&r->mapping);
}

/* Looks whether the air lives; for callers that hold nothing. */
static bool alive(radio_air_t *r)
{
    pthread_rwlock_rdlock(&r->mapping);
    const uint32_t life = atomic_load(&r->life);
    const bool was_there = !r->gone;
    const bool lives = was_there && segment_air_lives(&r->segment);
    pthread_rwlock_unlock(&r->mapping);
    if (was_there && !lives) {
        lose(r, life);
    }
    return lives;
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

static bool air_next_event(void *self, radio_event_t *event)
{
    radio_air_t *r = self;
    gather_events(r);
    return take_event(r, event) || (!alive(r) && take_event(r, event));
}

/* One try.  True when there is an air (again). */
static bool find(radio_air_t *r)
{
    pthread_rwlock_wrlock(&r->mapping);
    bool found = !r->gone;
    if (!found && attach(r, NULL) == 0) {
        add_event(r, RADIO_EVENT_DEVICE_BACK, atomic_load(&r->segment.header->now), 0);
        found = true;
    }
    pthread_rwlock_unlock(&r->mapping);
    return found;
}

/* Tries until the deadline; returns with the mapping's read lock, or false without. */
static bool hold(radio_air_t *r, uint64_t deadline_ns)
{
    for (;;) {
        pthread_rwlock_rdlock(&r->mapping);
        if (!r->gone) {
            return true;
        }
        pthread_rwlock_unlock(&r->mapping);
        if (!find(r)) {
            const double left = seconds_until(deadline_ns);
            if (left <= 0.0) {
                return false;
            }
            clock_sleep_s(fmin(left, LOOK_S));
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
    const uint64_t deadline = deadline_after(config->timeout_s);
    err_t why = ERR_INIT;
    while (attach(r, &why) < 0) {
        const double left = seconds_until(deadline);
        if (why.code != ERR_TIMEOUT || left <= 0.0) {
            if (why.code == ERR_TIMEOUT && config->timeout_s > 0.0) {
                err_prefix(&why, "waited %g s", config->timeout_s);
            }
            err_set(err, why.code, "%s", why.text);
            r->gone = true;
            air_close(r);
            return NULL;
        }
        clock_sleep_s(fmin(left, LOOK_S));
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

/* ---- sending ---- */

static void copy_scaled(float complex *to, const float complex *from, size_t count, float gain)
{
    if (gain == 1.0f) {
        memcpy(to, from, count * sizeof *to);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        to[i] = gain * from[i];
    }
}

static void into_ring(radio_air_t *r, const float complex *x, size_t count)
{
    const uint64_t size = r->segment.tx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].tx;
    const size_t at = (size_t)(atomic_load(&ring->head) & (size - 1));
    const size_t first = count < size - at ? count : (size_t)(size - at);
    copy_scaled(r->segment.tx[r->slot] + at, x, first, r->tx_gain);
    copy_scaled(r->segment.tx[r->slot], x + first, count - first, r->tx_gain);
}

/* Waits for `room` samples (at most half the ring) and two marks.  The room there is; 0: time is up. */
static uint64_t wait_room(radio_air_t *r, uint64_t room, uint64_t deadline_ns, bool *dead)
{
    const uint64_t size = r->segment.tx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].tx;
    const uint64_t want = room < size / 2 ? room : size / 2;
    for (;;) {
        atomic_store(&ring->want_room, want);
        const uint32_t ticket = wake_prepare(&ring->writable);
        const uint64_t is = segment_room(ring, size);
        const double left = seconds_until(deadline_ns);
        const bool enough = is != UINT64_MAX && is >= want && segment_mark_room(ring, 2);
        if (!enough && left > 0.0) {
            wake_wait(&ring->writable, ticket, fmin(left, LOOK_S));
        }
        wake_done(&ring->writable);
        if (enough) {
            return is;
        }
        *dead = is == UINT64_MAX || !segment_air_lives(&r->segment);
        if (*dead || left <= 0.0) {
            return *dead || !segment_mark_room(ring, 2) ? 0 : is;
        }
    }
}

static int check_burst(radio_air_t *r, const radio_push_t *burst, err_t *err)
{
    const uint64_t now = atomic_load(&r->segment.header->now);
    if (r->in_burst && r->push_life != atomic_load(&r->life)) {
        r->in_burst = false; /* the rest of a burst that went down with its air */
        if (!burst->start) {
            return err_set(err, ERR_CLOSED, "this burst was lost with the air \"%s\"", r->name);
        }
    }
    if (burst->start == r->in_burst) {
        return err_set(err, ERR_STATE, r->in_burst ? "a burst begins within a burst"
                                                   : "samples outside a burst");
    }
    if (burst->start && burst->timestamp != RADIO_ASAP && burst->timestamp > now &&
        (double)(burst->timestamp - now) > RADIO_MAX_AHEAD_S * r->rate_hz) {
        return err_set(err, ERR_ARGUMENT, "a burst is timed %.1f s ahead, more than %g s",
                       (double)(burst->timestamp - now) / r->rate_hz, RADIO_MAX_AHEAD_S);
    }
    return 0;
}

/* All or as much as there is room for until the deadline.  The mapping is held. */
static ssize_t push_samples(radio_air_t *r, const float complex *x, size_t count,
                            const radio_push_t *burst, uint64_t deadline_ns, bool *dead)
{
    segment_ring_t *ring = &r->segment.header->slot[r->slot].tx;
    bool start = burst->start;
    size_t done = 0;
    do {
        const size_t left = count - done;
        const uint64_t room = wait_room(r, left, deadline_ns, dead);
        if (*dead || (room == 0 && (left > 0 || !segment_mark_room(ring, 2)))) {
            break;
        }
        const size_t n = left < room ? left : (size_t)room;
        const uint64_t head = atomic_load(&ring->head);
        into_ring(r, x + done, n);
        if (start) {
            segment_mark_push(ring, &(mark_t){head, burst->timestamp, 0, MARK_START});
            start = false;
            r->in_burst = true;
            r->push_life = atomic_load(&r->life);
        }
        done += n;
        if (done == count && burst->end) {
            segment_mark_push(ring, &(mark_t){head + n, 0, 0, MARK_END});
            r->in_burst = false;
        }
        segment_written(ring, n);
        wake_signal(&r->segment.header->air);
        if (done == count) {
            return (ssize_t)done;
        }
    } while (seconds_until(deadline_ns) > 0.0);
    return done > 0 ? (ssize_t)done : -1;
}

static ssize_t air_push(void *self, const float complex *const x[], size_t count,
                        const radio_push_t *burst, double timeout_s, err_t *err)
{
    radio_air_t *r = self;
    const uint64_t deadline = deadline_after(timeout_s);
    if (!hold(r, deadline)) {
        return err_set(err, ERR_CLOSED, "the air \"%s\" has gone", r->name);
    }
    const uint32_t life = atomic_load(&r->life);
    bool dead = !segment_air_lives(&r->segment);
    ssize_t pushed = dead ? -1 : check_burst(r, burst, err);
    if (pushed == 0) {
        pushed = push_samples(r, x != NULL ? x[0] : NULL, count, burst, deadline, &dead);
        if (pushed < 0 && !dead) {
            err_set(err, ERR_TIMEOUT, "the air \"%s\" took no sample within %g s", r->name,
                    timeout_s);
        }
    }
    pthread_rwlock_unlock(&r->mapping);
    if (dead) {
        lose(r, life);
        return err_set(err, ERR_CLOSED, "the air \"%s\" has gone", r->name);
    }
    return pushed;
}

static bool air_drained(void *self, double timeout_s)
{
    radio_air_t *r = self;
    const uint64_t deadline = deadline_after(timeout_s);
    for (;;) {
        pthread_rwlock_rdlock(&r->mapping);
        bool empty = r->gone;
        if (!empty) {
            segment_ring_t *ring = &r->segment.header->slot[r->slot].tx;
            empty = segment_filled(ring, r->segment.tx_samples) == 0 &&
                    atomic_load(&ring->mark_head) == atomic_load(&ring->mark_tail);
        }
        pthread_rwlock_unlock(&r->mapping);
        const double left = seconds_until(deadline);
        if (empty || left <= 0.0) {
            return empty;
        }
        (void)alive(r); /* with a dead air all is dropped, and `gone` next time */
        clock_sleep_s(fmin(left, 0.001));
    }
}

/* ---- receiving ---- */

static void from_ring(radio_air_t *r, float complex *x, size_t count)
{
    const uint64_t size = r->segment.rx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].rx;
    const size_t at = (size_t)(atomic_load(&ring->tail) & (size - 1));
    const size_t first = count < size - at ? count : (size_t)(size - at);
    copy_scaled(x, r->segment.rx[r->slot] + at, first, r->rx_gain);
    copy_scaled(x + first, r->segment.rx[r->slot], count - first, r->rx_gain);
}

static void take_mark(radio_air_t *r, const mark_t *mark)
{
    r->time_base = mark->timestamp - mark->position;
    if (mark->kind == MARK_FRESH) {
        r->synchronous = mark->value == atomic_load(&r->epoch);
        r->discontinuous = true;
        r->lost = 0;
    } else if (mark->kind == MARK_GAP && r->synchronous) {
        r->discontinuous = true;
        r->lost += mark->value;
        add_event(r, RADIO_EVENT_OVERFLOW, mark->timestamp, mark->value);
    }
}

/*
 * The samples that may be read in one piece now, past all marks at the tail.
 * `*closed`: no more can follow them before they are read.  -1: nonsense.
 */
static int64_t readable(radio_air_t *r, bool *closed)
{
    const uint64_t size = r->segment.rx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].rx;
    for (;;) {
        const uint64_t filled = segment_filled(ring, size);
        const uint64_t tail = atomic_load(&ring->tail);
        mark_t mark;
        const bool marked = segment_mark_peek(ring, &mark);
        if (filled == UINT64_MAX || (marked && mark.position - tail > size)) {
            return -1;
        }
        if (marked && mark.position == tail) {
            take_mark(r, &mark);
            segment_mark_pop(ring);
            continue;
        }
        const uint64_t until = marked ? mark.position - tail : UINT64_MAX;
        const uint64_t ready = filled < until ? filled : until;
        if (!r->synchronous && ready > 0) { /* left from before the start */
            segment_read(ring, ready, size);
            continue;
        }
        *closed = filled >= until;
        return (int64_t)ready;
    }
}

/* Waits until `count` samples, or a mark, are there.  How many to read; -1: nonsense. */
static int64_t wait_samples(radio_air_t *r, size_t count, uint64_t deadline_ns, bool *dead)
{
    const uint64_t size = r->segment.rx_samples;
    segment_ring_t *ring = &r->segment.header->slot[r->slot].rx;
    const uint64_t want = count < size / 2 ? count : size / 2;
    for (;;) {
        bool closed = false;
        uint32_t ticket = wake_prepare(&ring->readable);
        int64_t ready = readable(r, &closed);
        atomic_store(&ring->want_head, atomic_load(&ring->tail) + want);
        if (ready >= 0 && (uint64_t)ready < want && !closed) {
            ready = readable(r, &closed); /* again, now that the want is known */
        }
        const bool enough = ready < 0 || (uint64_t)ready >= want || (closed && ready > 0);
        const double left = seconds_until(deadline_ns);
        if (!enough && left > 0.0) {
            wake_wait(&ring->readable, ticket, fmin(left, LOOK_S));
        }
        wake_done(&ring->readable);
        if (enough || left <= 0.0) {
            *dead = ready <= 0 && !segment_air_lives(&r->segment);
            return ready;
        }
        if (!segment_air_lives(&r->segment)) {
            ready = readable(r, &closed); /* what it still sent */
            *dead = ready <= 0;
            return ready;
        }
    }
}

static ssize_t air_pull(void *self, float complex *const x[], size_t count, double timeout_s,
                        radio_pull_t *info, err_t *err)
{
    radio_air_t *r = self;
    const uint64_t deadline = deadline_after(timeout_s);
    *info = (radio_pull_t){.timestamp = 0};
    if (atomic_load(&r->epoch) % 2 == 0) {
        return err_set(err, ERR_STATE, "the radio is not receiving: radio_start first");
    }
    if (!hold(r, deadline)) {
        return 0;
    }
    const uint32_t life = atomic_load(&r->life);
    if (r->pull_life != life) { /* another air: the mark of our epoch comes first */
        r->pull_life = life;
        r->synchronous = false;
    }
    bool dead = false;
    const int64_t ready = wait_samples(r, count, deadline, &dead);
    const size_t n = ready <= 0 ? 0 : (uint64_t)ready < count ? (size_t)ready : count;
    if (n > 0) {
        segment_ring_t *ring = &r->segment.header->slot[r->slot].rx;
        *info = (radio_pull_t){atomic_load(&ring->tail) + r->time_base, r->lost, r->discontinuous};
        r->lost = 0;
        r->discontinuous = false;
        from_ring(r, x[0], n);
        segment_read(ring, n, r->segment.rx_samples);
        wake_signal(&r->segment.header->air);
    }
    pthread_rwlock_unlock(&r->mapping);
    if (dead) {
        lose(r, life);
        return 0;
    }
    if (ready < 0) {
        return err_set(err, ERR_FORMAT, "the shared memory of the air \"%s\" is damaged", r->name);
    }
    return (ssize_t)n;
}

const radio_backend_t radio_backend_air = {
    .name = "air",
    .open = air_open,
    .close = air_close,
    .start = air_start,
    .stop = air_stop,
    .push = air_push,
    .pull = air_pull,
    .next_event = air_next_event,
    .counts = air_counts,
    .now = air_now,
    .drained = air_drained,
};
