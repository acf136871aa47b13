/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mixture: the LMMSE part of estimator.h: which profiles, and the estimate
 * that they make together.  Inside the chest only.
 */
#ifndef CHEST_MIXTURE_H
#define CHEST_MIXTURE_H

#include "chest/estimator.h"

#include <stdbool.h>

typedef struct mixture mixture_t;

mixture_t *mixture_create(int cp, err_t *err);
void mixture_destroy(mixture_t *m); /* NULL is fine */

/* Takes in what the next calls work on.  False: numbers that nothing can be estimated from. */
bool mixture_begin(mixture_t *m, const float complex h_ls[NUMEROLOGY_USED], double power,
                   double noise_var);

/* Finds the parts; returns how many, the heaviest first. */
int mixture_choose(mixture_t *m, estimate_part_t part[ESTIMATE_PARTS], double *log_likelihood);

/* The estimate under these parts; returns the error variance to be expected. */
double mixture_estimate(mixture_t *m, const estimate_part_t *part, int parts,
                        float complex h[NUMEROLOGY_USED]);

/* Mean delay, from the FFT window's start, and rms spread of the mean profile. */
void mixture_moments(mixture_t *m, const estimate_part_t *part, int parts, double *mean_samples,
                     double *spread_samples);

/* r[d] = E h[k + d] conj(h[k]) at power 1, for the mean profile of 1 … parts. */
void mixture_correlation(mixture_t *m, const estimate_part_t *part, int parts,
                         double complex r[NUMEROLOGY_USED + 1]);

#endif
