/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * doppler: the gains of a set of paths over time, each a sum of DOPPLER_ROWS
 * sinusoids with Clarke's arrival angles:
 *     g_p(t) = sum over m of A_pm exp(2 pi i f_D cos(alpha_pm) t),
 *     alpha_pm = (2 pi m + theta_p) / M,    theta_p uniform
 * so that E[g(t + s) conj(g(t))] = J0(2 pi f_D s) exactly.  A_pm is circular
 * Gaussian of variance 1/M for short blocks: over the draws g is a Gaussian
 * process, and |g|^2 of a draw varies.  For one draw that lasts a whole run
 * (`steady`) |A_pm|^2 = 1/M with uniform phase: now the average over time is 1.
 * A path in sight is one sinusoid of power 1 and frequency 0.7 f_D.
 */
#ifndef AIR_DOPPLER_H
#define AIR_DOPPLER_H

#include "air/kernel.h"
#include "err.h"
#include "rng.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>

#define DOPPLER_ROWS 32

typedef struct doppler doppler_t;

/*
 * paths: 1 … 256; turns: f_D in turns a step.  doppler_step moves by one step.
 * sight: path 0 is in sight.
 */
doppler_t *doppler_create(size_t paths, double turns, bool sight, bool steady, err_t *err);
void doppler_destroy(doppler_t *doppler);

/* Fresh angles, amplitudes and phases; time is 0: gr[lanes], gi[lanes] for it. */
void doppler_draw(doppler_t *doppler, rng_t *rng, float *gr, float *gi);

/* One step on: the gains there.  Arrays of doppler_lanes floats, aligned or not. */
void doppler_step(doppler_t *doppler, float *gr, float *gi);

/* paths, rounded up to a multiple of 16. */
size_t doppler_lanes(const doppler_t *doppler);

/* g[paths] at any time since the draw, in steps. */
void doppler_at(const doppler_t *doppler, double steps, double complex *g);

#endif
