/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream in chunks, split into real and imaginary parts for the vector FIR.
 * The old block's echoes are kept as a `tail` that is added while the new block
 * starts from an empty filter.
 *
 * The oscillators turn once a knot and the paths are mixed to taps there; the cubic
 * (Lagrange's, through the knots before and after the present interval and its two
 * ends) and the linear pieces then work on taps: most of the cost is the FIR.
 */
#include "air/multipath.h"

#include "air/doppler.h"
#include "air/kernel.h"
#include "air/profile.h"
#include "air/replay.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY = AIR_MAX_TAPS, LANES = AIR_MAX_TAPS };
enum { KNOT_LEAST = 64, KNOT_MOST = 4096, KNOT_REPLAY = 512 }; /* samples */
enum { PIECE_LEAST = 16, PIECES_MOST = 8 };
enum { STREAM_FADING = 1 };

typedef struct {
    _Alignas(64) float re[AIR_MAX_TAPS];
    _Alignas(64) float im[AIR_MAX_TAPS];
} taps_t;

struct multipath {
    air_block_t block;
    double rate_hz;
    profile_t profile;
    const kernel_t *kernel;
    doppler_t *doppler; /* NULL: standing */
    replay_t *replay;   /* NULL: not a recording */
    rng_t rng;
    size_t piece;     /* samples over which the taps are linear: a power of two */
    size_t pieces;    /* from knot to knot: too */
    size_t index;     /* of the next sample in its piece */
    size_t number;    /* of the piece after the knot */
    uint64_t knots;   /* passed since the block began */
    size_t quiet;     /* zero samples in a row at the input, up to the filter's length */
    size_t tail_left; /* of the old block's echoes */
    float complex tail[AIR_MAX_TAPS];
    _Alignas(64) float gr[LANES], gi[LANES];
    taps_t knot[4];        /* before, at, after, after that */
    taps_t curve[4];       /* the cubic's coefficients */
    taps_t now, next, step; /* the present piece */
    _Alignas(64) float xr[HISTORY + MULTIPATH_CHUNK + KERNEL_SLACK];
    _Alignas(64) float xi[HISTORY + MULTIPATH_CHUNK + KERNEL_SLACK];
    _Alignas(64) float yr[MULTIPATH_CHUNK + KERNEL_SLACK];
    _Alignas(64) float yi[MULTIPATH_CHUNK + KERNEL_SLACK];
};

/* From knot to knot. */
static double knot_samples(const multipath_t *m)
{
    return (double)(m->piece * m->pieces);
}

static void divide_knot(multipath_t *m, size_t knot)
{
    m->piece = knot / PIECES_MOST > PIECE_LEAST ? knot / PIECES_MOST : PIECE_LEAST;
    m->pieces = knot / m->piece;
}

static size_t knot_for(const air_config_t *config)
{
    const double radians = 2.0 * 3.14159265358979323846 * config->doppler_hz / config->sample_rate_hz;
    size_t knot = KNOT_LEAST;
    while (knot < KNOT_MOST && radians * 2.0 * (double)knot <= 0.224) {
        knot *= 2;
    }
    return knot;
}

static int open_parts(multipath_t *m, const air_config_t *config, err_t *err)
{
    if (config->model == AIR_REPLAY) {
        m->replay = replay_open(config->path, config->path_link, config->sample_rate_hz, err);
        if (m->replay == NULL) {
            return -1;
        }
        divide_knot(m, KNOT_REPLAY); /* a recording has kinks: the cubic must be short */
    }
    if (profile_init(&m->profile, config, m->replay, err) < 0) {
        return -1;
    }
    if (m->replay == NULL && config->doppler_hz > 0.0) {
        divide_knot(m, knot_for(config));
        const double turns = config->doppler_hz / config->sample_rate_hz * knot_samples(m);
        m->doppler = doppler_create(m->profile.paths, turns, m->profile.sight,
                                    config->block == AIR_BLOCK_STATIC, err);
        return m->doppler != NULL ? 0 : -1;
    }
    return 0;
}

multipath_t *multipath_create(const air_config_t *config, err_t *err)
{
    multipath_t *m = aligned_alloc(64, (sizeof *m + 63) / 64 * 64);
    if (m == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the fading");
        return NULL;
    }
    memset(m, 0, sizeof *m);
    m->block = config->block;
    m->rate_hz = config->sample_rate_hz;
    m->kernel = kernel_best();
    if (open_parts(m, config, err) < 0) {
        multipath_destroy(m);
        return NULL;
    }
    multipath_reset(m, config->seed);
    return m;
}

void multipath_destroy(multipath_t *m)
{
    if (m != NULL) {
        doppler_destroy(m->doppler);
        replay_close(m->replay);
        profile_free(&m->profile);
        free(m);
    }
}

