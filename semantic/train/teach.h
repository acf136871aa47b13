/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * teach: `semradio-train teach` runs a teacher over data.train, each picture as it is and mirrored,
 * and writes teacher.h's cache to train.out.  The teacher is a judge (task.judge: cifar10,
 * fashion-mnist, a file; feature: what its last layer sees) or a vision transformer (task.vit,
 * vit.h; pictures enlarged bilinearly to its side and normalised as for ImageNet).
 */
#ifndef SEMANTIC_TRAIN_TEACH_H
#define SEMANTIC_TRAIN_TEACH_H

#include "options.h"

/* 0 or -1. */
int teach_command(const options_t *options, err_t *err);

#endif
