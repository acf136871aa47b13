/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The oscillators turn once a knot and the paths are mixed to taps there; the cubic
 * (Lagrange's, through the knots before and after the present interval and its two
 * ends) and the linear pieces then work on taps: most of the cost is the FIR.
 */
#include "air/trajectory.h"

#include <math.h>
#include <string.h>

enum { KNOT_LEAST = 64, KNOT_MOST = 4096, KNOT_REPLAY = 512 }; /* samples */
enum { PIECE_LEAST = 16, PIECES_MOST = 8 };

/* From knot to knot. */
static double knot_samples(const trajectory_t *t)
{
    return (double)(t->piece * t->pieces);
}

static void divide_knot(trajectory_t *t, size_t knot)
{
    t->piece = knot / PIECES_MOST > PIECE_LEAST ? knot / PIECES_MOST : PIECE_LEAST;
    t->pieces = knot / t->piece;
}

static size_t knot_for(const air_config_t *config)
{
    const double radians =
        2.0 * 3.14159265358979323846 * config->doppler_hz / config->sample_rate_hz;
    size_t knot = KNOT_LEAST;
    while (knot < KNOT_MOST && radians * 2.0 * (double)knot <= 0.224) {
        knot *= 2;
    }
    return knot;
}

int trajectory_init(trajectory_t *t, const air_config_t *config, err_t *err)
{
    memset(t, 0, sizeof *t);
    t->rate_hz = config->sample_rate_hz;
    t->from_start = config->block == AIR_BLOCK_STATIC;
    t->kernel = kernel_best();
    t->moving = config->model == AIR_REPLAY || config->doppler_hz > 0.0;
    if (config->model == AIR_REPLAY) {
        t->replay = replay_open(config->path, config->path_link, config->sample_rate_hz, err);
        if (t->replay == NULL) {
            return -1;
        }
        divide_knot(t, KNOT_REPLAY); /* a recording has kinks: the cubic must be short */
    }
    if (profile_init(&t->profile, config, t->replay, err) < 0) {
        return -1;
    }
    if (t->moving && t->replay == NULL) {
        divide_knot(t, knot_for(config));
        const double turns = config->doppler_hz / config->sample_rate_hz * knot_samples(t);
        t->doppler = doppler_create(t->profile.paths, turns, t->profile.sight, t->from_start, err);
        return t->doppler != NULL ? 0 : -1;
    }
    return 0;
}

void trajectory_free(trajectory_t *t)
{
    doppler_destroy(t->doppler);
    replay_close(t->replay);
    profile_free(&t->profile);
}

static void mix(trajectory_t *t, taps_t *taps)
{
    t->kernel->mix(t->profile.weights, t->profile.stride, t->profile.paths, t->gr, t->gi, taps->re,
                   taps->im);
}

/* The taps of a knot, counted from the block's beginning; the oscillators know only the next. */
static void make_knot(trajectory_t *t, double number, taps_t *taps)
{
    if (t->doppler != NULL) {
        doppler_step(t->doppler, t->gr, t->gi);
    } else {
        replay_at(t->replay, number * knot_samples(t) / t->rate_hz, t->gr, t->gi);
    }
    mix(t, taps);
}

/* The cubic through the values p[0 … 3] at -1, 0, 1, 2. */
static void fit(const float *before, const float *at, const float *after, const float *last,
                float *c0, float *c1, float *c2, float *c3, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        c0[k] = at[k];
        c1[k] = after[k] - before[k] * (1.0f / 3.0f) - at[k] * 0.5f - last[k] * (1.0f / 6.0f);
        c2[k] = (before[k] + after[k]) * 0.5f - at[k];
        c3[k] = (last[k] - before[k]) * (1.0f / 6.0f) + (at[k] - after[k]) * 0.5f;
    }
}

static void fit_curve(trajectory_t *t)
{
    const taps_t *p = t->knot;
    taps_t *c = t->curve;
    const size_t taps = t->profile.taps;
    fit(p[0].re, p[1].re, p[2].re, p[3].re, c[0].re, c[1].re, c[2].re, c[3].re, taps);
    fit(p[0].im, p[1].im, p[2].im, p[3].im, c[0].im, c[1].im, c[2].im, c[3].im, taps);
}

