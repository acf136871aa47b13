/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The payload on a channel that moves within the frame.  The two lines (phase
 * and sample clock) run on as they are; everything else that turns is left to
 * the tracker, which filters the pilots over time, and to an LMMSE
 * interpolation from the 12 pilots to the 132 carriers for any profile within
 * the prefix.  Symbols wait until the filter has seen 16 symbols beyond them.
 *
 * What the filter cannot follow, because it changes from symbol to symbol, is
 * phase noise: the common phase of a symbol's pilots against the filtered ones,
 * taken as far as its variance exceeds what noise explains.
 *
 * With the long prefix and retraining symbols the pilots are too far apart for
 * the channel's delays, and the channel is interpolated over time between the
 * retraining symbols instead.
 */
#include "waveform/demodulator_state.h"

#include "waveform/symbols.h"

#include <math.h>
#include <string.h>

enum {
    N = DEMOD_N,
    J = DEMOD_J,
    P = DEMOD_P,
    ADAPT_EVERY = 64, /* symbols */
    DELAY_LOOK = 32,  /* symbols whose mean delay is one observation of the clock */
    UNPROVEN = 128, /* symbols of a fade that are not yet the signal's end */
};

/* What the sample clock may be off by before anything is known: 10 ppm rms, in samples a symbol. */
#define CLOCK_PPM 10e-6

/* The pilots are too far apart for the delays that the long prefix admits. */
static bool between_training(const demodulator_t *d)
{
    return d->numerology.cp == NUMEROLOGY_CP_EXTENDED && d->numerology.retrain_every > 0 &&
           d->numerology.retrain_every < DEMOD_HELD;
}

void demod_move(demodulator_t *d, size_t block, size_t t)
{
    d->moving = true;
    d->out_block = d->adapt_at = block;
    d->out_t = t;
    d->wobble = d->seen = d->expected = 0.0;
    d->unproven = 0;
    d->trained_at = d->training.mean_time;
    memcpy(d->h_then, d->h, sizeof(d->h_then));
    memset(d->last_pilots, 0, sizeof(d->last_pilots));
    d->neighbours = 0.0;
    d->neighbour_energy = d->delay_reference = 0.0;
    d->delay_symbols = d->delay_looks = 0;
    if (d->training.moved > 0.0) {
        /* The head's slopes turned with the fading: they say nothing about the clock. */
        double rate = CLOCK_PPM * (NUMEROLOGY_FFT + d->numerology.cp);
        d->clock = (trend_t){.ss = rate * rate};
        d->ramped = 0.0;
    }
}

/*
 * A clock's drift shows in the channel's mean delay, which the fading moves as
 * well: a Kalman filter weighs the one against the other.  The ramp follows its
 * estimate slowly, for the pilots' filter must not see it jump.
 */
static void follow_clock(demodulator_t *d)
{
    trend_step(&d->clock, 1e-10, 1e-14);
    d->ramped += d->clock.slope + (d->clock.value - d->clock.slope - d->ramped) / ADAPT_EVERY;
}

/* h_pilot: the channel that has just been used. */
static void look_at_delay(demodulator_t *d, const float complex h_pilot[P])
{
    enum { APART = NUMEROLOGY_USED / P, LOOKS_FOR_REFERENCE = 2 };
    const double per_radian = NUMEROLOGY_FFT / (2.0 * M_PI * APART);
    double energy = 0.0;
    for (int p = 1; p < P; p++) {
        if (p != P / 2) { /* the two pilots beside the empty carrier are one further apart */
            d->neighbours += (double complex)(h_pilot[p] * conjf(h_pilot[p - 1]));
        }
        energy += (double)(crealf(h_pilot[p]) * crealf(h_pilot[p]) +
                           cimagf(h_pilot[p]) * cimagf(h_pilot[p]));
    }
    d->neighbour_energy += energy;
    if (++d->delay_symbols < DELAY_LOOK) {
        return;
    }
    double delay = -carg(d->neighbours) * per_radian;
    /* The spread makes neighbours alike only so far; its square over the independent fades that
       were seen is how far the mean delay wanders. */
    double alike = fmin(cabs(d->neighbours) / (d->neighbour_energy + 1e-30), 0.999);
    double spread = per_radian * sqrt(-2.0 * log(fmax(alike, 0.05)));
    double fades = 1.0 + 2.0 * tracker_doppler(d->tracker) * DELAY_LOOK + 0.5 * spread;
    double variance = spread * spread / fades + 1e-3;
    d->neighbours = 0.0;
    d->neighbour_energy = 0.0;
    d->delay_symbols = 0;
    if (d->delay_looks < LOOKS_FOR_REFERENCE) {
        d->delay_reference += (delay - d->delay_reference) / ++d->delay_looks;
        d->clock.vv += variance / (2 * LOOKS_FOR_REFERENCE);
    } else {
        trend_correct(&d->clock, delay - d->delay_reference, variance);
    }
}

