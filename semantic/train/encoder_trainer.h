/* SPDX-License-Identifier: GPL-3.0-or-later */
/* encoder_trainer: `semradio-train encoder`, a classifier whose last hidden layer is a latent. */
#ifndef SEMANTIC_TRAIN_ENCODER_TRAINER_H
#define SEMANTIC_TRAIN_ENCODER_TRAINER_H

#include "options.h"

extern const option_t encoder_options[]; /* [encoder], [latents] */

/* 0; 1: stopped by a signal; -1: error. */
int encoder_trainer_command(const options_t *options, err_t *err);

#endif
