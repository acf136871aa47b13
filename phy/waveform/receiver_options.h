/* SPDX-License-Identifier: GPL-3.0-or-later */
/* receiver_options: what a receiver decides by itself, section "receiver". */
#ifndef WAVEFORM_RECEIVER_OPTIONS_H
#define WAVEFORM_RECEIVER_OPTIONS_H

#include "options.h"
#include "waveform/receiver.h"

/* Section "receiver": estimator. */
extern const option_t receiver_options[];

/* Fills in what the table holds. */
void receiver_from_options(receiver_config_t *config, const options_t *options);

#endif
