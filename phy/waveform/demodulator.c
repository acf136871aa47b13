/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The object itself, from samples to carriers, and from carriers to symbols. */
#include "waveform/demodulator_state.h"

#include "eq/mmse.h"
#include "waveform/symbols.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = DEMOD_N, J = DEMOD_J, P = DEMOD_P };

static int allocate(demodulator_t *d, estimator_method_t method, err_t *err)
{
    size_t room = d->max_symbols + J;
    d->symbols = malloc(room * sizeof(*d->symbols));
    d->noise_var = malloc(room * sizeof(*d->noise_var));
    if (d->symbols == NULL || d->noise_var == NULL) {
        return err_set(err, ERR_MEMORY, "receiver: no memory for %zu symbols", d->max_symbols);
    }
    /* Touch the pages now: the steady state takes no faults. */
    memset(d->symbols, 0, room * sizeof(*d->symbols));
    memset(d->noise_var, 0, room * sizeof(*d->noise_var));
    d->fft = fft_create(NUMEROLOGY_FFT, FFT_FORWARD, err);
    d->estimator = d->fft != NULL
                       ? estimator_create(d->numerology.cp, method, err)
                       : NULL;
    d->delay = d->estimator != NULL ? delay_create(err) : NULL;
    d->tracker = d->delay != NULL ? tracker_create(err) : NULL;
    return d->tracker == NULL ? -1 : 0;
}

static void make_tables(demodulator_t *d)
{
    preamble_spectrum(d->segment);
    for (int i = 0; i < NUMEROLOGY_KNOWN; i++) {
        symbols_known(i, d->known[i]);
    }
    symbols_pilots(d->pilots);
    for (int i = 0; i < P; i++) {
        d->pilot[i] = numerology_pilot(i);
    }
    for (int i = 0; i < J; i++) {
        d->data[i] = numerology_data(i);
    }
    int cp = d->numerology.cp;
    for (int i = 0; i < DEMOD_ALL; i++) {
        int m = i - PREAMBLE_SEGMENTS;
        d->time[i] = m >= 0 ? m
                            : (double)(m * PREAMBLE_SEGMENT - cp) / (NUMEROLOGY_FFT + cp);
    }
}

demodulator_t *demodulator_create(const receiver_config_t *config, err_t *err)
{
    demodulator_t *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        err_set(err, ERR_MEMORY, "receiver: out of memory");
        return NULL;
    }
    d->numerology = config->numerology;
    d->max_symbols = config->max_symbols;
    if (allocate(d, config->estimator, err) != 0) {
        demodulator_destroy(d);
        return NULL;
    }
    make_tables(d);
    return d;
}

void demodulator_destroy(demodulator_t *d)
{
    if (d != NULL) {
        fft_destroy(d->fft);
        estimator_destroy(d->estimator);
        delay_destroy(d->delay);
        tracker_destroy(d->tracker);
        free(d->symbols);
        free(d->noise_var);
        free(d);
    }
}

void demodulator_begin(demodulator_t *d, double cfo)
{
    d->genie = d->header_valid = d->retrained = d->moving = d->passed = false;
    d->cfo = cfo;
    d->total = d->received = d->t = d->block = 0;
    d->shift = 0;
    d->evm_error = d->evm_energy = d->seen = d->expected = 0.0;
    d->n0 = NAN;
    d->summed = 0;
    memset(d->sum, 0, sizeof(d->sum));
    memset(&d->header, 0, sizeof(d->header));
    memset(&d->phase, 0, sizeof(d->phase));
    memset(&d->clock, 0, sizeof(d->clock));
    rotor_fill(d->turn, cfo);
    tracker_begin(d->tracker);
}

void demodulator_begin_genie(demodulator_t *d, const receiver_genie_t *genie)
{
    demodulator_begin(d, genie->cfo_hz / d->numerology.spacing_hz);
    d->genie = true;
    if (genie->header != NULL) {
        d->header = *genie->header;
    }
    d->genie_channel = genie->channel;
    d->genie_symbols = genie->channel_symbols > 0 ? genie->channel_symbols : 1;
    d->n0 = genie->n0;
    d->h_error = 0.0;
    d->clock.slope = genie->clock_ppm * 1e-6 * (NUMEROLOGY_FFT + d->numerology.cp);
    double power = 0.0;
    for (size_t i = 0; i < N * d->genie_symbols; i++) {
        float complex h = genie->channel[i];
        power += (double)(crealf(h) * crealf(h) + cimagf(h) * cimagf(h));
    }
    d->training.power = power / (double)(N * d->genie_symbols);
    demod_use_genie(d, 0);
}

void demod_use_genie(demodulator_t *d, size_t t)
{
    size_t at = t < d->genie_symbols ? t : d->genie_symbols - 1;
    memcpy(d->h, d->genie_channel + N * at, sizeof(d->h));
    if (d->shift != 0) { /* the window is not the nominal one */
        float complex ramp[N];
        rotor_ramp(ramp, (double)d->shift);
        for (int u = 0; u < N; u++) {
            d->h[u] *= ramp[u];
        }
    }
    demod_use_channel(d);
}

void demod_transform_at(demodulator_t *d, const float complex *x, size_t from, float complex y[N])
{
    double turns = d->cfo * ((double)from / NUMEROLOGY_FFT);
    float angle = (float)(2.0 * M_PI * (turns - rint(turns)));
    float scale = 1.0f / (16.0f * NUMEROLOGY_AMPLITUDE);
    float complex *in = fft_in(d->fft);
    for (int n = 0; n < NUMEROLOGY_FFT; n++) {
        in[n] = x[n] * d->turn[n];
    }
    fft_execute(d->fft);
    numerology_gather(fft_out(d->fft), y);
    float complex turn = CMPLXF(scale * cosf(angle), -scale * sinf(angle));
    for (int u = 0; u < N; u++) {
        y[u] *= turn;
    }
}