/* Takes the lines off y, for the present symbol, and moves them on by one. */
static void straighten(demodulator_t *d, float complex y[N])
{
    float complex turn = phase_skip(&d->phase);
    rotor_ramp(d->ramp, d->ramped);
    for (int u = 0; u < N; u++) {
        y[u] *= turn * d->ramp[u];
    }
    follow_clock(d);
}

/*
 * The signal is there when neighbouring symbols' pilots agree.  Fades are part
 * of such a channel, and their symbols come out with a noise variance that says
 * so: only a long time without any proof, or a whole payload without it, is
 * the signal's end.
 */
static signal_t weigh(demodulator_t *d, const float complex z[P])
{
    float along = 0.0f;
    for (int p = 0; p < P; p++) {
        along += crealf(z[p] * conjf(d->last_pilots[p]));
    }
    memcpy(d->last_pilots, z, sizeof(d->last_pilots));
    d->seen += (double)along;
    d->expected += P * d->n0 * d->n0 / 2.0; /* its variance in noise alone */
    d->unproven++;
    double proof = 6.0 * sqrt(d->expected) + 0.01 * P * d->training.power;
    if (d->seen > proof) {
        d->seen = d->expected = 0.0;
        d->unproven = 0;
        return SIGNAL_PROVEN;
    }
    bool last = (d->block + 1) * J >= d->total;
    bool never = last && d->unproven > 2 && (size_t)d->unproven == d->block + 1 &&
                 P * d->training.power * d->unproven > 4.0 * proof;
    return never || d->unproven > UNPROVEN ? SIGNAL_GONE : SIGNAL_UNSURE;
}

static void pilots_of(const demodulator_t *d, const float complex y[N], size_t t, float complex z[P])
{
    float sign = symbols_pilot_sign(t);
    for (int p = 0; p < P; p++) {
        z[p] = y[d->pilot[p]] * (sign * conjf(d->pilots[p]));
    }
}

/* What turns a symbol's pilots against the filtered ones, as far as it is not noise. */
static float complex common_phase(demodulator_t *d, const float complex z[P],
                                  const float complex h[P])
{
    float complex along = 0.0f;
    double energy = 0.0;
    for (int p = 0; p < P; p++) {
        along += z[p] * conjf(h[p]);
        energy += (double)(crealf(h[p]) * crealf(h[p]) + cimagf(h[p]) * cimagf(h[p]));
    }
    double noise = d->n0 / (2.0 * energy + 1e-30), angle = along != 0.0f ? (double)cargf(along) : 0.0;
    d->wobble += (angle * angle - noise - d->wobble) / 32.0;
    double seen = fmax(d->wobble, 0.0);
    angle *= seen / (seen + noise + 1e-30);
    return CMPLXF(cosf((float)angle), -sinf((float)angle));
}

/* Equalises the symbol that is due with the channel d->h, whose error is `error`. */
static void put_out(demodulator_t *d, const float complex h_pilot[P], double error)
{
    float complex z[P];
    const float complex *y = d->held[d->out_block % DEMOD_HELD];
    pilots_of(d, y, d->out_t, z);
    float complex turn = common_phase(d, z, h_pilot);
    demod_weigh(d, d->h, d->n0 + error);
    demod_equalise(d, y, d->weights.w, turn, d->weights.noise);
    for (int p = 0; p < P; p++) {
        float complex off = z[p] * turn - h_pilot[p];
        d->evm_error += (double)(crealf(off) * crealf(off) + cimagf(off) * cimagf(off));
        d->evm_energy += (double)(crealf(h_pilot[p]) * crealf(h_pilot[p]) +
                                  cimagf(h_pilot[p]) * cimagf(h_pilot[p]));
    }
    d->out_block++;
    d->out_t++;
}

