/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * task_trainer: robust knowledge distillation (RKD-SC, algorithm 2) of the task codec, and the
 * search for its encoder (KDL-DARTS, algorithm 1).
 */
#ifndef SEMANTIC_TRAIN_TASK_TRAINER_H
#define SEMANTIC_TRAIN_TASK_TRAINER_H

#include "options.h"

/* `semradio-train task`, with the options of [data], [train] and [task].  0, 1 (stopped), -1. */
int task_trainer_command(const options_t *options, err_t *err);

/* `semradio-train task-search`: prints the architecture found; train.out gets alpha and weights. */
int task_search_command(const options_t *options, err_t *err);

#endif
