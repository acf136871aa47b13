/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio.h"

#include "radio/radio_backend.h"

#include "clock.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* A new kind of radio is one line here (and its word in radio_options.c). */
static const radio_backend_t *const backends[] = {&radio_backend_air, &radio_backend_uhd,
                                                  &radio_backend_zmq, &radio_backend_file};

struct radio {
    const radio_backend_t *backend;
    void *self;
    radio_actual_t actual;
    _Atomic double tx_gain_db, rx_gain_db; /* may change while it runs */
    correction_t correction;
    bool corrected;
    float complex *scratch; /* [BLOCK]: corrected samples on their way to the backend */
};

enum { BLOCK = 16384 };

static int open_correction(radio_t *radio, const radio_config_t *config, err_t *err)
{
    const char *path = config->calibration;
    if (path == NULL || *path == 0) {
        return 0;
    }
    if (config->antennas != 1) {
        return err_set(err, ERR_UNSUPPORTED,
                       "radio.calibration: a file is for one antenna, %d are in use",
                       config->antennas);
    }
    if (correction_load(&radio->correction, path, radio_serial(radio), err) != 0) {
        return err_prefix(err, "radio.calibration");
    }
    radio->corrected = true;
    radio->scratch = malloc(BLOCK * sizeof *radio->scratch);
    return radio->scratch != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for a radio");
}

static int check(const radio_config_t *c, const radio_backend_t *backend, err_t *err)
{
    const int most = backend->most_antennas > 0 ? backend->most_antennas : 1;
    if (c->antennas < 1 || c->antennas > most) {
        return err_set(err, ERR_UNSUPPORTED, "%d antennas asked for, this radio has %d", c->antennas,
                       most);
    }
    if (!(c->rate_hz >= 1e3 && c->rate_hz <= 1e9)) {
        return err_set(err, ERR_ARGUMENT, "radio.rate_hz = %g is outside 1 kHz to 1 GHz",
                       c->rate_hz);
    }
    if (!(c->freq_hz >= 0.0 && c->freq_hz <= 1e12)) {
        return err_set(err, ERR_ARGUMENT, "radio.freq_hz = %g is outside 0 to 1 THz", c->freq_hz);
    }
    if (!(fabs(c->tx_gain_db) <= 120.0 && fabs(c->rx_gain_db) <= 120.0)) {
        return err_set(err, ERR_ARGUMENT, "a radio gain is outside -120 to 120 dB");
    }
    if (!(c->timeout_s >= 0.0)) {
        return err_set(err, ERR_ARGUMENT, "radio.timeout_s = %g is negative", c->timeout_s);
    }
    return 0;
}

radio_t *radio_open(const radio_config_t *config, err_t *err)
{
    const radio_backend_t *backend = NULL;
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++) {
        if (strcmp(backends[i]->name, config->backend) == 0) {
            backend = backends[i];
        }
    }
    if (backend == NULL) {
        err_set(err, ERR_ARGUMENT, "radio.backend: there is no \"%s\"", config->backend);
        return NULL;
    }
    if (check(config, backend, err) < 0) {
        return NULL;
    }
    radio_t *radio = calloc(1, sizeof *radio);
    if (radio == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a radio");
        return NULL;
    }
    radio->backend = backend;
    radio->self = backend->open(config, &radio->actual, err);
    if (radio->self == NULL) {
        free(radio);
        return NULL;
    }
    atomic_store(&radio->tx_gain_db, radio->actual.tx_gain_db);
    atomic_store(&radio->rx_gain_db, radio->actual.rx_gain_db);
    if (open_correction(radio, config, err) != 0) {
        radio_close(radio);
        return NULL;
    }
    return radio;
}

void radio_close(radio_t *radio)
{
    if (radio != NULL) {
        radio->backend->close(radio->self);
        free(radio->scratch);
        free(radio);
    }
}

int radio_start(radio_t *radio, err_t *err)
{
    return radio->backend->start(radio->self, err);
}

int radio_stop(radio_t *radio, err_t *err)
{
    return radio->backend->stop(radio->self, err);
}

