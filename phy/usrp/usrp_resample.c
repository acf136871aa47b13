/* SPDX-License-Identifier: GPL-3.0-or-later */
/* y(t) = sum_k x[k] g(t - k), g a Kaiser-windowed sinc (Oppenheim, Schafer: Discrete-Time Signal
   Processing, 7.6), tabulated at `phases` places between two input samples. */
#include "usrp/usrp_resample.h"

#include "rng.h" /* CMPLXF */

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CROSSINGS = 16 }; /* of the sinc, on either side */
enum { LANES = 8 };
static const double BETA = 7.857, CENTRE = 0.45;

struct usrp_resample {
    uint32_t in_ticks;
    double out_ticks;
    size_t half, taps; /* of the filter, in input samples */
    size_t phases;     /* between two input samples; one row more for the interpolation */
    float *table;      /* [phases + 1][2 taps], each coefficient twice: re and im */
    float complex *history;
    size_t filled, room;
    double at; /* ticks from history[half - 1] to the next output */
};

static double bessel_i0(double x)
{
    double sum = 1.0, term = 1.0;
    for (int k = 1; k < 40; k++) {
        term *= 0.25 * x * x / ((double)k * k);
        sum += term;
    }
    return sum;
}

static double kernel(double t, double half, double cutoff)
{
    const double u = t / half;
    if (fabs(u) >= 1.0) {
        return 0.0;
    }
    const double x = 2.0 * cutoff * t;
    const double sinc = fabs(x) < 1e-12 ? 1.0 : sin(M_PI * x) / (M_PI * x);
    return 2.0 * cutoff * sinc * bessel_i0(BETA * sqrt(1.0 - u * u)) / bessel_i0(BETA);
}

static void fill_table(usrp_resample_t *r, double cutoff)
{
    for (size_t p = 0; p <= r->phases; p++) {
        const double fraction = (double)p / (double)r->phases;
        float *row = r->table + 2 * p * r->taps;
        for (size_t k = 0; k < r->taps; k++) {
            const double t = fraction + (double)r->half - 1.0 - (double)k;
            row[2 * k] = row[2 * k + 1] = (float)kernel(t, (double)r->half, cutoff);
        }
    }
}

usrp_resample_t *usrp_resample_create(uint32_t in_ticks, double out_ticks, size_t most, err_t *err)
{
    usrp_resample_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a resampler");
        return NULL;
    }
    const double ratio = fmax(1.0, out_ticks / in_ticks);
    r->in_ticks = in_ticks;
    r->out_ticks = out_ticks;
    r->half = (size_t)ceil(0.5 * CROSSINGS * ratio) * 2; /* even: whole lanes */
    r->taps = 2 * r->half;
    r->phases = in_ticks * (size_t)ceil(fmax(1.0, 256.0 / (in_ticks * ratio)));
    r->room = r->taps + most;
    r->table = malloc((r->phases + 1) * 2 * r->taps * sizeof *r->table);
    r->history = calloc(r->room, sizeof *r->history);
    if (r->table == NULL || r->history == NULL) {
        usrp_resample_destroy(r);
        err_set(err, ERR_MEMORY, "no memory for a resampler");
        return NULL;
    }
    fill_table(r, CENTRE / ratio);
    usrp_resample_reset(r, 0.0);
    return r;
}

void usrp_resample_destroy(usrp_resample_t *r)
{
    if (r != NULL) {
        free(r->table);
        free(r->history);
        free(r);
    }
}

void usrp_resample_reset(usrp_resample_t *r, double offset_ticks)
{
    /* Silence before; the next input sample is history[half - 1]. */
    r->filled = r->half - 1;
    memset(r->history, 0, r->filled * sizeof *r->history);
    r->at = offset_ticks;
}

size_t usrp_resample_room(const usrp_resample_t *r, size_t count)
{
    return (size_t)((double)(count + r->taps) * r->in_ticks / r->out_ticks) + 2;
}

size_t usrp_resample_lag(const usrp_resample_t *r)
{
    return r->half;
}

/* Eight sums side by side: real and imaginary parts of four samples, which vectorises. */
static float complex filter(const float *row, const float complex *x, size_t taps)
{
    float sum[LANES] = {0};
    const float *v = (const float *)x;
    for (size_t k = 0; k < 2 * taps; k += LANES) {
        for (size_t lane = 0; lane < LANES; lane++) {
            sum[lane] += row[k + lane] * v[k + lane];
        }
    }
    return CMPLXF((sum[0] + sum[2]) + (sum[4] + sum[6]), (sum[1] + sum[3]) + (sum[5] + sum[7]));
}

size_t usrp_resample_process(usrp_resample_t *r, const float complex *in, size_t count,
                             float complex *out)
{
    memcpy(r->history + r->filled, in, count * sizeof *in);
    r->filled += count;
    size_t made = 0;
    for (;;) {
        const double place = r->at / r->in_ticks;
        const size_t whole = (size_t)place;
        if (whole + r->taps > r->filled) {
            break;
        }
        const double phase = (place - (double)whole) * (double)r->phases;
        const size_t row = (size_t)(phase + 1e-6);
        const float between = (float)(phase - (double)row);
        const float complex *x = r->history + whole;
        float complex y = filter(r->table + 2 * row * r->taps, x, r->taps);
        if (between > 1e-4f) {
            y += between * (filter(r->table + 2 * (row + 1) * r->taps, x, r->taps) - y);
        }
        out[made++] = y;
        r->at += r->out_ticks;
    }
    /* What no later output needs goes. */
    size_t first = (size_t)(r->at / r->in_ticks);
    first = first < r->filled ? first : r->filled;
    memmove(r->history, r->history + first, (r->filled - first) * sizeof *r->history);
    r->filled -= first;
    r->at -= (double)first * r->in_ticks;
    return made;
}
