/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile: power-delay profiles that a channel may have, as lists of paths.
 *
 * A path is a delay in samples behind the first path, and a part of the power;
 * the parts add up to 1.  Delays scale with the rms delay spread.  The shapes:
 *
 *     LONE         one path; the spread does not matter
 *     EXPONENTIAL  p(t) ~ exp(-t / spread)
 *     UNIFORM      p(t) constant up to spread * sqrt(12)
 *     TDL_A, TDL_C clusters of 3GPP TR 38.901 v16.1, tables 7.7.2-1 and 7.7.2-3
 */
#ifndef CHEST_PROFILE_H
#define CHEST_PROFILE_H

typedef enum {
    PROFILE_LONE,
    PROFILE_EXPONENTIAL,
    PROFILE_UNIFORM,
    PROFILE_TDL_A,
    PROFILE_TDL_C,
    PROFILE_SHAPES
} profile_shape_t;

enum { PROFILE_MAX_PATHS = 96 };

typedef struct {
    int count;
    double delay[PROFILE_MAX_PATHS], power[PROFILE_MAX_PATHS];
    double mean, spread; /* of the paths that are there, in samples */
} profile_t;

/*
 * Paths of `shape` with rms spread `spread_samples` > 0.  Those later than
 * `reach_samples` are left out: what lies far beyond the prefix is
 * interference, not channel.
 */
void profile_make(profile_t *p, profile_shape_t shape, double spread_samples, double reach_samples);

#endif
