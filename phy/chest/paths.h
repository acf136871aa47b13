/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * paths: channels of a few paths whose places and mean powers are known up to
 * an origin and a scale of delay.
 *
 * h = sum a_l r(origin + scale * delay_l), r(t) the carriers' response to a
 * path at t, E|a_l|^2 = power * power_l.  The bank's grid cannot hold such
 * profiles at high SNR: a path out of place by .02 samples shows.  Here origin
 * and scale are continuous; the work is in matrices of the number of paths.
 */
#ifndef CHEST_PATHS_H
#define CHEST_PATHS_H

#include "chest/bank.h"

enum { PATHS_MAX = 24 };
#define PATHS_MIN_NOISE 1e-5

typedef struct {
    double origin, scale; /* samples */
} paths_place_t;

typedef struct paths paths_t;

/* For profiles of PROFILE_LONE, _TDL_A, _TDL_C, cut off at `reach` samples behind their first path.
 */
paths_t *paths_create(double reach, err_t *err);
void paths_destroy(paths_t *p); /* NULL is fine */

/*
 * The LMMSE estimate for that place, from x = h + noise in bank.h's
 * coordinates (bank_fold, shift 0), E|h|^2 = 1 and `noise` >= PATHS_MIN_NOISE
 * per carrier.  x planes are [BANK_CARRIERS], pads zero.  Returns the log-likelihood over that of
 * noise alone; paths_estimate then gives h, and the mean error variance per carrier.
 */
double paths_fit(paths_t *p, profile_shape_t shape, paths_place_t place, const float *xre,
                 const float *xim, double noise);
double paths_estimate(const paths_t *p, float *xre, float *xim);

/*
 * One Gauss-Newton step of origin and scale from the last fit (that of the
 * same x); `cell`: about how far off they are.
 */
paths_place_t paths_step(paths_t *p, const float *xre, const float *xim, paths_place_t cell);

/* E h[k + d] conj(h[k]) at power 1, d = 0 … 132; adds `weight` times that. */
void paths_correlation(paths_t *p, profile_shape_t shape, paths_place_t place, double weight,
                       double complex correlation[NUMEROLOGY_USED + 1]);

/* Mean and rms of the delays behind the first path. */
void paths_moments(paths_t *p, profile_shape_t shape, double scale, double *mean, double *spread);

#endif
