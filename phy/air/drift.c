/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Kaiser-windowed sinc of 16 taps (beta 8: images below -80 dB for a signal
 * inside +-0.28 of the rate), read from a fine table.  Over SEGMENT samples the
 * position between two samples hardly changes (0.013 at 200 ppm), so the taps are
 * exact at a segment's ends and linear in between: the same vector loop as moving
 * fading, an error below -80 dB.
 */
#include "air/drift.h"

#include "air/air.h"
#include "air/interpolation.h"
#include "air/kernel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEGMENT = 64,
    HALF = DRIFT_TAPS / 2,
    FINENESS = 512, /* table entries a sample */
    TABLE = (DRIFT_TAPS + 1) * FINENESS + 2
};

struct drift {
    double ratio;    /* ppm 1e-6 */
    size_t delay;    /* at the beginning */
    size_t history;  /* input samples kept */
    size_t room;     /* floats in xr and xi each */
    uint64_t time;   /* outputs since the beginning */
    ptrdiff_t whole; /* whole samples of the segment's position against its nominal one */
    const kernel_t *kernel;
    float *xr, *xi;
    _Alignas(64) float re[DRIFT_TAPS], step[DRIFT_TAPS], zero[DRIFT_TAPS];
    _Alignas(64) float yr[DRIFT_CHUNK + KERNEL_SLACK];
    _Alignas(64) float yi[DRIFT_CHUNK + KERNEL_SLACK];
    float table[TABLE]; /* the kernel from -HALF - 0.5 on */
};

static void make_table(drift_t *d)
{
    double sum = 0.0; /* for gain 1 at frequency 0 */
    for (int k = -HALF; k <= HALF; k++) {
        sum += interpolation_kernel(k + 0.5, HALF, 8.0);
    }
    for (int i = 0; i < TABLE; i++) {
        d->table[i] =
            (float)(interpolation_kernel((double)i / FINENESS - HALF - 0.5, HALF, 8.0) / sum);
    }
}

drift_t *drift_create(double ppm, err_t *err)
{
    drift_t *d = aligned_alloc(64, (sizeof *d + 63) / 64 * 64);
    if (d == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the sample clock's drift");
        return NULL;
    }
    memset(d, 0, sizeof *d);
    d->ratio = ppm * 1e-6;
    const size_t reach = (size_t)ceil(fabs(d->ratio) * (AIR_CLOCK_SAMPLES + SEGMENT)) + 1;
    d->delay = HALF + (ppm > 0.0 ? reach : 0);
    d->history = DRIFT_TAPS + 2 * reach + SEGMENT;
    d->room = d->history + DRIFT_CHUNK + 2 * KERNEL_SLACK;
    d->kernel = kernel_best();
    d->xr = calloc(d->room, sizeof *d->xr);
    d->xi = calloc(d->room, sizeof *d->xi);
    if (d->xr == NULL || d->xi == NULL) {
        drift_destroy(d);
        err_set(err, ERR_MEMORY, "no memory for the sample clock's drift");
        return NULL;
    }
    make_table(d);
    drift_reset(d);
    return d;
}

void drift_destroy(drift_t *d)
{
    if (d != NULL) {
        free(d->xr);
        free(d->xi);
        free(d);
    }
}

/* Tap j weighs the input HALF - j - fraction samples after the wanted time. */
static void taps_at(const drift_t *d, double fraction, float *taps)
{
    for (int j = 0; j < DRIFT_TAPS; j++) {
        const double at = (HALF - j - fraction + HALF + 0.5) * FINENESS;
        const int i = (int)at; /* >= 0: fraction is at most 1.02 */
        const float share = (float)(at - i);
        taps[j] = d->table[i] + share * (d->table[i + 1] - d->table[i]);
    }
}

static void begin_segment(drift_t *d)
{
    if (d->time == AIR_CLOCK_SAMPLES) {
        d->time = 0; /* the slip */
    }
    const double offset = d->ratio * (double)d->time;
    const double whole = floor(offset);
    float end[DRIFT_TAPS];
    taps_at(d, offset - whole, d->re);
    taps_at(d, offset - whole + d->ratio * SEGMENT, end);
    for (int j = 0; j < DRIFT_TAPS; j++) {
        d->step[j] = (end[j] - d->re[j]) * (1.0f / SEGMENT);
    }
    d->whole = (ptrdiff_t)whole;
}

void drift_reset(drift_t *d)
{
    memset(d->xr, 0, d->room * sizeof *d->xr);
    memset(d->xi, 0, d->room * sizeof *d->xi);
    d->time = 0;
    begin_segment(d);
}

void drift_process(drift_t *d, float complex *samples, size_t count)
{
    float *y = (float *)samples;
    for (size_t i = 0; i < count; i++) {
        d->xr[d->history + i] = y[2 * i];
        d->xi[d->history + i] = y[2 * i + 1];
    }
    const kernel_ramp_t ramp = {d->re, d->zero, d->step, d->zero};
    for (size_t done = 0; done < count;) {
        const size_t index = d->time % SEGMENT;
        const size_t n = count - done < SEGMENT - index ? count - done : SEGMENT - index;
        const ptrdiff_t at = (ptrdiff_t)(d->history + done + HALF - d->delay) + d->whole;
        d->kernel->fir_ramp(&ramp, DRIFT_TAPS, index, d->xr + at, d->xi + at, d->yr + done,
                            d->yi + done, n);
        done += n;
        d->time += n;
        if (d->time % SEGMENT == 0) {
            begin_segment(d);
        }
    }
    memmove(d->xr, d->xr + count, d->history * sizeof *d->xr);
    memmove(d->xi, d->xi + count, d->history * sizeof *d->xi);
    for (size_t i = 0; i < count; i++) {
        y[2 * i] = d->yr[i];
        y[2 * i + 1] = d->yi[i];
    }
}

size_t drift_delay(const drift_t *d)
{
    return d->delay;
}

size_t drift_memory(const drift_t *d)
{
    return d->history;
}

double drift_now(const drift_t *d)
{
    return d->ratio * (double)d->time;
}
