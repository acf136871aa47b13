/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two passes over the head of the frame.  First the preamble's four segments
 * and the two known symbols give a channel good enough for the header, whose
 * pilots follow the phase.  (A segment has no prefix: with a delay of d samples
 * d / 256 of it is its neighbour's, which matters little to QPSK.)  Once the
 * header's CRC holds, its points are known too: the known and the header
 * symbols together give the channel, noise and phase line that the payload is
 * received with.
 */
#include "waveform/demodulator.h"

#include "chest/smoother.h"
#include "chest/training.h"
#include "eq/mmse.h"
#include "sync/phase.h"
#include "sync/preamble.h"
#include "sync/rotor.h"
#include "waveform/delay.h"
#include "waveform/fft.h"
#include "waveform/symbols.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    N = NUMEROLOGY_USED,
    J = NUMEROLOGY_DATA,
    P = NUMEROLOGY_PILOTS,
    FIRST = PREAMBLE_SEGMENTS + NUMEROLOGY_KNOWN, /* symbols of the first pass */
    ALL = PREAMBLE_SEGMENTS + DEMODULATOR_HEAD,
};

struct demodulator {
    numerology_t numerology;
    size_t max_symbols;
    fft_t *fft;
    smoother_t *smoother;
    delay_t *delay;
    float complex segment[N]; /* the preamble's */
    float complex known[NUMEROLOGY_KNOWN][N];
    float complex pilots[P];
    double time[ALL]; /* of the head's symbols: see training.h; known symbol 0 at 0 */
    int data[J], pilot[P];
    float complex *symbols;
    float *noise_var;

    /* this frame */
    bool genie, header_valid;
    double cfo;
    float complex turn[ROTOR_SIZE];     /* takes the carrier offset off within a symbol */
    frame_header_t header;
    size_t total, received; /* payload symbols */
    size_t t, block;        /* OFDM symbols since the preamble; payload OFDM symbols */
    bool retrained;         /* the retraining symbol before `block` has been used */
    training_t training;
    float complex ls[ALL][N];
    float complex h[N], h_run[N]; /* smoothed, and least squares with retraining */
    double h_error, h_run_var;
    double n0;                    /* noise of a symbol; what the equaliser uses adds h_error */
    float complex weight[J], h_pilot[P];
    float noise[J];
    double pilot_energy;
    phase_t phase;
    double evm_error, evm_energy;
    double seen, expected; /* pilots since the signal was last proven, and what they should be */
};

static int allocate(demodulator_t *d, err_t *err)
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
    d->smoother = smoother_create(d->numerology.cp, err);
    d->delay = delay_create(err);
    return d->fft == NULL || d->smoother == NULL || d->delay == NULL ? -1 : 0;
}

static void make_tables(demodulator_t *d)
{
    preamble_spectrum(d->segment);
    for (int i = 0; i < NUMEROLOGY_KNOWN; i++) {
        symbols_known(i, d->known[i]);
    }
    symbols_pilots(d->pilots);
    for (int i = 0; i < J; i++) {
        d->data[i] = numerology_data(i);
    }
    for (int i = 0; i < P; i++) {
        d->pilot[i] = numerology_pilot(i);
    }
    int cp = d->numerology.cp;
    for (int i = 0; i < ALL; i++) {
        int m = i - PREAMBLE_SEGMENTS;
        d->time[i] = m >= 0 ? m
                            : (double)(m * PREAMBLE_SEGMENT - cp) / (NUMEROLOGY_FFT + cp);
    }
}

demodulator_t *demodulator_create(const numerology_t *numerology, size_t max_symbols, err_t *err)
{
    demodulator_t *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        err_set(err, ERR_MEMORY, "receiver: out of memory");
        return NULL;
    }
    d->numerology = *numerology;
    d->max_symbols = max_symbols;
    if (allocate(d, err) != 0) {
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
        smoother_destroy(d->smoother);
        delay_destroy(d->delay);
        free(d->symbols);
        free(d->noise_var);
        free(d);
    }
}

