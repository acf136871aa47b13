/* SPDX-License-Identifier: GPL-3.0-or-later */
/* calibrate: the inside of semradio-calibrate: its options, and what its words do. */
#ifndef CALIBRATION_CALIBRATE_H
#define CALIBRATION_CALIBRATE_H

#include "options.h"
#include "session.h"

#include <jansson.h>

extern const option_t calibrate_options[];

typedef struct {
    session_config_t session;
    char tx_serial[64], rx_serial[64]; /* "": the radio's own */
    const char *folder;
    const options_t *options;
} calibrate_t;

int calibrate_from_options(calibrate_t *c, const options_t *options, err_t *err);

/* Measures, prints, writes the files. */
int calibrate_measure(calibrate_t *c, err_t *err);

/* Measures again with the files in use, prints what improved, notes it in the files. */
int calibrate_verify(calibrate_t *c, err_t *err);

/* calibrate_levels.c: the sweeps of gain, into the two files' roots. */
int calibrate_noise_floor(const calibrate_t *c, json_t *rx_root, err_t *err);
int calibrate_tx_level(const calibrate_t *c, json_t *tx_root, err_t *err);

#endif
