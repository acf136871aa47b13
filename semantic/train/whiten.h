/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * whiten: weights for a judge's first layer, from the statistics of the pictures
 * (K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024): the
 * leading eigenvectors of the covariance of 3x3 patches, each divided by the
 * root of its eigenvalue, and their negatives.
 */
#ifndef SEMANTIC_TRAIN_WHITEN_H
#define SEMANTIC_TRAIN_WHITEN_H

#include "nn/params.h"
#include "train/batches.h"

/* Adds the frozen tensor JUDGE_STEM_WEIGHT with `filters` (even, 2 .. 54) outputs. */
int whiten_stem(params_t *params, batches_t *batches, int batch, int filters, err_t *err);

#endif