void demodulator_begin(demodulator_t *d, double cfo)
{
    d->genie = d->header_valid = d->retrained = false;
    d->cfo = cfo;
    d->total = d->received = d->t = d->block = 0;
    d->evm_error = d->evm_energy = d->seen = d->expected = 0.0;
    d->n0 = NAN;
    memset(&d->header, 0, sizeof(d->header));
    memset(&d->phase, 0, sizeof(d->phase));
    rotor_fill(d->turn, cfo);
}

/* The used carriers of the 256 samples x, the frame's `from`-th on, in numerology.h's units. */
static void transform_at(demodulator_t *d, const float complex *x, size_t from, float complex y[N])
{
    double turns = fmod(d->cfo * (double)from / NUMEROLOGY_FFT, 1.0);
    float complex *in = fft_in(d->fft);
    for (int n = 0; n < NUMEROLOGY_FFT; n++) {
        in[n] = x[n] * d->turn[n];
    }
    fft_execute(d->fft);
    numerology_gather(fft_out(d->fft), y);
    float complex scale =
        (float complex)(cexp(-2.0 * I * M_PI * turns) / (16.0 * (double)NUMEROLOGY_AMPLITUDE));
    for (int u = 0; u < N; u++) {
        y[u] *= scale;
    }
}

/* OFDM symbol number d->t, prefix first. */
static void transform(demodulator_t *d, const float complex *x, float complex y[N])
{
    size_t cp = (size_t)d->numerology.cp;
    transform_at(d, x + cp, NUMEROLOGY_PREAMBLE + d->t * (NUMEROLOGY_FFT + cp) + cp, y);
}

/* Everything that follows from h, n0 and h_error. */
static void use_channel(demodulator_t *d)
{
    float complex h[J];
    for (int i = 0; i < J; i++) {
        h[i] = d->h[d->data[i]];
    }
    mmse_weights(h, d->n0 + d->h_error, J, d->weight, d->noise);
    d->pilot_energy = 0.0;
    for (int p = 0; p < P; p++) {
        d->h_pilot[p] = d->h[d->pilot[p]] * d->pilots[p];
        d->pilot_energy += (double)(crealf(d->h_pilot[p]) * crealf(d->h_pilot[p]) +
                                    cimagf(d->h_pilot[p]) * cimagf(d->h_pilot[p]));
    }
}

/* Follows the phase through the pilots of y; returns what to turn the symbol with. */
static float complex track(demodulator_t *d, const float complex y[N], float complex *pilots)
{
    float complex z = 0.0f;
    float sign = symbols_pilot_sign(d->t);
    for (int p = 0; p < P; p++) {
        z += y[d->pilot[p]] * conjf(d->h_pilot[p]);
    }
    *pilots = z * sign;
    return d->genie ? 1.0f : phase_update(&d->phase, *pilots, d->pilot_energy, d->n0 + d->h_error);
}

/* Channel, noise and phase from the known symbols in d->training; `t`: the symbol that comes. */
static void use_training(demodulator_t *d, size_t t)
{
    const training_t *tr = &d->training;
    double phase, phase_var, drift_var, cov;
    d->n0 = tr->n0;
    d->h_run_var = tr->n0 / tr->count;
    memcpy(d->h_run, tr->h_ls, sizeof(d->h_run));
    d->h_error = smoother_apply(d->smoother, tr->h_ls, tr->power, d->h_run_var, d->h);
    use_channel(d);
    training_predict(tr, (double)t, &phase, &phase_var, &drift_var, &cov);
    phase_start(&d->phase, phase, tr->drift, phase_var, drift_var, cov);
}

static void strip(float complex y[N], const float complex x[N])
{
    for (int u = 0; u < N; u++) {
        y[u] *= conjf(x[u]);
    }
}

