/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * campaign_options: the campaign's own options, and which of them are special.
 * The options of the air and the waveform are declared where they belong.
 */
#ifndef FLOWGRAPHS_CAMPAIGN_OPTIONS_H
#define FLOWGRAPHS_CAMPAIGN_OPTIONS_H

#include "options.h"

extern const option_t campaign_option_table[];

/* Keys in full, ended by NULL. */
extern const char *const campaign_single_keys[];   /* have one value; a comma belongs to it */
extern const char *const campaign_running_keys[];  /* how it runs: no part of a campaign's settings */
extern const char *const campaign_shape_keys[];    /* these and zip: no part of a point's */
extern const char *const campaign_unseeded_keys[]; /* no part of a point's random numbers */

#endif
