/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The section [task] of semradio-train. */
#ifndef SEMANTIC_TRAIN_TASK_OPTIONS_H
#define SEMANTIC_TRAIN_TASK_OPTIONS_H

#include "codec/task_net.h"
#include "options.h"

extern const option_t task_options[];

/* In the order of the options' choices. */
enum { TASK_STAGE_ENCODER, TASK_STAGE_JOINT };
enum { TASK_METHOD_KDL, TASK_METHOD_DARTS };

/* The network that the options describe; 0 or -1. */
int task_options_shape(const options_t *options, task_shape_t *shape, err_t *err);

#endif