/* x: the frame's first sample. */
static void read_known(demodulator_t *d, const float complex *x)
{
    size_t length = (size_t)(NUMEROLOGY_FFT + d->numerology.cp);
    for (size_t m = 0; m < PREAMBLE_SEGMENTS; m++) {
        size_t from = m * PREAMBLE_SEGMENT;
        transform_at(d, x + from, from, d->ls[m]);
        strip(d->ls[m], d->segment);
        for (int u = 0; u < N; u++) {
            d->ls[m][u] *= preamble_sign[m];
        }
    }
    for (size_t s = 0; s < NUMEROLOGY_KNOWN; s++, d->t++) {
        transform(d, x + NUMEROLOGY_PREAMBLE + d->t * length, d->ls[PREAMBLE_SEGMENTS + s]);
        strip(d->ls[PREAMBLE_SEGMENTS + s], d->known[s]);
    }
}

static bool read_header(demodulator_t *d, const float complex *x)
{
    float soft[HEADER_SOFT_BITS], *at = soft;
    float complex pilots;
    size_t length = (size_t)(NUMEROLOGY_FFT + d->numerology.cp);
    for (int s = FIRST; s < ALL; s++, d->t++) {
        float complex *y = d->ls[s];
        transform(d, x + NUMEROLOGY_PREAMBLE + d->t * length, y);
        float complex turn = track(d, y, &pilots);
        for (int i = 0; i < J; i++) {
            float complex z = y[d->data[i]] * turn * conjf(d->h[d->data[i]]);
            *at++ = crealf(z);
            *at++ = cimagf(z);
        }
    }
    return header_decode(soft, &d->header);
}

/* The header's points are known now: more symbols to learn from. */
static void estimate_again(demodulator_t *d)
{
    float complex points[HEADER_SYMBOLS];
    header_encode(&d->header, points);
    for (int s = 0; s < NUMEROLOGY_HEADER; s++) {
        float complex *y = d->ls[FIRST + s];
        float sign = symbols_pilot_sign((size_t)(NUMEROLOGY_KNOWN + s));
        for (int p = 0; p < P; p++) {
            y[d->pilot[p]] *= sign * conjf(d->pilots[p]);
        }
        for (int i = 0; i < J; i++) {
            y[d->data[i]] *= conjf(points[s * J + i]);
        }
    }
    training_refine(&d->training, (const float complex(*)[N])d->ls + PREAMBLE_SEGMENTS,
                    d->time + PREAMBLE_SEGMENTS, DEMODULATOR_HEAD, d->h);
    use_training(d, DEMODULATOR_HEAD);
}

bool demodulator_head(demodulator_t *d, const float complex *x)
{
    frame_header_t known = d->header;
    read_known(d, x);
    if (!d->genie) {
        training_start(&d->training, (const float complex(*)[N])d->ls, d->time, FIRST);
        use_training(d, NUMEROLOGY_KNOWN);
    }
    bool ok = read_header(d, x);
    if (d->genie && known.images > 0) {
        d->header = known;
        ok = true;
    }
    if (ok && !d->genie) {
        estimate_again(d);
    }
    d->header_valid = ok;
    d->total = ok ? header_payload(&d->header) : 0;
    return ok;
}

bool demodulator_fits(const demodulator_t *d)
{
    return d->total <= d->max_symbols;
}

bool demodulator_broken(const demodulator_t *d)
{
    /* Far from chance: at -6 dB the tail's standard deviation is 0.09. */
    return !d->genie && !(d->training.tail >= 0.3);
}

bool demodulator_done(const demodulator_t *d)
{
    return d->received >= d->total;
}

/*
 * A known symbol within the payload.  What moved in the channel since the last
 * one shows in the difference; that sets how much of the new estimate is taken.
 */
