/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * perceptual: the distance of two pictures in the features of a fixed network (J. Johnson and
 * others, "Perceptual losses for real-time style transfer and super-resolution", ECCV 2016), with a
 * judge (judge.h) as that network:
 *
 *     d(a, b) = mean over s = 1, 2 of  mean (phi_s(a) - phi_s(b))^2
 *
 * phi_s: what stage s of the judge hands on, at 1/2 and 1/4 of the picture's size.
 *
 *     perceptual_t *p = perceptual_create("cifar10", 64, 16, true, &err);
 *     double mean = perceptual_distance(p, a, b, each, slope);
 */
#ifndef SEMANTIC_QUALITY_PERCEPTUAL_H
#define SEMANTIC_QUALITY_PERCEPTUAL_H

#include "err.h"

#include <stdbool.h>

typedef struct perceptual perceptual_t;

/* `judge`: a name that judge_open knows, or a file.  Pictures [batch][side][side][3] in 0 .. 1,
   side a multiple of 4.  bf16: graph_use_bf16. */
perceptual_t *perceptual_create(const char *judge, int side, int batch, bool bf16, err_t *err);
void perceptual_destroy(perceptual_t *perceptual); /* NULL is fine */

/* The mean of d over the batch; each[batch] gets every one, slope[batch][side][side][3] the mean's
   derivative by `a`; both may be NULL. */
double perceptual_distance(perceptual_t *perceptual, const float *a, const float *b, float *each,
                           float *slope);

/* Multiply-adds of the features of one picture. */
double perceptual_macs(const perceptual_t *perceptual);

#endif
