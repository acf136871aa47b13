/* SPDX-License-Identifier: GPL-3.0-or-later */
/* waveform_options: the options that both ends of a link must set alike. */
#ifndef WAVEFORM_WAVEFORM_OPTIONS_H
#define WAVEFORM_WAVEFORM_OPTIONS_H

#include "options.h"
#include "waveform/numerology.h"

/* Section "waveform": cp, retrain_every. */
extern const option_t waveform_options[];

/*
 * The numerology that the options ask for at a radio's actual rate (spacing = rate / 256).
 * 0, or -1 with ERR_ARGUMENT from numerology_check.
 */
int numerology_from_options(const options_t *options, double rate_hz, numerology_t *numerology,
                            err_t *err);

#endif
