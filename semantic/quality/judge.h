/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * judge: a fixed classifier that looks at received pictures.  Its accuracy says
 * how much of the meaning got through, whatever the PSNR.  It was trained on
 * clean pictures only (docs/MODELS.md has its card) and never sees a codec.
 *
 *     judge_t *judge = judge_open("cifar10", &err);
 *     float probability[JUDGE_CLASSES];
 *     int predicted = judge_classify(judge, picture, probability);
 *
 * One judge_t per thread (judge_clone shares the weights).  One OpenMP thread;
 * no allocation after opening.
 */
#ifndef SEMANTIC_QUALITY_JUDGE_H
#define SEMANTIC_QUALITY_JUDGE_H

#include "err.h"

#include <stdint.h>

enum { JUDGE_CLASSES = 10, JUDGE_SIDE = 32 };

typedef struct judge judge_t;

/*
 * `name`: "cifar10", "fashion-mnist" (dataset_name's words), or the path of a
 * safetensors file.  NULL on failure; an unknown name lists the known ones.
 */
judge_t *judge_open(const char *name, err_t *err);
judge_t *judge_clone(const judge_t *judge, err_t *err); /* for another thread */
void judge_close(judge_t *judge);                       /* NULL is fine */

/*
 * 1 if judge_open(name) would find weights under this name; 0 if not.  A folder or picture of that
 * name in the current folder is none: a file must have a '/' in its path or end with .safetensors.
 */
int judge_known(const char *name);

/*
 * The likeliest class of one 32x32 picture [32][32][3].  `probability` (softmax,
 * sums to 1) may be NULL.
 */
int judge_classify(judge_t *judge, const uint8_t *rgb, float probability[JUDGE_CLASSES]);

/* `count` pictures at once, contiguous: faster.  predicted[count]. */
void judge_classify_batch(judge_t *judge, const uint8_t *rgb, int count, int *predicted);

#endif
