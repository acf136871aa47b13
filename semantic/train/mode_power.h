/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mode_power: makes Es/N0 true in every mode.  A codec has one factor per rate, fitted over all design
 * SNRs together, so one mode may send more than power 1 and another less.  This measures what
 * each mode sends on average over the training pictures, and writes a copy of the weights whose
 * metadata says it; codec_t divides by its root.
 *
 *     semradio-train mode-power --evaluate.weights=IN --data.train=SET --train.out=OUT
 */
#ifndef SEMANTIC_TRAIN_MODE_POWER_H
#define SEMANTIC_TRAIN_MODE_POWER_H

#include "err.h"
#include "options.h"

/* evaluate.images pictures (0: 1,000), spread over data.train. */
int mode_power_command(const options_t *options, err_t *err);

#endif