/* ---- through the pilots ---- */

/* By how much the delays may have moved from where the head saw them, in samples rms: what the
   clock's filter is unsure of, and what the ramp has not yet followed. */
static double clock_wander(const demodulator_t *d)
{
    double behind = d->clock.value - d->ramped;
    return sqrt(d->clock.vv + d->clock.ss * ADAPT_EVERY * ADAPT_EVERY + behind * behind);
}

/* The Doppler anew, and with the filter's error the interpolation over the carriers. */
static void adapt(demodulator_t *d)
{
    float complex h[P];
    tracker_adapt(d->tracker, d->n0);
    d->across_from = tracker_filter(d->tracker, d->out_t, h);
    /* The head may have lain in a fade: too little power would make the channel too small. */
    double power = fmax(d->training.power, tracker_power(d->tracker, d->n0));
    d->across_error = estimator_interpolator(d->estimator, &d->estimate, clock_wander(d), power,
                                             d->across_from, &d->across);
    d->adapt_at = d->out_block + ADAPT_EVERY;
}

static void follow_pilots(demodulator_t *d)
{
    float complex h_pilot[P];
    size_t every = (size_t)d->numerology.retrain_every;
    size_t reach = demodulator_done(d) ? 0 : TRACKER_REACH;
    while (d->out_block + reach < d->block) {
        if (every > 0 && d->out_block > 0 && d->out_block % every == 0 && !d->passed) {
            d->out_t++; /* a retraining symbol lies in between */
            d->passed = true;
        } else {
            if (d->out_block >= d->adapt_at) {
                adapt(d);
            }
            double error = tracker_filter(d->tracker, d->out_t, h_pilot);
            estimator_interpolate(&d->across, h_pilot, d->h);
            put_out(d, h_pilot, d->across_error * error / d->across_from);
            look_at_delay(d, h_pilot);
            d->passed = false;
        }
    }
}

/* ---- through the retraining symbols ---- */

/* Everything held, with the channel on a line from d->h_then to `next`, which is at `now`. */
static void follow_line(demodulator_t *d, const float complex next[N], double now, double error)
{
    float complex h_pilot[P];
    while (d->out_block < d->block) {
        float part = (float)(((double)d->out_t - d->trained_at) / (now - d->trained_at));
        for (int u = 0; u < N; u++) {
            d->h[u] = d->h_then[u] + part * (next[u] - d->h_then[u]);
        }
        for (int p = 0; p < P; p++) {
            h_pilot[p] = d->h[d->pilot[p]];
        }
        put_out(d, h_pilot, error);
    }
}

void demod_moving_training(demodulator_t *d, float complex y[N])
{
    float complex z[P];
    straighten(d, y);
    for (int p = 0; p < P; p++) {
        z[p] = y[d->pilot[p]];
    }
    tracker_push(d->tracker, z);
    if (!between_training(d)) {
        return;
    }
    estimator_again(d->estimator, &d->estimate, y, d->training.power, d->n0, &d->estimate);
    follow_line(d, d->estimate.h, (double)d->t, fmax(d->estimate.error_var, d->h_error));
    memcpy(d->h_then, d->estimate.h, sizeof(d->h_then));
    d->trained_at = (double)d->t;
    d->h_error = d->estimate.error_var;
    d->out_t++; /* past this symbol */
}

signal_t demod_moving_symbol(demodulator_t *d, float complex y[N])
{
    float complex z[P];
    straighten(d, y);
    pilots_of(d, y, d->t, z);
    tracker_push(d->tracker, z);
    memcpy(d->held[d->block % DEMOD_HELD], y, sizeof(d->held[0]));
    return weigh(d, z);
}

void demod_moving_out(demodulator_t *d)
{
    if (!between_training(d)) {
        follow_pilots(d);
    } else if (demodulator_done(d)) {
        float complex h[N];
        memcpy(h, d->h_then, sizeof(h));
        follow_line(d, h, (double)d->t, d->h_error);
    }
}
