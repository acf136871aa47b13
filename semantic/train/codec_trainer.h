/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_trainer: `semradio-train codec`: trains an image32 codec from a recipe. */
#ifndef SEMANTIC_TRAIN_CODEC_TRAINER_H
#define SEMANTIC_TRAIN_CODEC_TRAINER_H

#include "err.h"
#include "options.h"

/* As train_run: 0 done, 1 stopped and resumable, -1 error. */
int codec_trainer_command(const options_t *options, err_t *err);

#endif
