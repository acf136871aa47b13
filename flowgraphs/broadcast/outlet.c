/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "outlet.h"

#include "clock.h"
#include "program.h"
#include "ring.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { FRAMES = 2 }; /* made ahead */

typedef struct {
    float complex *samples;
    size_t count;
} burst_t;

struct outlet {
    radio_t *radio;
    ring_t *bursts;
    double period_s;
    pthread_t thread;
    _Atomic bool stop;
    _Atomic uint64_t sent, late;
};

static void push(outlet_t *out, const burst_t *burst, uint64_t when)
{
    size_t done = 0;
    err_t err = ERR_INIT;
    while (done < burst->count && !atomic_load(&out->stop)) {
        const float complex *x[1] = {burst->samples + done};
        const radio_push_t how = {.start = done == 0, .end = true, .timestamp = when};
        const ssize_t taken = radio_push(out->radio, x, burst->count - done, &how, 0.1, &err);
        if (taken < 0 && err.code != ERR_TIMEOUT) {
            clock_sleep_s(0.02); /* the radio is gone, and may come back */
            return;
        }
        done += taken > 0 ? (size_t)taken : 0;
    }
}

/* When the frame after one that was due at `last` is due; 0: it is the first. */
static double due(outlet_t *out, double last)
{
    const double rate = radio_rate_hz(out->radio), period = out->period_s * rate;
    const double soonest = (double)radio_now(out->radio) + 0.02 * rate;
    double next = last + period;
    if (last == 0.0 || fabs(next - soonest) > 2.0 * rate) {
        return soonest; /* or the radio's clock began anew */
    }
    if (next < soonest) {
        next += ceil((soonest - next) / period) * period;
        atomic_fetch_add(&out->late, 1);
    }
    return next;
}

static void *send_frames(void *context)
{
    outlet_t *out = context;
    const double rate = radio_rate_hz(out->radio);
    double when = 0.0;
    program_name_thread("radio");
    (void)program_come_first();
    while (!atomic_load(&out->stop)) {
        if (ring_wait_items(out->bursts, 0.05) != 1) {
            continue;
        }
        when = due(out, when);
        while (when > (double)radio_now(out->radio) + 0.1 * rate && !atomic_load(&out->stop) &&
               !radio_drained(out->radio, 0.01)) {
        }
        push(out, ring_peek(out->bursts), (uint64_t)when);
        ring_release(out->bursts);
        atomic_fetch_add(&out->sent, 1);
    }
    return NULL;
}

static void destroy(outlet_t *out)
{
    for (size_t i = 0; out->bursts != NULL && i < ring_slots(out->bursts); i++) {
        free(((burst_t *)ring_slot(out->bursts, i))->samples);
    }
    ring_destroy(out->bursts);
    free(out);
}

static int make_room(outlet_t *out, size_t room)
{
    for (size_t i = 0; i < ring_slots(out->bursts); i++) {
        burst_t *burst = ring_slot(out->bursts, i);
        burst->samples = calloc(room, sizeof *burst->samples);
        if (burst->samples == NULL) {
            return -1;
        }
    }
    return 0;
}

outlet_t *outlet_start(radio_t *radio, size_t room, double period_s, err_t *err)
{
    outlet_t *out = calloc(1, sizeof *out);
    if (out != NULL) {
        out->radio = radio;
        out->period_s = period_s;
        out->bursts = ring_create(FRAMES, sizeof(burst_t), err);
        if (out->bursts != NULL && make_room(out, room) == 0 &&
            pthread_create(&out->thread, NULL, send_frames, out) == 0) {
            return out;
        }
        destroy(out);
    }
    err_set(err, ERR_MEMORY, "no memory or thread for frames of %zu samples", room);
    return NULL;
}

void outlet_stop(outlet_t *outlet)
{
    if (outlet != NULL) {
        atomic_store(&outlet->stop, true);
        pthread_join(outlet->thread, NULL);
        destroy(outlet);
    }
}

float complex *outlet_room(outlet_t *outlet, double timeout_s)
{
    return ring_wait_space(outlet->bursts, timeout_s) == 1
               ? ((burst_t *)ring_acquire(outlet->bursts))->samples
               : NULL;
}

void outlet_put(outlet_t *outlet, size_t count)
{
    ((burst_t *)ring_acquire(outlet->bursts))->count = count; /* the same slot */
    ring_commit(outlet->bursts);
}

uint64_t outlet_sent(const outlet_t *outlet)
{
    return atomic_load(&outlet->sent);
}

uint64_t outlet_late(const outlet_t *outlet)
{
    return atomic_load(&outlet->late);
}