static void mix(multipath_t *m, taps_t *taps)
{
    m->kernel->mix(m->profile.weights, m->profile.stride, m->profile.paths, m->gr, m->gi, taps->re,
                   taps->im);
}

/* The taps of a knot, counted from the block's beginning; the oscillators know only the next. */
static void make_knot(multipath_t *m, double number, taps_t *taps)
{
    if (m->doppler != NULL) {
        doppler_step(m->doppler, m->gr, m->gi);
    } else {
        replay_at(m->replay, number * knot_samples(m) / m->rate_hz, m->gr, m->gi);
    }
    mix(m, taps);
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

static void fit_curve(multipath_t *m)
{
    const taps_t *p = m->knot;
    taps_t *c = m->curve;
    const size_t taps = m->profile.taps;
    fit(p[0].re, p[1].re, p[2].re, p[3].re, c[0].re, c[1].re, c[2].re, c[3].re, taps);
    fit(p[0].im, p[1].im, p[2].im, p[3].im, c[0].im, c[1].im, c[2].im, c[3].im, taps);
}

/* The taps at the end of the present piece, and the slopes towards them. */
static void prepare_piece(multipath_t *m)
{
    const taps_t *c = m->curve;
    const float u = (float)(m->number + 1) / (float)m->pieces;
    const float scale = 1.0f / (float)m->piece; /* a power of two */
    for (size_t k = 0; k < m->profile.taps; k++) {
        m->next.re[k] = ((c[3].re[k] * u + c[2].re[k]) * u + c[1].re[k]) * u + c[0].re[k];
        m->next.im[k] = ((c[3].im[k] * u + c[2].im[k]) * u + c[1].im[k]) * u + c[0].im[k];
        m->step.re[k] = (m->next.re[k] - m->now.re[k]) * scale;
        m->step.im[k] = (m->next.im[k] - m->now.im[k]) * scale;
    }
}

static void copy_taps(const multipath_t *m, taps_t *to, const taps_t *from)
{
    memcpy(to->re, from->re, m->profile.taps * sizeof(float));
    memcpy(to->im, from->im, m->profile.taps * sizeof(float));
}

static void draw_still(multipath_t *m)
{
    float complex g[LANES];
    rng_complex_normal(&m->rng, 1.0f, g, m->profile.paths);
    if (m->profile.sight) {
        const float magnitude = cabsf(g[0]);
        g[0] = magnitude > 0.0f ? g[0] / magnitude : 1.0f;
    }
    for (size_t p = 0; p < m->profile.paths; p++) {
        m->gr[p] = crealf(g[p]);
        m->gi[p] = cimagf(g[p]);
    }
}

static void draw_moving(multipath_t *m)
{
    if (m->doppler != NULL) {
        doppler_draw(m->doppler, &m->rng, m->gr, m->gi); /* is knot -1 */
    } else {
        const double start = m->block == AIR_BLOCK_BURST
                                 ? ldexp((double)(rng_bits(&m->rng) >> 11), -53)
                                 : 0.0;
        replay_start(m->replay, start);
        replay_at(m->replay, -knot_samples(m) / m->rate_hz, m->gr, m->gi);
    }
    mix(m, &m->knot[0]);
    for (int i = 1; i < 4; i++) {
        make_knot(m, i - 1, &m->knot[i]);
    }
    copy_taps(m, &m->now, &m->knot[1]);
    fit_curve(m);
    prepare_piece(m);
}

static void draw(multipath_t *m)
{
    m->index = 0;
    m->number = 0;
    m->knots = 0;
    if (multipath_is_moving(m)) {
        draw_moving(m);
    } else {
        draw_still(m);
        mix(m, &m->now);
    }
}

void multipath_reset(multipath_t *m, uint64_t seed)
{
    rng_seed(&m->rng, seed, STREAM_FADING);
    memset(m->xr, 0, sizeof m->xr);
    memset(m->xi, 0, sizeof m->xi);
    m->quiet = AIR_MAX_TAPS;
    m->tail_left = 0;
    draw(m);
}

static void next_piece(multipath_t *m)
{
    m->index = 0;
    copy_taps(m, &m->now, &m->next);
    if (++m->number == m->pieces) {
        m->number = 0;
        m->knots++;
        for (int i = 0; i < 3; i++) {
            copy_taps(m, &m->knot[i], &m->knot[i + 1]);
        }
        make_knot(m, (double)(m->knots + 2), &m->knot[3]);
        fit_curve(m);
    }
    prepare_piece(m);
}

/* Time goes on over silence. */
static void skip(multipath_t *m, size_t count)
{
    while (multipath_is_moving(m) && count > 0) {
        const size_t left = m->piece - m->index;
        const size_t n = count < left ? count : left;
        m->index += n;
        count -= n;
        if (m->index == m->piece) {
            next_piece(m);
        }
    }
}

static void filter_moving(multipath_t *m, size_t count)
{
    const kernel_ramp_t ramp = {m->now.re, m->now.im, m->step.re, m->step.im};
    for (size_t done = 0; done < count;) {
        const size_t left = m->piece - m->index;
        const size_t n = count - done < left ? count - done : left;
        const size_t at = HISTORY + done;
        m->kernel->fir_ramp(&ramp, m->profile.taps, m->index, m->xr + at, m->xi + at,
                            m->yr + done, m->yi + done, n);
        m->index += n;
        done += n;
        if (m->index == m->piece) {
            next_piece(m);
        }
    }
}

/* The filter over xr, xi[HISTORY … HISTORY + count), then the history moves on. */
static void filter(multipath_t *m, size_t count)
{
    if (multipath_is_moving(m)) {
        filter_moving(m, count);
    } else {
        m->kernel->fir(m->now.re, m->now.im, m->profile.taps, m->xr + HISTORY, m->xi + HISTORY,
                       m->yr, m->yi, count);
    }
    const size_t keep = m->profile.taps - 1;
    memmove(m->xr + HISTORY - keep, m->xr + HISTORY - keep + count, keep * sizeof(float));
    memmove(m->xi + HISTORY - keep, m->xi + HISTORY - keep + count, keep * sizeof(float));
}

static void push_zeros(multipath_t *m, size_t count)
{
    memset(m->xr + HISTORY, 0, count * sizeof(float));
    memset(m->xi + HISTORY, 0, count * sizeof(float));
}

void multipath_begin_block(multipath_t *m)
{
    if (m->block != AIR_BLOCK_BURST) {
        return;
    }
    const size_t echoes = m->profile.taps - 1;
    if (m->quiet < echoes) {
        push_zeros(m, echoes); /* also empties the filter */
        filter(m, echoes);
        for (size_t i = 0; i < echoes; i++) {
            const float complex old = i < m->tail_left ? m->tail[i] : 0.0f;
            m->tail[i] = old + CMPLXF(m->yr[i], m->yi[i]);
        }
        m->tail_left = echoes;
        m->quiet = AIR_MAX_TAPS;
    }
    draw(m);
}

static void fade(multipath_t *m, const float complex *in, float complex *out, size_t count)
{
    if (in != NULL) {
        const float *x = (const float *)in;
        for (size_t i = 0; i < count; i++) {
            m->xr[HISTORY + i] = x[2 * i];
            m->xi[HISTORY + i] = x[2 * i + 1];
        }
    } else {
        push_zeros(m, count);
    }
    filter(m, count);
    float *y = (float *)out;
    for (size_t i = 0; i < count; i++) {
        y[2 * i] = m->yr[i];
        y[2 * i + 1] = m->yi[i];
    }
}

static void add_tail(multipath_t *m, float complex *out, size_t count)
{
    const size_t n = count < m->tail_left ? count : m->tail_left;
    for (size_t i = 0; i < n; i++) {
        out[i] += m->tail[i];
    }
    m->tail_left -= n;
    memmove(m->tail, m->tail + n, m->tail_left * sizeof *m->tail);
}

void multipath_process(multipath_t *m, const float complex *in, float complex *out, size_t count)
{
    if (in != NULL || m->quiet < m->profile.taps - 1) {
        fade(m, in, out, count);
    } else {
        memset(out, 0, count * sizeof *out);
        skip(m, count);
    }
    if (in != NULL) {
        m->quiet = 0;
    } else if (m->quiet < AIR_MAX_TAPS) {
        m->quiet += count;
    }
    add_tail(m, out, count);
}

void multipath_taps_at(const multipath_t *m, double at, double complex *h)
{
    double complex g[LANES];
    float gr[LANES], gi[LANES];
    if (m->doppler != NULL) {
        doppler_at(m->doppler, at / knot_samples(m) + 1.0, g); /* the draw is knot -1 */
    } else {
        if (m->replay != NULL) {
            replay_at(m->replay, at / m->rate_hz, gr, gi);
        }
        for (size_t p = 0; p < m->profile.paths; p++) {
            g[p] = m->replay != NULL ? CMPLXF(gr[p], gi[p]) : CMPLXF(m->gr[p], m->gi[p]);
        }
    }
    for (size_t k = 0; k < m->profile.taps; k++) {
        h[k] = 0.0;
        for (size_t p = 0; p < m->profile.paths; p++) {
            h[k] += (double)m->profile.weights[p * m->profile.stride + k] * g[p];
        }
    }
}

bool multipath_is_moving(const multipath_t *m)
{
    return m->doppler != NULL || m->replay != NULL;
}

size_t multipath_taps(const multipath_t *m)
{
    return m->profile.taps;
}

size_t multipath_delay(const multipath_t *m)
{
    return m->profile.delay;
}

double multipath_truncated(const multipath_t *m)
{
    return m->profile.truncated;
}
