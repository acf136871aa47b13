/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front_end: what a receiver's antenna and front end add to the sum of all signals:
 *     + tone + foreign OFDM + impulses + noise -> I/Q imbalance, DC -> converter -> gaps
 * The last part of an air_t; a hub has one for each receiver.
 */
#ifndef AIR_FRONT_END_H
#define AIR_FRONT_END_H

#include "air/air.h"
#include "air/digitiser.h"
#include "air/dropouts.h"
#include "air/foreign.h"
#include "air/imbalance.h"
#include "air/impulses.h"
#include "air/noise.h"
#include "air/rotator.h"

typedef struct {
    air_config_t config;
    double signal_power; /* S */
    float noise_var;
    bool tone_on, foreign_on, impulses_on, dropouts_on;
    float tone_amplitude;
    rotator_t tone;
    foreign_t foreign;
    impulses_t impulses;
    imbalance_t imbalance;
    digitiser_t digitiser;
    dropouts_t dropouts;
    noise_t noise;
} front_end_t;

/* A checked configuration.  The parts' random numbers start with front_end_seed. */
void front_end_init(front_end_t *front, const air_config_t *config);

/* From the start again.  noise_stream: below 8192; different for receivers under one seed. */
void front_end_seed(front_end_t *front, uint64_t seed, uint64_t noise_stream);

/* Within -100 … 100, or INFINITY. */
void front_end_set_snr_db(front_end_t *front, double snr_db);

/* In place. */
void front_end_process(front_end_t *front, float complex *samples, size_t count);

/* S of a configuration: signal_power, or its default. */
double front_end_signal_power(const air_config_t *config);

#endif
