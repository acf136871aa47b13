/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * teacher: what a large network said about every picture of a training set, kept in a file so
 * that it runs once and not in every training.
 *
 * A cache is a safetensors file:
 *
 *     features [count][2][D]   h^Tea of the picture and of its mirror image
 *     logits   [count][2][K]   (optional)
 *     labels   [count]         as the data set has them: a cache of other pictures is noticed
 *
 * Made by `python3 -m semantic.torch.teacher_cache`, or by anything else that writes the same.
 * teacher_open brings features to mean 0 and variance 1 over the set, each by itself, so that
 * the distillation loss (eq. 23) means the same for every teacher.
 */
#ifndef SEMANTIC_TRAIN_TEACHER_H
#define SEMANTIC_TRAIN_TEACHER_H

#include "train/batches.h"

typedef struct teacher teacher_t;

/*
 * NULL unless the file has such tensors, of `features` numbers a picture and of `classes` classes,
 * for the very pictures of `batches` (ERR_ARGUMENT, says what differs).
 */
teacher_t *teacher_open(const char *path, const batches_t *batches, int features, int classes,
                        err_t *err);
void teacher_close(teacher_t *teacher); /* NULL is fine */

/* features[count][D] of `views` (batches_views); a view of -1 gives zeros. */
void teacher_fill(const teacher_t *teacher, const int64_t *views, int count, float *features);

/* 0 if the pictures' labels are exactly 0 .. classes - 1, each at least once; else says which is
   missing or too large. */
int teacher_check_classes(const batches_t *batches, int classes, err_t *err);

#endif
