/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The payload on a channel that stands still: one set of weights, turned by the
 * common phase of each symbol and by the ramp that the sample clock's delay
 * makes over the carriers.  Every 16 symbols the pilots' mean says how far the
 * clock has drifted, and whether the channel is still the one of the head; if
 * it is not, demodulator_moving.c takes over for the rest of the frame.
 */
#include "waveform/demodulator_state.h"

#include "waveform/symbols.h"

#include <math.h>
#include <string.h>

enum { N = DEMOD_N, J = DEMOD_J, P = DEMOD_P };

/* Random walk of the sample clock per symbol: delay in samples^2, rate in (samples / symbol)^2. */
#define DELAY_WALK 1e-10
#define RATE_WALK 1e-14

/* The ramp is drawn anew when it is off by so much: 0.4 degrees at the band's edge. */
#define RAMP_STEP 0.004

/* Twelve pilots' deviation over its expectation, Gamma(12) / 12: exceeded once in 10^8 blocks. */
#define STILL_LIMIT 3.6
#define STILL_LEAST 1e-6 /* of the mean power: rounding, an oscillator's last wander */

/*
 * A known symbol within the payload.  What moved in the channel since the last
 * one shows in the difference; that sets how much of the new estimate is taken.
 */
static void retrain(demodulator_t *d, float complex y[N])
{
    float complex z = 0.0f;
    double energy = 0.0, moved = 0.0;
    for (int u = 0; u < N; u++) {
        y[u] *= d->ramp[u];
        z += y[u] * conjf(d->h[u]);
        energy += (double)(crealf(d->h[u]) * crealf(d->h[u]) + cimagf(d->h[u]) * cimagf(d->h[u]));
    }
    float complex turn = phase_update(&d->phase, z, energy, d->n0 + d->h_error);
    for (int u = 0; u < N; u++) {
        y[u] *= turn;
        float complex off = y[u] - d->h_run[u];
        moved += (double)(crealf(off) * crealf(off) + cimagf(off) * cimagf(off)) / N;
    }
    double before = d->h_run_var + fmax(moved - d->h_run_var - d->n0, 0.0);
    double gain = before / (before + d->n0 + 1e-300);
    for (int u = 0; u < N; u++) {
        d->h_run[u] += (float)gain * (y[u] - d->h_run[u]);
    }
    d->h_run_var = (1.0 - gain) * before;
    estimator_again(d->estimator, &d->estimate, d->h_run, d->training.power, d->h_run_var,
                    &d->estimate);
    memcpy(d->h, d->estimate.h, sizeof(d->h));
    d->h_error = d->estimate.error_var;
    demod_use_channel(d);
}

/* Brings ramp and weights to the present delay. */
static void follow_clock(demodulator_t *d)
{
    if (fabs(d->clock.value - d->ramped) > RAMP_STEP) {
        d->ramped = d->clock.value;
        rotor_ramp(d->ramp, d->ramped);
        for (int u = 0; u < N; u++) {
            d->ramped_w[u] = d->weights.w[u] * d->ramp[u];
        }
    }
}

/* The pilots of y, their points and the ramp taken off. */
static void take_pilots(const demodulator_t *d, const float complex y[N], float complex z[P])
{
    float sign = symbols_pilot_sign(d->t);
    for (int p = 0; p < P; p++) {
        int u = d->pilot[p];
        z[p] = y[u] * d->ramp[u] * (sign * conjf(d->pilots[p]));
    }
}

/* Adds this symbol's pilots to the evidence that the signal is there. */
static signal_t weigh(demodulator_t *d, double seen)
{
    d->seen += seen;
    d->expected += d->pilot_energy;
    /* Enough when seen / expected has a standard deviation of 1/8: then 0.25 is six away. */
    if (d->genie || d->expected < 32.0 * (d->n0 + d->h_error)) {
        return SIGNAL_UNSURE;
    }
    bool gone = !(d->seen >= 0.25 * d->expected);
    d->seen = d->expected = 0.0;
    return gone ? SIGNAL_GONE : SIGNAL_PROVEN;
}

