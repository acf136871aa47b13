/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge_trainer: `semradio-train judge`: trains a classifier from a recipe. */
#ifndef SEMANTIC_TRAIN_JUDGE_TRAINER_H
#define SEMANTIC_TRAIN_JUDGE_TRAINER_H

#include "err.h"
#include "options.h"

/* As train_run: 0 done, 1 stopped and resumable, -1 error. */
int judge_trainer_command(const options_t *options, err_t *err);

#endif
