/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "session.h"

#include "clock.h"
#include "probe.h"
#include "program.h"
#include "radio/radio_service.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PULL = 16384, NOISE_SAMPLES = 1 << 18 };

#define AHEAD_S   0.05 /* from now to the probe's time */
#define MARGIN_S  0.35 /* received beyond the probe's length */
#define SILENCE_S 1.0  /* nothing comes any more */
#define NOTHING_S 10.0

struct session {
    radio_t *tx, *rx;
    float complex *probe, *heard; /* [PROBE_LENGTH], [room] */
    size_t room, count;
    uint64_t heard_from; /* timestamp of heard[0] */
    uint64_t sent_at;
    _Atomic bool sent, give_up;
    err_t send_error;
};

void session_close(session_t *s)
{
    if (s == NULL) {
        return;
    }
    if (s->rx != s->tx) {
        radio_close(s->rx);
    }
    radio_close(s->tx);
    free(s->probe);
    free(s->heard);
    free(s);
}

static int open_radios(session_t *s, const session_config_t *config, err_t *err)
{
    s->tx = radio_service_open(&config->tx, err);
    if (s->tx == NULL) {
        return err_prefix(err, "transmitter");
    }
    s->rx = *config->rx.address == 0 ? s->tx : radio_service_open(&config->rx, err);
    if (s->rx == NULL || radio_start(s->rx, err) != 0) {
        return err_prefix(err, "receiver");
    }
    return 0;
}

session_t *session_open(const session_config_t *config, err_t *err)
{
    session_t *s = calloc(1, sizeof *s);
    if (s == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a measurement");
        return NULL;
    }
    s->room = PROBE_LENGTH + (size_t)(MARGIN_S * config->rx.rate_hz) + 262144;
    s->probe = malloc(PROBE_LENGTH * sizeof *s->probe);
    s->heard = malloc(s->room * sizeof *s->heard);
    if (s->probe == NULL || s->heard == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %zu samples", s->room);
        session_close(s);
        return NULL;
    }
    probe_make(s->probe);
    if (open_radios(s, config, err) != 0) {
        session_close(s);
        return NULL;
    }
    return s;
}

radio_t *session_tx(session_t *s)
{
    return s->tx;
}

radio_t *session_rx(session_t *s)
{
    return s->rx;
}

/* The sending thread: a radio may want to be heard while it takes samples. */
static void *send(void *context)
{
    session_t *s = context;
    size_t done = 0;
    s->sent_at = radio_now(s->tx) + (uint64_t)(AHEAD_S * radio_rate_hz(s->tx));
    const uint64_t end = clock_now_ns() + (uint64_t)(NOTHING_S * 1e9);
    while (done < PROBE_LENGTH && !atomic_load(&s->give_up)) {
        const float complex *x[1] = {s->probe + done};
        const radio_push_t how = {.start = done == 0, .end = true, .timestamp = s->sent_at};
        const ssize_t n = radio_push(s->tx, x, PROBE_LENGTH - done, &how, 0.1, &s->send_error);
        if (n < 0 && (s->send_error.code != ERR_TIMEOUT || clock_now_ns() > end)) {
            break;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (done == PROBE_LENGTH) {
        s->send_error.code = ERR_NONE;
    }
    atomic_store(&s->sent, true);
    return NULL;
}

/* Throws away what came before; so that what is heard begins shortly before the probe. */
static void drain(session_t *s)
{
    float complex *x[1] = {s->heard};
    radio_pull_t info;
    const uint64_t end = clock_now_ns() + 2000000000u;
    size_t most = s->room;
    ssize_t n = PULL;
    while (n == PULL && most > PULL && clock_now_ns() < end) {
        n = radio_pull(s->rx, x, PULL, 0.0, &info, NULL);
        most -= PULL;
    }
}

typedef enum { HEARD, LOST_SAMPLES, BROKEN } outcome_t;

/* Pulls until the room is full or nothing comes any more. */
static outcome_t listen(session_t *s, size_t wanted, bool to_the_end, err_t *err)
{
    uint64_t last_ns = clock_now_ns();
    s->count = 0;
    while (s->count < wanted && !program_stopped(0)) {
        const size_t left = wanted - s->count;
        float complex *x[1] = {s->heard + s->count};
        radio_pull_t info;
        const ssize_t n = radio_pull(s->rx, x, left < PULL ? left : PULL, 0.1, &info, err);
        if (n < 0) {
            return BROKEN;
        }
        if (n == 0) {
            const double quiet_s = (double)(clock_now_ns() - last_ns) * 1e-9;
            const bool over = to_the_end && atomic_load(&s->sent) && s->count > 0;
            if (quiet_s > (over ? SILENCE_S : NOTHING_S)) {
                break;
            }
            continue;
        }
        last_ns = clock_now_ns();
        if (s->count > 0 && info.timestamp != s->heard_from + s->count) {
            err_set(err, ERR_IO, "the receiver lost samples");
            return LOST_SAMPLES;
        }
        if (s->count == 0) {
            s->heard_from = info.timestamp;
        }
        s->count += (size_t)n;
    }
    if (program_stopped(0)) {
        err_set(err, ERR_CLOSED, "stopped");
        return BROKEN;
    }
    return HEARD;
}

static outcome_t exchange(session_t *s, err_t *err)
{
    pthread_t sender;
    s->send_error = (err_t)ERR_INIT;
    atomic_store(&s->sent, false);
    atomic_store(&s->give_up, false);
    drain(s);
    if (pthread_create(&sender, NULL, send, s) != 0) {
        err_set(err, ERR_MEMORY, "cannot start a thread");
        return BROKEN;
    }
    const outcome_t outcome = listen(s, s->room, true, err);
    atomic_store(&s->give_up, outcome != HEARD);
    pthread_join(sender, NULL);
    if (outcome == HEARD && s->send_error.code != ERR_NONE) {
        *err = s->send_error;
        return BROKEN;
    }
    return outcome;
}

int session_probe(session_t *s, estimate_t *estimate, err_t *err)
{
    outcome_t outcome = LOST_SAMPLES;
    err_t why = ERR_INIT;
    for (int tries = 0; tries < 3 && outcome == LOST_SAMPLES; tries++) {
        outcome = exchange(s, &why);
    }
    if (outcome != HEARD) {
        return err_set(err, why.code, "%s", why.text);
    }
    if (estimate_probe(s->heard, s->count, estimate, err) != 0) {
        return -1;
    }
    estimate->delay += (double)s->heard_from - (double)s->sent_at;
    return 0;
}

int session_noise(session_t *s, double *dbfs, err_t *err)
{
    double complex mean = 0.0;
    double power = 0.0;
    drain(s);
    outcome_t outcome = LOST_SAMPLES;
    err_t why = ERR_INIT;
    for (int tries = 0; tries < 3 && outcome == LOST_SAMPLES; tries++) {
        outcome = listen(s, NOISE_SAMPLES, false, &why);
    }
    if (outcome != HEARD) {
        return err_set(err, why.code, "%s", why.text);
    }
    if (s->count < NOISE_SAMPLES) {
        return err_set(err, ERR_TIMEOUT, "the receiver gave %zu samples, then none for %g s",
                       s->count, NOTHING_S);
    }
    for (size_t i = 0; i < s->count; i++) {
        mean += (double complex)s->heard[i] / (double)s->count;
    }
    for (size_t i = 0; i < s->count; i++) {
        const double complex x = (double complex)s->heard[i] - mean;
        power += creal(x * conj(x)) / (double)s->count;
    }
    *dbfs = 10.0 * log10(fmax(power, 1e-30));
    return 0;
}
