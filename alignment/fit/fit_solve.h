/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit_solve: one fit from one set of moments.  weight [targets][features], bias [targets]. */
#ifndef ALIGNMENT_FIT_FIT_SOLVE_H
#define ALIGNMENT_FIT_FIT_SOLVE_H

#include "fit/moments.h"

#include <stdbool.h>

typedef struct {
    moments_t *centred;       /* of the same shape */
    double *factor;           /* [features][features] */
    double *gradient, *image; /* [targets][features] each */
} fit_work_t;

int fit_work_create(fit_work_t *work, int channels, int kernel, err_t *err);
void fit_work_destroy(fit_work_t *work);

/*
 * Ridge regression towards `prior` (NULL: towards 0): minimises sum |t - W f - b|^2 +
 * ridge * scale * |W - prior|^2, scale = the features' mean energy times places.  `is_complex`: W
 * multiplies complex numbers (C x C), else any real 2C x 2C; kernel 1 only.  -1: singular.
 */
int fit_solve_ridge(const moments_t *moments, double ridge, bool is_complex, const double *prior,
                    double *weight, double *bias, fit_work_t *work, err_t *err);

/* The orthogonal (unitary) W that minimises sum |t - W f - b|^2; kernel 1.  -1: LAPACK failed. */
int fit_solve_rotation(const moments_t *moments, bool is_complex, double *weight, double *bias,
                       fit_work_t *work, err_t *err);

/* `steps` of steepest descent with exact line search on the same sum, from `weight` as it is. */
void fit_solve_descent(const moments_t *moments, int steps, double *weight, double *bias,
                       fit_work_t *work);

#endif
