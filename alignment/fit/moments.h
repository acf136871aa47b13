/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * moments: the sums that every least-squares fit needs, gathered picture by picture.
 *
 * A place of the grid gives `features` numbers f (the 2C real channels of x in a k x k
 * neighbourhood, zeros outside) and `targets` = 2C numbers t (the channels of y there).  Real
 * channel 2c is the real part of complex channel c, 2c+1 the imaginary part; feature
 * (channel * k + row) * k + column, as in a convolution's weight [out][in][k][k].
 */
#ifndef ALIGNMENT_FIT_MOMENTS_H
#define ALIGNMENT_FIT_MOMENTS_H

#include "err.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>

enum { MOMENTS_FEATURES_MAX = 3328 };

typedef struct {
    int kernel, features, targets;
    double places;           /* how many */
    double tt;               /* sum of |t|^2 */
    double *sum_f;           /* [features] */
    double *sum_t;           /* [targets] */
    double *ff;              /* [features][features], only j >= i is kept */
    double *tf;              /* [targets][features] */
    double *rows_f, *rows_t; /* of some places; NULL when it only adds */
} moments_t;

/* kernel odd; channels complex ones.  `pictures`: whether moments_add_picture will be called. */
moments_t *moments_create(int channels, int kernel, bool pictures, err_t *err);
void moments_destroy(moments_t *moments); /* NULL is fine */

/* x, y [channels][rows][columns]. */
void moments_add_picture(moments_t *moments, const float complex *x, const float complex *y,
                         int rows, int columns);
/* to += factor * from. */
void moments_add(moments_t *to, const moments_t *from, double factor);
void moments_copy(moments_t *to, const moments_t *from);
/* The kernel's centre alone: what the same pictures give with kernel 1. */
void moments_centre(moments_t *to, const moments_t *from);
/* Takes the means out: *ff and *tf become covariances times places; only for a fit. */
void moments_remove_means(moments_t *moments);

/* Sum over the places of |t - W f - b|^2; weight [targets][features], bias [targets]; work as
 * weight. */
double moments_error(const moments_t *moments, const double *weight, const double *bias,
                     double *work);

#endif