/* The same through the scratch, a block at a time. */
static ssize_t push_corrected(radio_t *radio, const float complex *x, size_t count,
                              const radio_push_t *burst, double timeout_s, err_t *err)
{
    const uint64_t deadline = clock_now_ns() + (uint64_t)(fmin(fmax(timeout_s, 0.0), 1e9) * 1e9);
    const float complex *part[1] = {radio->scratch};
    radio_push_t how = *burst;
    size_t done = 0;
    do {
        const size_t n = count - done < BLOCK ? count - done : BLOCK;
        const uint64_t now = clock_now_ns();
        correction_apply(&radio->correction.tx, x + done, radio->scratch, n);
        how.end = burst->end && done + n == count;
        const ssize_t taken =
            radio->backend->push(radio->self, part, n, &how,
                                 now < deadline ? 1e-9 * (double)(deadline - now) : 0.0, err);
        if (taken < 0) {
            return done > 0 && err != NULL && err->code == ERR_TIMEOUT ? (ssize_t)done : -1;
        }
        how.start = false;
        done += (size_t)taken;
        if ((size_t)taken < n) {
            break;
        }
    } while (done < count);
    return (ssize_t)done;
}

ssize_t radio_push(radio_t *radio, const float complex *const x[], size_t count,
                   const radio_push_t *burst, double timeout_s, err_t *err)
{
    if (radio->corrected && radio->correction.tx.known && count > 0) {
        return push_corrected(radio, x[0], count, burst, timeout_s, err);
    }
    return radio->backend->push(radio->self, x, count, burst, timeout_s, err);
}

ssize_t radio_pull(radio_t *radio, float complex *const x[], size_t count, double timeout_s,
                   radio_pull_t *info, err_t *err)
{
    const ssize_t n = radio->backend->pull(radio->self, x, count, timeout_s, info, err);
    if (n > 0 && radio->corrected) {
        correction_apply(&radio->correction.rx, x[0], x[0], (size_t)n);
    }
    return n;
}

bool radio_next_event(radio_t *radio, radio_event_t *event)
{
    return radio->backend->next_event(radio->self, event);
}

radio_counts_t radio_counts(radio_t *radio)
{
    return radio->backend->counts(radio->self);
}

uint64_t radio_now(radio_t *radio)
{
    return radio->backend->now(radio->self);
}

bool radio_drained(radio_t *radio, double timeout_s)
{
    return radio->backend->drained(radio->self, timeout_s);
}

double radio_rate_hz(const radio_t *radio)
{
    return radio->actual.rate_hz;
}

double radio_freq_hz(const radio_t *radio)
{
    return radio->actual.freq_hz;
}

double radio_tx_gain_db(const radio_t *radio)
{
    return atomic_load(&radio->tx_gain_db);
}

double radio_rx_gain_db(const radio_t *radio)
{
    return atomic_load(&radio->rx_gain_db);
}

static int set_gain(radio_t *radio, bool tx, double gain_db, err_t *err)
{
    double actual_db = gain_db;
    if (!(fabs(gain_db) <= 120.0)) {
        return err_set(err, ERR_ARGUMENT, "a radio gain of %g dB is outside -120 to 120 dB", gain_db);
    }
    if (radio->backend->set_gain(radio->self, tx, gain_db, &actual_db, err) != 0) {
        return -1;
    }
    atomic_store(tx ? &radio->tx_gain_db : &radio->rx_gain_db, actual_db);
    return 0;
}

int radio_set_tx_gain_db(radio_t *radio, double gain_db, err_t *err)
{
    return set_gain(radio, true, gain_db, err);
}

int radio_set_rx_gain_db(radio_t *radio, double gain_db, err_t *err)
{
    return set_gain(radio, false, gain_db, err);
}

const char *radio_serial(const radio_t *radio)
{
    return radio->backend->serial != NULL ? radio->backend->serial(radio->self) : "";
}

const correction_t *radio_correction(const radio_t *radio)
{
    return radio->corrected ? &radio->correction : NULL;
}

const char *radio_event_name(radio_event_kind_t kind)
{
    static const char *const names[] = {"overflow",  "late",      "underflow",   "peer joined",
                                        "peer left", "peer died", "device gone", "device back",
                                        "gap"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

char radio_event_letter(radio_event_kind_t kind)
{
    static const char letters[] = {'O', 'L', 'U'};
    if (kind == RADIO_EVENT_GAP) {
        return 'D';
    }
    return (size_t)kind < sizeof letters ? letters[kind] : 0;
}
