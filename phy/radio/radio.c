/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio.h"

#include "radio/radio_backend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A new kind of radio is one line here (and its word in radio_options.c). */
static const radio_backend_t *const backends[] = {&radio_backend_air, &radio_backend_zmq, &radio_backend_file};

struct radio {
    const radio_backend_t *backend;
    void *self;
    radio_actual_t actual;
};

static int check(const radio_config_t *c, err_t *err)
{
    if (c->antennas != 1) {
        return err_set(err, ERR_UNSUPPORTED, "%d antennas asked for, this radio has 1", c->antennas);
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
    if (check(config, err) < 0) {
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
    return radio;
}

void radio_close(radio_t *radio)
{
    if (radio != NULL) {
        radio->backend->close(radio->self);
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

ssize_t radio_push(radio_t *radio, const float complex *const x[], size_t count,
                   const radio_push_t *burst, double timeout_s, err_t *err)
{
    return radio->backend->push(radio->self, x, count, burst, timeout_s, err);
}

ssize_t radio_pull(radio_t *radio, float complex *const x[], size_t count, double timeout_s,
                   radio_pull_t *info, err_t *err)
{
    return radio->backend->pull(radio->self, x, count, timeout_s, info, err);
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
    return radio->actual.tx_gain_db;
}

double radio_rx_gain_db(const radio_t *radio)
{
    return radio->actual.rx_gain_db;
}

const char *radio_event_name(radio_event_kind_t kind)
{
    static const char *const names[] = {"overflow",  "late",      "underflow",   "peer joined",
                                        "peer left", "peer died", "device gone", "device back"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

char radio_event_letter(radio_event_kind_t kind)
{
    static const char letters[] = {'O', 'L', 'U'};
    return (size_t)kind < sizeof letters ? letters[kind] : 0;
}
