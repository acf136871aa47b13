/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_backend: what a kind of radio implements.  radio.c has the table; it
 * checks the arguments that are the same for all, so a backend sees good ones.
 */
#ifndef RADIO_RADIO_BACKEND_H
#define RADIO_RADIO_BACKEND_H

#include "radio/radio.h"

typedef struct {
    double rate_hz, freq_hz, tx_gain_db, rx_gain_db;
} radio_actual_t;

typedef struct {
    const char *name;
    int most_antennas; /* 0: one */
    /* Fills in what the device really does. */
    void *(*open)(const radio_config_t *config, radio_actual_t *actual, err_t *err);
    void (*close)(void *self);
    int (*start)(void *self, err_t *err);
    int (*stop)(void *self, err_t *err);
    ssize_t (*push)(void *self, const float complex *const x[], size_t count,
                    const radio_push_t *burst, double timeout_s, err_t *err);
    ssize_t (*pull)(void *self, float complex *const x[], size_t count, double timeout_s,
                    radio_pull_t *info, err_t *err);
    bool (*next_event)(void *self, radio_event_t *event);
    radio_counts_t (*counts)(void *self);
    uint64_t (*now)(void *self);
    bool (*drained)(void *self, double timeout_s);
    /* From the pushing (tx) or pulling thread; *actual_db: what the device then does.  */
    int (*set_gain)(void *self, bool tx, double gain_db, double *actual_db, err_t *err);
    /* The device's serial number, for its calibration file.  NULL: devices of this kind have none. */
    const char *(*serial)(void *self);
} radio_backend_t;

extern const radio_backend_t radio_backend_air;
extern const radio_backend_t radio_backend_uhd;
extern const radio_backend_t radio_backend_zmq;
extern const radio_backend_t radio_backend_file;

#endif
