/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit_private: what fit.c and fit_validate.c share. */
#ifndef ALIGNMENT_FIT_FIT_PRIVATE_H
#define ALIGNMENT_FIT_FIT_PRIVATE_H

#include "fit/fit.h"
#include "fit/fit_solve.h"

enum { FIT_FOLDS_MAX = 10 };

/* The moments of all pilots and of each group, and room to fit in; of one kernel. */
typedef struct {
    int kernel, folds;
    moments_t *all, *fold[FIT_FOLDS_MAX], *rest;
    fit_work_t work;
    double *weight, *bias, *prior, *scratch; /* weight, prior, scratch [targets][features] */
} fit_sums_t;

/* What is chosen on pilots left out. */
typedef struct {
    fit_method_t method;
    double ridge;       /* of the method, NAN: none */
    double prior_ridge; /* of the widely linear map that a convolution starts from */
    int steps;
    double error; /* NMSE on pilots left out; NAN: not validated */
} fit_choice_t;

int fit_sums_create(fit_sums_t *sums, const fit_pilots_t *pilots, int kernel, int folds,
                    err_t *err);
/* The same pilots with kernel 1. */
int fit_sums_centre(fit_sums_t *sums, const fit_sums_t *from, err_t *err);
void fit_sums_destroy(fit_sums_t *sums);

/* Fits `choice` to moments into sums->weight and bias.  `centre`: the kernel-1 sums' room, for
   convolutions; `centre_moments` the same pilots' moments there. */
int fit_train(fit_sums_t *sums, const moments_t *moments, const fit_choice_t *choice,
              fit_sums_t *centre, err_t *err);

/* Chooses ridge and steps of choice->method where they are open, and measures its error. */
int fit_validate(fit_sums_t *sums, fit_sums_t *centre, const fit_options_t *options,
                 fit_choice_t *choice, err_t *err);

#endif