/* The taps at the end of the present piece, and the slopes towards them. */
static void prepare_piece(trajectory_t *t)
{
    const taps_t *c = t->curve;
    const float u = (float)(t->number + 1) / (float)t->pieces;
    const float scale = 1.0f / (float)t->piece; /* a power of two */
    for (size_t k = 0; k < t->profile.taps; k++) {
        t->next.re[k] = ((c[3].re[k] * u + c[2].re[k]) * u + c[1].re[k]) * u + c[0].re[k];
        t->next.im[k] = ((c[3].im[k] * u + c[2].im[k]) * u + c[1].im[k]) * u + c[0].im[k];
        t->step.re[k] = (t->next.re[k] - t->now.re[k]) * scale;
        t->step.im[k] = (t->next.im[k] - t->now.im[k]) * scale;
    }
}

static void copy_taps(const trajectory_t *t, taps_t *to, const taps_t *from)
{
    memcpy(to->re, from->re, t->profile.taps * sizeof(float));
    memcpy(to->im, from->im, t->profile.taps * sizeof(float));
}

static void draw_still(trajectory_t *t, rng_t *rng)
{
    float complex g[AIR_MAX_TAPS];
    rng_complex_normal(rng, 1.0f, g, t->profile.paths);
    if (t->profile.sight) {
        const float magnitude = cabsf(g[0]);
        g[0] = magnitude > 0.0f ? g[0] / magnitude : 1.0f;
    }
    for (size_t p = 0; p < t->profile.paths; p++) {
        t->gr[p] = crealf(g[p]);
        t->gi[p] = cimagf(g[p]);
    }
}

static void draw_moving(trajectory_t *t, rng_t *rng)
{
    if (t->doppler != NULL) {
        doppler_draw(t->doppler, rng, t->gr, t->gi); /* is knot -1 */
    } else {
        const double start = !t->from_start ? ldexp((double)(rng_bits(rng) >> 11), -53) : 0.0;
        replay_start(t->replay, start);
        replay_at(t->replay, -knot_samples(t) / t->rate_hz, t->gr, t->gi);
    }
    mix(t, &t->knot[0]);
    for (int i = 1; i < 4; i++) {
        make_knot(t, i - 1, &t->knot[i]);
    }
    copy_taps(t, &t->now, &t->knot[1]);
    fit_curve(t);
    prepare_piece(t);
}

void trajectory_draw(trajectory_t *t, rng_t *rng)
{
    t->number = 0;
    t->knots = 0;
    if (t->moving) {
        draw_moving(t, rng);
    } else {
        draw_still(t, rng);
        mix(t, &t->now);
    }
}

void trajectory_next(trajectory_t *t)
{
    copy_taps(t, &t->now, &t->next);
    if (++t->number == t->pieces) {
        t->number = 0;
        t->knots++;
        for (int i = 0; i < 3; i++) {
            copy_taps(t, &t->knot[i], &t->knot[i + 1]);
        }
        make_knot(t, (double)(t->knots + 2), &t->knot[3]);
        fit_curve(t);
    }
    prepare_piece(t);
}

void trajectory_at(const trajectory_t *t, double at, double complex *h)
{
    double complex g[AIR_MAX_TAPS];
    float gr[AIR_MAX_TAPS], gi[AIR_MAX_TAPS];
    if (t->doppler != NULL) {
        doppler_at(t->doppler, at / knot_samples(t) + 1.0, g); /* the draw is knot -1 */
    } else {
        if (t->replay != NULL) {
            replay_at(t->replay, at / t->rate_hz, gr, gi);
        }
        for (size_t p = 0; p < t->profile.paths; p++) {
            g[p] = t->replay != NULL ? CMPLXF(gr[p], gi[p]) : CMPLXF(t->gr[p], t->gi[p]);
        }
    }
    for (size_t k = 0; k < t->profile.taps; k++) {
        h[k] = 0.0;
        for (size_t p = 0; p < t->profile.paths; p++) {
            h[k] += (double)t->profile.weights[p * t->profile.stride + k] * g[p];
        }
    }
}
