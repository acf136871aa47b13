/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trajectory: the taps of a fading filter over time.  They are real mixtures of the
 * gains of independent paths,
 *     h[k](t) = sum over p of W[p][k] g_p(t),
 * with W made once from the model's profile, and g from a Gaussian draw a block,
 * from Doppler oscillators, or from a recording.
 *
 * Moving taps are exact at knots.  A cubic through four knots gives them up to seven
 * times between two, and from there to there they are linear: pieces, which the FIR
 * works on.  The distances are such (2 pi f_D / rate times them at most 0.224 and
 * 0.028) that the rms error stays below -80 dB up to f_D = rate / 3000; at the
 * largest, rate / 1000, below -60 dB.
 */
#ifndef AIR_TRAJECTORY_H
#define AIR_TRAJECTORY_H

#include "air/air.h"
#include "air/doppler.h"
#include "air/kernel.h"
#include "air/profile.h"
#include "air/replay.h"
#include "rng.h"

typedef struct {
    _Alignas(64) float re[AIR_MAX_TAPS];
    _Alignas(64) float im[AIR_MAX_TAPS];
} taps_t;

typedef struct {
    profile_t profile;
    bool moving;  /* else `now` stands for the whole block */
    size_t piece; /* samples over which the taps are linear: a power of two */
    taps_t now;   /* at the present piece's first sample */
    taps_t step;  /* from one sample to the next */

    /* the rest is the trajectory's own */
    double rate_hz;
    bool from_start;     /* one draw for the whole run; a recording begins at its beginning */
    const kernel_t *kernel;
    doppler_t *doppler;  /* or NULL */
    replay_t *replay;    /* or NULL */
    size_t pieces;       /* from knot to knot: a power of two */
    size_t number;       /* of the piece after the knot */
    uint64_t knots;      /* passed since the draw */
    _Alignas(64) float gr[AIR_MAX_TAPS];
    _Alignas(64) float gi[AIR_MAX_TAPS];
    taps_t next;
    taps_t knot[4];  /* before, at, after, after that */
    taps_t curve[4]; /* the cubic's coefficients */
} trajectory_t;

/* Any model but none and awgn, checked; -1 with ERR_ARGUMENT (delays too long), the recording's
   errors, ERR_MEMORY.  trajectory_free is due in any case.  Aligned to 64 bytes. */
int trajectory_init(trajectory_t *t, const air_config_t *config, err_t *err);
void trajectory_free(trajectory_t *t);

/* A fresh draw; time is 0. */
void trajectory_draw(trajectory_t *t, rng_t *rng);

/* On to the next piece (moving only). */
void trajectory_next(trajectory_t *t);

/* The exact taps h[profile.taps] at a time since the draw, in samples. */
void trajectory_at(const trajectory_t *t, double at, double complex *h);

#endif
