/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent_trainer: `semradio-train agent` trains DeKAP's agent codec, an expert for a task, and what
   takes its knowledge to another agent: distilled levels, or what they are compared with. */
#ifndef SEMANTIC_TRAIN_AGENT_TRAINER_H
#define SEMANTIC_TRAIN_AGENT_TRAINER_H

#include "err.h"
#include "train/agent_options.h"

/* As train_run: 0 done, 1 stopped and resumable, -1 error. */
int agent_trainer_command(const options_t *options, err_t *err);

#endif
