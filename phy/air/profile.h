/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * profile: the mixing matrix of a fading model: which part of which path reaches
 * which tap of the filter.
 */
#ifndef AIR_PROFILE_H
#define AIR_PROFILE_H

#include "air/air.h"
#include "air/replay.h"

typedef struct {
    size_t paths, taps;
    size_t stride;    /* taps, rounded up to a multiple of 16 */
    size_t delay;     /* the tap of an echo at delay 0 */
    double truncated; /* energy beyond the last tap */
    bool sight;       /* path 0 does not fade */
    float *weights;   /* [path][stride] */
} profile_t;

/* `replay`: the recording's delays, for that model.  -1 with ERR_ARGUMENT, ERR_MEMORY. */
int profile_init(profile_t *profile, const air_config_t *config, const replay_t *replay,
                 err_t *err);
void profile_free(profile_t *profile);

#endif