void demod_transform(demodulator_t *d, const float complex *x, float complex y[N])
{
    size_t cp = (size_t)d->numerology.cp;
    size_t from = NUMEROLOGY_PREAMBLE + d->t * (NUMEROLOGY_FFT + cp) + cp;
    demod_transform_at(d, x + cp, (size_t)((long)from + d->shift), y);
}

void demod_weigh(demodulator_t *d, const float complex h[N], double noise)
{
    demod_weights_t *w = &d->weights;
    float left[N];
    mmse_weights(h, noise, N, w->w, left);
    for (int i = 0; i < J; i++) {
        w->noise[i] = left[d->data[i]];
    }
}

void demod_use_channel(demodulator_t *d)
{
    demod_weigh(d, d->h, d->n0 + d->h_error);
    memcpy(d->ramped_w, d->weights.w, sizeof(d->ramped_w));
    for (int u = 0; u < N; u++) {
        d->ramp[u] = 1.0f;
    }
    d->ramped = 0.0;
    double first = 0.0, second = 0.0;
    d->pilot_energy = 0.0;
    for (int p = 0; p < P; p++) {
        double k = numerology_radians(d->pilot[p]);
        d->h_pilot[p] = d->h[d->pilot[p]];
        double e = (double)(crealf(d->h_pilot[p]) * crealf(d->h_pilot[p]) +
                            cimagf(d->h_pilot[p]) * cimagf(d->h_pilot[p]));
        d->pilot_energy += e;
        first += e * k;
        second += e * k * k;
    }
    d->pilot_centre = d->pilot_energy > 0.0 ? first / d->pilot_energy : 0.0;
    d->pilot_slope = fmax(second - d->pilot_centre * first, 0.0);
}

void demod_equalise(demodulator_t *d, const float complex *y, const float complex *w,
                    float complex turn, const float noise[J])
{
    float complex s[N];
    mmse_apply(w, turn, y, N, s);
    if (d->received + J <= DEMOD_BEFORE) {
        numerology_pick_data(y, d->before + d->received);
    }
    /* The last symbol may be part filled; the arrays have room for it whole. */
    numerology_pick_data(s, d->symbols + d->received);
    memcpy(d->noise_var + d->received, noise, J * sizeof(*noise));
    size_t left = d->total - d->received;
    d->received += left < J ? left : J;
}

bool demodulator_fits(const demodulator_t *d)
{
    return d->total <= d->max_symbols;
}

bool demodulator_broken(const demodulator_t *d)
{
    const training_t *tr = &d->training;
    if (d->genie) {
        return false;
    }
    /* Far from chance: at -6 dB the tail's standard deviation is 0.09.  A channel that moves may
       have turned by the header's end, but seldom have faded so far. */
    return tr->moved > 0.0 ? !(tr->tail_power >= 0.05) : !(tr->tail >= 0.3);
}

bool demodulator_done(const demodulator_t *d)
{
    return d->block * J >= d->total;
}

int demodulator_move_window(demodulator_t *d)
{
    int move = d->clock.value > 0.5 ? 1 : d->clock.value < -0.5 ? -1 : 0;
    d->clock.value -= move;
    if (move != 0) {
        /* A moving channel's ramp goes on without a jump; the other one is drawn anew. */
        d->ramped = d->moving ? d->ramped - move : INFINITY;
    }
    d->shift += move;
    return move;
}

static double in_db(double ratio)
{
    return ratio > 0.0 ? 10.0 * log10(ratio) : ratio == 0.0 ? -INFINITY : NAN;
}

void demodulator_result(demodulator_t *d, bool with_symbols, received_frame_t *frame)
{
    bool estimated = d->n0 >= 0.0;
    double per_symbol = 2.0 * M_PI * (NUMEROLOGY_FFT + d->numerology.cp) / NUMEROLOGY_FFT;
    frame->header_valid = d->header_valid;
    memset(&frame->header, 0, sizeof(frame->header));
    if (d->header_valid) {
        frame->header = d->header;
    }
    frame->symbol_count = with_symbols ? d->total : 0;
    frame->symbols = with_symbols ? d->symbols : NULL;
    frame->noise_var = with_symbols ? d->noise_var : NULL;
    frame->before = with_symbols ? d->before : NULL;
    frame->before_count = frame->symbol_count < DEMOD_BEFORE ? frame->symbol_count : DEMOD_BEFORE;
    frame->channel = estimated ? d->h : NULL;
    double power = d->moving ? tracker_power(d->tracker, d->n0) : d->training.power;
    frame->n0 = d->n0;
    frame->snr_db = estimated ? in_db(power / d->n0) : NAN;
    frame->channel_gain_db = estimated ? in_db(power) : NAN;
    frame->cfo_hz = (d->cfo + d->phase.line.slope / per_symbol) * d->numerology.spacing_hz;
    frame->clock_ppm = estimated ? d->clock.slope / (NUMEROLOGY_FFT + d->numerology.cp) * 1e6 : NAN;
    frame->doppler_hz = d->moving ? tracker_doppler(d->tracker) * d->numerology.spacing_hz *
                                        NUMEROLOGY_FFT / (NUMEROLOGY_FFT + d->numerology.cp)
                                  : 0.0;
    frame->evm_db = d->evm_energy > 0.0 ? in_db(d->evm_error / d->evm_energy) : NAN;
    frame->delay_spread_ns = NAN;
    if (estimated) {
        double samples = delay_spread(d->delay, d->h);
        frame->delay_spread_ns = samples / numerology_sample_rate_hz(&d->numerology) * 1e9;
    }
}