static void count_errors(demodulator_t *d, const float complex z[P])
{
    float error = 0.0f;
    for (int p = 0; p < P; p++) {
        float complex off = z[p] - d->h_pilot[p];
        error += crealf(off) * crealf(off) + cimagf(off) * cimagf(off);
        d->sum[p] += z[p];
    }
    d->evm_error += (double)error;
    d->evm_energy += d->pilot_energy;
    d->summed++;
}

/* Delay and stillness from the mean of this block's pilots. */
static void look_back(demodulator_t *d)
{
    double tilt = 0.0, off = 0.0, noise = (d->n0 + d->h_error) / d->summed;
    for (int p = 0; p < P; p++) {
        float complex z = d->sum[p] / (float)d->summed;
        float complex along = z * conjf(d->h_pilot[p]), away = z - d->h_pilot[p];
        tilt -= (double)cimagf(along) * (numerology_radians(d->pilot[p]) - d->pilot_centre);
        off += (double)(crealf(away) * crealf(away) + cimagf(away) * cimagf(away));
    }
    if (d->pilot_slope > 0.0) {
        trend_correct(&d->clock, tilt / d->pilot_slope, noise / (2.0 * d->pilot_slope) + 1e-12);
    }
    if (off > STILL_LIMIT * P * (d->n0 / d->summed + d->h_error + STILL_LEAST * d->training.power)) {
        demod_move(d, d->block + 1, d->t + 1);
    }
    d->summed = 0;
    memset(d->sum, 0, sizeof(d->sum));
}

static void equalise_still(demodulator_t *d, const float complex y[N], signal_t *signal)
{
    float complex z[P], along = 0.0f;
    if (!d->genie) {
        follow_clock(d);
    }
    take_pilots(d, y, z);
    for (int p = 0; p < P; p++) {
        along += z[p] * conjf(d->h_pilot[p]);
    }
    float complex turn =
        d->genie ? 1.0f : phase_update(&d->phase, along, d->pilot_energy, d->n0 + d->h_error);
    for (int p = 0; p < P; p++) {
        z[p] *= turn;
    }
    demod_equalise(d, y, d->ramped_w, turn, d->weights.noise);
    count_errors(d, z);
    *signal = weigh(d, (double)crealf(along * turn));
    if (!d->genie) {
        tracker_push(d->tracker, z);
    }
    trend_step(&d->clock, DELAY_WALK, RATE_WALK);
}

/* A retraining symbol lies before this payload symbol and has not been used. */
static bool retraining_comes(const demodulator_t *d)
{
    size_t every = (size_t)d->numerology.retrain_every;
    return every > 0 && d->block > 0 && d->block % every == 0 && !d->retrained;
}

static void retraining_symbol(demodulator_t *d, float complex y[N])
{
    float complex z[P];
    d->retrained = true;
    if (d->genie) {
        trend_step(&d->clock, 0.0, 0.0);
        return;
    }
    for (int u = 0; u < N; u++) {
        y[u] *= conjf(d->known[0][u]);
    }
    if (d->moving) {
        demod_moving_training(d, y);
    } else {
        follow_clock(d);
        retrain(d, y);
        for (int p = 0; p < P; p++) {
            z[p] = y[d->pilot[p]];
        }
        tracker_push(d->tracker, z);
        trend_step(&d->clock, DELAY_WALK, RATE_WALK);
    }
}

signal_t demodulator_symbol(demodulator_t *d, const float complex *x)
{
    float complex y[N];
    signal_t signal = SIGNAL_UNSURE;
    demod_transform(d, x, y);
    if (retraining_comes(d)) {
        retraining_symbol(d, y);
        d->t++;
        return SIGNAL_UNSURE;
    }
    d->retrained = false;
    if (d->genie) {
        demod_use_genie(d, d->t);
    }
    if (d->moving) {
        signal = demod_moving_symbol(d, y);
    } else {
        equalise_still(d, y, &signal);
        if (!d->genie && d->summed == DEMOD_BLOCK) {
            look_back(d);
        }
    }
    d->block++;
    d->t++;
    if (d->moving) {
        demod_moving_out(d);
    }
    return signal;
}
