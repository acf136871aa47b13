/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * estimator: a channel estimate from a least-squares one.
 *
 * h_ls[132] = h + w on the used carriers (numerology.h), E|w|^2 = noise_var on
 * each.  Three methods:
 *
 *     LS     h_ls as it is.
 *     DFT    the classical one: carriers that are not used are filled up, the
 *            impulse response is cut to the prefix (van de Beek et al., VTC
 *            1995).  For comparison: it knows no noise, and what it fills in
 *            it sees again.
 *     LMMSE  h = R (R + noise_var I)^-1 h_ls, R the carriers' correlation for
 *            a delay profile, in the low-rank form of Edfors, Sandell, van de
 *            Beek, Wilson and Boerjesson (IEEE Trans. Commun. 46(7), 1998).
 *
 * LMMSE needs R, and takes it from h_ls itself.  A bank holds profiles that
 * channels are known to have (profile.h: one path, exponential, uniform, TDL-A
 * and TDL-C), each over a grid of rms delay spreads; the place of the first
 * path is a third unknown.  The likelihood of h_ls ~ CN(0, power R + noise_var
 * I) decides; where several explain h_ls about equally well, their estimates
 * are mixed in that proportion, which is the mean of h given h_ls and the
 * bank.  Profiles of separate paths are then moved off the grid (paths.h).
 * Channels that are in no profile come out well all the same as long as some
 * profile covers their delays; energy beyond the prefix passes when it stands
 * out of the noise.
 *
 * The result estimates what h_ls estimates, in place and scale: no phase, ramp
 * or gain is taken off.  An estimator's calls allocate nothing, but use its
 * scratch memory: one thread at a time.
 */
#ifndef CHEST_ESTIMATOR_H
#define CHEST_ESTIMATOR_H

#include "chest/profile.h"
#include "err.h"
#include "waveform/numerology.h"

typedef enum { ESTIMATOR_LS, ESTIMATOR_DFT, ESTIMATOR_LMMSE } estimator_method_t;

typedef struct estimator estimator_t;

enum { ESTIMATE_PARTS = 16 };

/* One profile of the mixture. */
typedef struct {
    double weight; /* 0 … 1; a mixture's add up to 1 */
    profile_shape_t shape;
    int entry;             /* in the bank; -1: separate paths at `origin`, `scale` */
    double origin_samples; /* place of the first path in the FFT window */
    double scale_samples;  /* the rms delay spread that was asked of profile_make */
} estimate_part_t;

typedef struct {
    float complex h[NUMEROLOGY_USED];
    double error_var;            /* E|h - true h|^2 per carrier, mean over carriers */
    double delay_samples;        /* mean delay of the profile, from the window's start */
    double delay_spread_samples; /* its rms delay spread */
    double log_likelihood;       /* of h_ls under the best part, over that of noise alone; nats */
    int parts;                   /* 0: LS and DFT, or no signal */
    estimate_part_t part[ESTIMATE_PARTS]; /* the heaviest first */
} estimate_t;

/* Pilots to carriers: h = W z.  Planes, carriers contiguous. */
typedef struct {
    float re[NUMEROLOGY_PILOTS][144], im[NUMEROLOGY_PILOTS][144]; /* 132 used, pads zero */
} estimator_interpolator_t;

/*
 * For a prefix of `cp` samples, 18 or 64.  LMMSE takes tens of milliseconds
 * and about 1 (cp 18) or 7 (cp 64) megabytes.  NULL and `err`: another prefix,
 * no memory.
 */
estimator_t *estimator_create(int cp, estimator_method_t method, err_t *err);
void estimator_destroy(estimator_t *e); /* NULL is fine */

/*
 * power: mean |h|^2 without noise, about; noise_var: E|w|^2.  noise_var <= 0
 * counts as none.  power <= 0 gives h = 0 (LMMSE).  A value that is not finite
 * in h_ls, power or noise_var gives h = 0, error_var = 0 and no parts.
 */
void estimator_apply(estimator_t *e, const float complex h_ls[NUMEROLOGY_USED], double power,
                     double noise_var, estimate_t *out);

/*
 * The same for profiles that an earlier estimate (of the same estimator) found:
 * no search, a fraction of the time.  `profile` and `out` may be the same.
 * Without parts there, as estimator_apply.
 */
void estimator_again(estimator_t *e, const estimate_t *profile,
                     const float complex h_ls[NUMEROLOGY_USED], double power, double noise_var,
                     estimate_t *out);

/*
 * The LMMSE interpolation from the 12 pilot carriers (numerology_pilot),
 * z[p] = h[pilot p] + noise of variance pilot_noise_var, to all: for the
 * mixture's mean profile, whose delays may since have moved together by
 * `wander_samples` rms.  Returns the error variance per carrier, mean over
 * carriers.  The pilots are 330 kHz apart: delays beyond 3 us fold back.
 * Without parts in `profile` (LS and DFT never find any) a uniform profile
 * over the prefix is assumed.  Bad numbers give W = 0 and 0.
 */
double estimator_interpolator(estimator_t *e, const estimate_t *profile, double wander_samples,
                              double power, double pilot_noise_var, estimator_interpolator_t *w);
void estimator_interpolate(const estimator_interpolator_t *w,
                           const float complex z[NUMEROLOGY_PILOTS],
                           float complex h[NUMEROLOGY_USED]);

#endif
