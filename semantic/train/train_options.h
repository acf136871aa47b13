/* SPDX-License-Identifier: GPL-3.0-or-later */
/* train_options: the tables of semradio-train; a recipe is an INI file of them. */
#ifndef SEMANTIC_TRAIN_TRAIN_OPTIONS_H
#define SEMANTIC_TRAIN_TRAIN_OPTIONS_H

#include "options.h"

extern const option_t train_options[];    /* [data] and [train] */
extern const option_t network_options[];  /* [codec] and [judge] */
extern const option_t evaluate_options[]; /* [evaluate] */

#endif
