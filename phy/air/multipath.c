/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stream in chunks, split into real and imaginary parts for the vector FIR.
 * The old block's echoes are kept as a `tail` that is added while the new block
 * starts from an empty filter.
 */
#include "air/multipath.h"

#include "air/kernel.h"
#include "air/trajectory.h"
#include "rng.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORY = AIR_MAX_TAPS };
enum { STREAM_FADING = 1 };

struct multipath {
    trajectory_t trajectory;
    air_block_t block;
    const kernel_t *kernel;
    rng_t rng;
    size_t index;     /* of the next sample in its piece */
    size_t quiet;     /* zero samples in a row at the input, up to the filter's length */
    size_t tail_left; /* of the old block's echoes */
    float complex tail[AIR_MAX_TAPS];
    _Alignas(64) float xr[HISTORY + MULTIPATH_CHUNK + KERNEL_SLACK];
    _Alignas(64) float xi[HISTORY + MULTIPATH_CHUNK + KERNEL_SLACK];
    _Alignas(64) float yr[MULTIPATH_CHUNK + KERNEL_SLACK];
    _Alignas(64) float yi[MULTIPATH_CHUNK + KERNEL_SLACK];
};

multipath_t *multipath_create(const air_config_t *config, err_t *err)
{
    multipath_t *m = aligned_alloc(64, (sizeof *m + 63) / 64 * 64);
    if (m == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the fading");
        return NULL;
    }
    memset(m, 0, sizeof *m);
    m->block = config->block;
    m->kernel = kernel_best();
    if (trajectory_init(&m->trajectory, config, err) < 0) {
        multipath_destroy(m);
        return NULL;
    }
    multipath_reset(m, config->seed);
    return m;
}

void multipath_destroy(multipath_t *m)
{
    if (m != NULL) {
        trajectory_free(&m->trajectory);
        free(m);
    }
}

static void draw(multipath_t *m)
{
    m->index = 0;
    trajectory_draw(&m->trajectory, &m->rng);
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

/* `count` samples within the present piece have gone. */
static void advance(multipath_t *m, size_t count)
{
    m->index += count;
    if (m->index == m->trajectory.piece) {
        m->index = 0;
        trajectory_next(&m->trajectory);
    }
}

/* Time goes on over silence. */
static void skip(multipath_t *m, size_t count)
{
    while (m->trajectory.moving && count > 0) {
        const size_t left = m->trajectory.piece - m->index;
        const size_t n = count < left ? count : left;
        advance(m, n);
        count -= n;
    }
}

static void filter_moving(multipath_t *m, size_t count)
{
    const trajectory_t *t = &m->trajectory;
    const kernel_ramp_t ramp = {t->now.re, t->now.im, t->step.re, t->step.im};
    for (size_t done = 0; done < count;) {
        const size_t left = t->piece - m->index;
        const size_t n = count - done < left ? count - done : left;
        const size_t at = HISTORY + done;
        m->kernel->fir_ramp(&ramp, t->profile.taps, m->index, m->xr + at, m->xi + at, m->yr + done,
                            m->yi + done, n);
        advance(m, n);
        done += n;
    }
}

/* The filter over xr, xi[HISTORY … HISTORY + count), then the history moves on. */
static void filter(multipath_t *m, size_t count)
{
    if (m->trajectory.moving) {
        filter_moving(m, count);
    } else {
        m->kernel->fir(m->trajectory.now.re, m->trajectory.now.im, m->trajectory.profile.taps,
                       m->xr + HISTORY, m->xi + HISTORY, m->yr, m->yi, count);
    }
    const size_t keep = m->trajectory.profile.taps - 1;
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
    const size_t echoes = m->trajectory.profile.taps - 1;
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
    if (in != NULL || m->quiet < m->trajectory.profile.taps - 1) {
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
    trajectory_at(&m->trajectory, at, h);
}

bool multipath_is_moving(const multipath_t *m)
{
    return m->trajectory.moving;
}

size_t multipath_taps(const multipath_t *m)
{
    return m->trajectory.profile.taps;
}

size_t multipath_delay(const multipath_t *m)
{
    return m->trajectory.profile.delay;
}

double multipath_truncated(const multipath_t *m)
{
    return m->trajectory.profile.truncated;
}
