/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Clarke's model ("A statistical theory of mobile-radio reception", 1968) as a
 * sum of sinusoids with one random rotation of equally spaced angles, after Zheng
 * and Xiao ("Simulation models with correct statistical properties for Rayleigh
 * fading channels", 2003).
 *
 * Every oscillator turns by a complex product a step, in single precision and in
 * vectors.  Each STRETCH steps all are set anew from a double-precision copy that
 * itself turns by one product a stretch: after a stretch the rounding has reached
 * some 1e-6, and never more.
 */
#include "air/doppler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STRETCH = 64 };
static const double PI = 3.14159265358979323846;

struct doppler {
    size_t paths, lanes, size; /* size = DOPPLER_ROWS * lanes */
    double turns;
    bool sight, steady;
    int steps; /* since the last stretch began */
    const kernel_t *kernel;
    kernel_bank_t bank;
    double complex *start;     /* [row][lane]: amplitude and phase at time 0 */
    double *now_re, *now_im;   /* at the present stretch's beginning */
    double *leap_re, *leap_im; /* the turn of a stretch */
    double *rate;              /* turns a step */
    double *numbers;           /* the five above */
    float *memory;             /* the bank's */
};

static bool allocate(doppler_t *d)
{
    d->start = calloc(d->size, sizeof *d->start);
    d->numbers = calloc(5 * d->size, sizeof *d->numbers);
    d->memory = aligned_alloc(64, 4 * d->size * sizeof *d->memory);
    if (d->start == NULL || d->numbers == NULL || d->memory == NULL) {
        return false;
    }
    d->now_re = d->numbers;
    d->now_im = d->numbers + d->size;
    d->leap_re = d->numbers + 2 * d->size;
    d->leap_im = d->numbers + 3 * d->size;
    d->rate = d->numbers + 4 * d->size;
    memset(d->memory, 0, 4 * d->size * sizeof *d->memory);
    d->bank = (kernel_bank_t){.rows = DOPPLER_ROWS,
                              .lanes = d->lanes,
                              .re = d->memory,
                              .im = d->memory + d->size,
                              .step_re = d->memory + 2 * d->size,
                              .step_im = d->memory + 3 * d->size};
    return true;
}

doppler_t *doppler_create(size_t paths, double turns, bool sight, bool steady, err_t *err)
{
    doppler_t *d = calloc(1, sizeof *d);
    if (d != NULL) {
        d->paths = paths;
        d->lanes = (paths + 15) / 16 * 16;
        d->size = DOPPLER_ROWS * d->lanes;
        d->turns = turns;
        d->sight = sight;
        d->steady = steady;
        d->kernel = kernel_best();
        if (allocate(d)) {
            return d;
        }
    }
    doppler_destroy(d);
    err_set(err, ERR_MEMORY, "no memory for the fading");
    return NULL;
}

void doppler_destroy(doppler_t *d)
{
    if (d != NULL) {
        free(d->start);
        free(d->numbers);
        free(d->memory);
        free(d);
    }
}

static double complex cis_turns(double turns)
{
    const double angle = 2.0 * PI * (turns - floor(turns));
    return __builtin_complex(cos(angle), sin(angle));
}

static void set_oscillator(doppler_t *d, size_t at, double complex amplitude, double rate)
{
    const double complex step = cis_turns(rate);
    const double complex leap = cis_turns(rate * STRETCH);
    d->start[at] = amplitude;
    d->now_re[at] = creal(amplitude);
    d->now_im[at] = cimag(amplitude);
    d->leap_re[at] = creal(leap);
    d->leap_im[at] = cimag(leap);
    d->rate[at] = rate;
    d->bank.step_re[at] = (float)creal(step);
    d->bank.step_im[at] = (float)cimag(step);
}

static void draw_path(doppler_t *d, rng_t *rng, size_t p)
{
    const double theta = 2.0 * PI * (double)rng_uniform(rng);
    for (size_t m = 0; m < DOPPLER_ROWS; m++) {
        const double alpha = (2.0 * PI * (double)m + theta) / DOPPLER_ROWS;
        double complex amplitude;
        if (d->steady) {
            amplitude = cis_turns((double)rng_uniform(rng)) / sqrt(DOPPLER_ROWS);
        } else {
            float complex z;
            rng_complex_normal(rng, 1.0f / DOPPLER_ROWS, &z, 1);
            amplitude = z;
        }
        set_oscillator(d, m * d->lanes + p, amplitude, d->turns * cos(alpha));
    }
}

static void draw_sight(doppler_t *d, rng_t *rng)
{
    for (size_t m = 0; m < DOPPLER_ROWS; m++) {
        set_oscillator(d, m * d->lanes, 0.0, 0.0);
    }
    set_oscillator(d, 0, cis_turns((double)rng_uniform(rng)), 0.7 * d->turns);
}

static void begin_stretch(doppler_t *d)
{
    for (size_t i = 0; i < d->size; i++) {
        d->bank.re[i] = (float)d->now_re[i];
        d->bank.im[i] = (float)d->now_im[i];
    }
    d->steps = 0;
}

void doppler_draw(doppler_t *d, rng_t *rng, float *gr, float *gi)
{
    for (size_t p = 0; p < d->paths; p++) {
        if (p == 0 && d->sight) {
            draw_sight(d, rng);
        } else {
            draw_path(d, rng, p);
        }
    }
    begin_stretch(d);
    for (size_t p = 0; p < d->lanes; p++) {
        gr[p] = 0.0f;
        gi[p] = 0.0f;
        for (size_t m = 0; m < DOPPLER_ROWS; m++) {
            gr[p] += d->bank.re[m * d->lanes + p];
            gi[p] += d->bank.im[m * d->lanes + p];
        }
    }
}

/* Real and imaginary parts apart: gcc 12 would fuse the products of interleaved ones, whatever
   -ffp-contract says, and the samples would depend on the machine. */
static void turn_stretch(doppler_t *d)
{
    for (size_t i = 0; i < d->size; i++) {
        const double re = d->now_re[i], im = d->now_im[i];
        d->now_re[i] = re * d->leap_re[i] - im * d->leap_im[i];
        d->now_im[i] = re * d->leap_im[i] + im * d->leap_re[i];
    }
}

void doppler_step(doppler_t *d, float *gr, float *gi)
{
    d->kernel->turn(&d->bank, gr, gi);
    if (++d->steps == STRETCH) {
        turn_stretch(d);
        begin_stretch(d);
    }
}

size_t doppler_lanes(const doppler_t *d)
{
    return d->lanes;
}

void doppler_at(const doppler_t *d, double steps, double complex *g)
{
    for (size_t p = 0; p < d->paths; p++) {
        g[p] = 0.0;
        for (size_t m = 0; m < DOPPLER_ROWS; m++) {
            const size_t at = m * d->lanes + p;
            if (d->start[at] != 0.0) {
                g[p] += d->start[at] * cis_turns(d->rate[at] * steps);
            }
        }
    }
}