static void retrain(demodulator_t *d, float complex y[N])
{
    float complex z = 0.0f;
    double energy = 0.0, moved = 0.0;
    strip(y, d->known[0]);
    for (int u = 0; u < N; u++) {
        z += y[u] * conjf(d->h[u]);
        energy += (double)(crealf(d->h[u]) * crealf(d->h[u]) + cimagf(d->h[u]) * cimagf(d->h[u]));
    }
    if (d->genie) {
        return;
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
    d->h_error = smoother_apply(d->smoother, d->h_run, d->training.power, d->h_run_var, d->h);
    use_channel(d);
}

/* Adds this symbol's pilots to the evidence that the signal is there. */
static signal_t weigh(demodulator_t *d, float complex pilots)
{
    d->seen += (double)crealf(pilots);
    d->expected += d->pilot_energy;
    /* Enough when seen / expected has a standard deviation of 1/8: then 0.25 is six away. */
    if (d->genie || d->expected < 32.0 * (d->n0 + d->h_error)) {
        return SIGNAL_UNSURE;
    }
    bool gone = !(d->seen >= 0.25 * d->expected);
    d->seen = d->expected = 0.0;
    return gone ? SIGNAL_GONE : SIGNAL_PROVEN;
}

static void count_errors(demodulator_t *d, const float complex y[N], float complex turn)
{
    float sign = symbols_pilot_sign(d->t), error = 0.0f;
    for (int p = 0; p < P; p++) {
        float complex off = y[d->pilot[p]] * turn - sign * d->h_pilot[p];
        error += crealf(off) * crealf(off) + cimagf(off) * cimagf(off);
    }
    d->evm_error += (double)error;
    d->evm_energy += d->pilot_energy;
}

signal_t demodulator_symbol(demodulator_t *d, const float complex *x)
{
    float complex y[N], data[J], pilots;
    transform(d, x, y);
    size_t every = (size_t)d->numerology.retrain_every;
    if (every > 0 && d->block > 0 && d->block % every == 0 && !d->retrained) {
        d->retrained = true;
        retrain(d, y);
        d->t++;
        return SIGNAL_UNSURE;
    }
    d->retrained = false;
    float complex turn = track(d, y, &pilots);
    count_errors(d, y, turn);
    for (int i = 0; i < J; i++) {
        data[i] = y[d->data[i]];
    }
    /* The last symbol may be part filled; the arrays have room for it whole. */
    mmse_apply(d->weight, turn, data, J, d->symbols + d->received);
    memcpy(d->noise_var + d->received, d->noise, sizeof(d->noise));
    size_t left = d->total - d->received;
    d->received += left < J ? left : J;
    d->block++;
    d->t++;
    return weigh(d, pilots * turn);
}

void demodulator_begin_genie(demodulator_t *d, const receiver_genie_t *genie)
{
    demodulator_begin(d, genie->cfo_hz / d->numerology.spacing_hz);
    d->genie = true;
    if (genie->header != NULL) {
        d->header = *genie->header;
    }
    memcpy(d->h, genie->channel, sizeof(d->h));
    d->n0 = genie->n0;
    d->h_error = 0.0;
    use_channel(d);
    double power = 0.0;
    for (int u = 0; u < N; u++) {
        power += (double)(crealf(d->h[u]) * crealf(d->h[u]) + cimagf(d->h[u]) * cimagf(d->h[u]));
    }
    d->training.power = power / N;
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
    frame->channel = estimated ? d->h : NULL;
    frame->n0 = d->n0;
    frame->snr_db = estimated ? in_db(d->training.power / d->n0) : NAN;
    frame->channel_gain_db = estimated ? in_db(d->training.power) : NAN;
    frame->cfo_hz = (d->cfo + d->phase.drift / per_symbol) * d->numerology.spacing_hz;
    frame->evm_db = d->evm_energy > 0.0 ? in_db(d->evm_error / d->evm_energy) : NAN;
    frame->delay_spread_ns = NAN;
    if (estimated) {
        double samples = delay_spread(d->delay, d->h);
        frame->delay_spread_ns = samples / numerology_sample_rate_hz(&d->numerology) * 1e9;
    }
}
