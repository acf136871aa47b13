/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * deka_trainer: `semradio-train deka` trains DeKA-g's codec on latents, stage by stage
 * (semantic/recipes/deka-*.conf): pre-training without a pair, the pair for all rates,
 * low-rank adapters for groups of SNRs.  Exit as train_run.
 */
#ifndef SEMANTIC_TRAIN_DEKA_TRAINER_H
#define SEMANTIC_TRAIN_DEKA_TRAINER_H

#include "err.h"
#include "options.h"

int deka_trainer_command(const options_t *options, err_t *err);

#endif
