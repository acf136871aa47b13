/* SPDX-License-Identifier: GPL-3.0-or-later */
/* accuracy: how many pictures of a set a classifier of 32x32 pictures names rightly. */
#ifndef SEMANTIC_TRAIN_ACCURACY_H
#define SEMANTIC_TRAIN_ACCURACY_H

#include "images/dataset.h"

#include <stdint.h>

enum { ACCURACY_BATCH = 32 };

/* pictures[count][32][32][3] -> predicted[count], count <= ACCURACY_BATCH. */
typedef void accuracy_classify_t(void *context, const uint8_t *pictures, int count, int *predicted);

/* Over the whole set, *right of dataset_count.  ERR_ARGUMENT: a picture is not 32x32; errors as dataset_get. */
int accuracy_count(const dataset_t *set, accuracy_classify_t *classify, void *context,
                   size_t *right, err_t *err);

#endif
