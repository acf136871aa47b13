/* SPDX-License-Identifier: GPL-3.0-or-later */
/* daemon_waveform: the options that both ends of a link must set alike. */
#ifndef TX_DAEMON_WAVEFORM_H
#define TX_DAEMON_WAVEFORM_H

#include "options.h"
#include "waveform/numerology.h"

#include <stdint.h>

/* Section "waveform": cp, retrain_every. */
extern const option_t daemon_waveform_options[];

/* The numerology that the options ask for at a radio's actual rate (spacing = rate / 256). */
int daemon_numerology(const options_t *options, double rate_hz, numerology_t *numerology,
                      err_t *err);

/*
 * The header's flags carry a number that changes from run to run, so that a receiver knows a
 * transmitter that started anew.  Bits 0 … 2; bit 3 is free.
 */
enum { DAEMON_SESSION_MASK = 7 };
uint8_t daemon_new_session(void);

#endif
