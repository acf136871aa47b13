/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two passes over the head of the frame.  First the preamble's four segments
 * and the two known symbols give a channel good enough for the header, whose
 * pilots follow the phase.  (A segment has no prefix: with a delay of d samples
 * d / 256 of it is its neighbour's, which matters little to QPSK.)  Once the
 * header's CRC holds, its points are known too: the known and the header
 * symbols together give the channel, noise, phase line and sample clock that
 * the payload is received with.
 *
 * A header that fails its CRC gets a second chance: the phase line is drawn
 * through all of its pilots, and it is decoded again.
 */
#include "waveform/demodulator_state.h"

#include "waveform/symbols.h"

#include <math.h>
#include <string.h>

enum { N = DEMOD_N, J = DEMOD_J, P = DEMOD_P };

#define EASY 2.0 /* SNR above which least squares over six symbols will do for the header */

static void use_phase(demodulator_t *d, double t)
{
    double phase, phase_var, drift_var, cov;
    training_predict(&d->training, t, &phase, &phase_var, &drift_var, &cov);
    phase_start(&d->phase, phase, d->training.drift, phase_var, drift_var, cov);
}

/* Channel, noise and phase from the known symbols in d->training; `t`: the symbol that comes. */
static void use_training(demodulator_t *d, size_t t, bool smooth)
{
    const training_t *tr = &d->training;
    d->n0 = tr->n0;
    d->h_run_var = (tr->n0 + tr->moved) / tr->count;
    memcpy(d->h_run, tr->h_ls, sizeof(d->h_run));
    if (smooth) {
        estimator_apply(d->estimator, tr->h_ls, tr->power, d->h_run_var, &d->estimate);
        memcpy(d->h, d->estimate.h, sizeof(d->h));
        d->h_error = d->estimate.error_var;
    } else {
        memcpy(d->h, tr->h_ls, sizeof(d->h));
        d->h_error = d->h_run_var;
    }
    demod_use_channel(d);
    use_phase(d, (double)t);
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
        demod_transform_at(d, x + from, from, d->ls[m]);
        strip(d->ls[m], d->segment);
        for (int u = 0; u < N; u++) {
            d->ls[m][u] *= preamble_sign[m];
        }
    }
    for (size_t s = 0; s < NUMEROLOGY_KNOWN; s++, d->t++) {
        demod_transform(d, x + NUMEROLOGY_PREAMBLE + d->t * length, d->ls[PREAMBLE_SEGMENTS + s]);
        strip(d->ls[PREAMBLE_SEGMENTS + s], d->known[s]);
    }
}

static void read_header(demodulator_t *d, const float complex *x)
{
    size_t length = (size_t)(NUMEROLOGY_FFT + d->numerology.cp);
    for (int s = DEMOD_FIRST; s < DEMOD_ALL; s++, d->t++) {
        demod_transform(d, x + NUMEROLOGY_PREAMBLE + d->t * length, d->ls[s]);
    }
}

/* Pilots of header symbol s against h. */
static float complex header_pilots(const demodulator_t *d, int s)
{
    float complex z = 0.0f;
    const float complex *y = d->ls[DEMOD_FIRST + s];
    for (int p = 0; p < P; p++) {
        z += y[d->pilot[p]] * conjf(d->h_pilot[p] * d->pilots[p]);
    }
    return z * symbols_pilot_sign((size_t)(NUMEROLOGY_KNOWN + s));
}

static bool decode_header(demodulator_t *d)
{
    float complex points[HEADER_SYMBOLS], z[N];
    for (int s = 0; s < NUMEROLOGY_HEADER; s++) {
        const float complex *y = d->ls[DEMOD_FIRST + s];
        float complex turn = d->genie ? 1.0f
                                      : phase_update(&d->phase, header_pilots(d, s), d->pilot_energy,
                                                     d->n0 + d->h_error);
        for (int u = 0; u < N; u++) {
            z[u] = y[u] * conjf(d->h[u]) * turn;
        }
        numerology_pick_data(z, points + s * J);
    }
    /* Real and imaginary parts: two soft bits each. */
    return header_decode((const float *)points, &d->header);
}

/*
 * The most likely drift of the phase given the header's pilots and the known
 * symbols before them: sum of all, turned by each drift in turn.
 */
static void draw_line_again(demodulator_t *d)
{
    enum { STEPS = 41 };
    float complex z[NUMEROLOGY_HEADER];
    double phase, phase_var, drift_var, cov, best = -1.0, found = 0.0;
    training_predict(&d->training, d->training.mean_time, &phase, &phase_var, &drift_var, &cov);
    double known = d->training.count * N * d->training.power;
    for (int s = 0; s < NUMEROLOGY_HEADER; s++) {
        double ahead = NUMEROLOGY_KNOWN + s - d->training.mean_time;
        z[s] = header_pilots(d, s) *
               (float complex)cexp(-I * (phase + d->training.drift * ahead));
    }
    for (int i = 0; i < STEPS; i++) {
        double drift = 4.0 * sqrt(drift_var) * (i - STEPS / 2) / (STEPS / 2);
        double complex sum = known;
        for (int s = 0; s < NUMEROLOGY_HEADER; s++) {
            double ahead = NUMEROLOGY_KNOWN + s - d->training.mean_time;
            sum += (double complex)z[s] * cexp(-I * drift * ahead);
        }
        /* The first pass is an observation of the drift too. */
        double value = 2.0 / d->n0 * cabs(sum) - 0.5 * drift * drift / drift_var;
        if (i == 0 || value > best) {
            best = value;
            found = drift;
        }
    }
    d->training.drift += found;
    d->training.phase -= found * d->training.mean_time;
    use_phase(d, NUMEROLOGY_KNOWN);
    d->phase.line.ss *= 0.1;
    d->phase.line.vs *= 0.1;
}

/* The header's points are known now: more symbols to learn from. */
static void estimate_again(demodulator_t *d)
{
    float complex points[HEADER_SYMBOLS], x[N];
    header_encode(&d->header, points);
    for (int s = 0; s < NUMEROLOGY_HEADER; s++) {
        float complex *y = d->ls[DEMOD_FIRST + s];
        float sign = symbols_pilot_sign((size_t)(NUMEROLOGY_KNOWN + s));
        numerology_place_data(points + s * J, x);
        for (int p = 0; p < P; p++) {
            x[d->pilot[p]] = sign * d->pilots[p];
        }
        strip(y, x);
    }
    training_refine(&d->training, (const float complex(*)[N])d->ls + PREAMBLE_SEGMENTS,
                    d->time + PREAMBLE_SEGMENTS, DEMODULATOR_HEAD, d->h, true);
    use_training(d, DEMODULATOR_HEAD, true);
    training_predict_delay(&d->training, DEMODULATOR_HEAD, &d->clock.value, &d->clock.vv,
                           &d->clock.ss, &d->clock.vs);
    d->clock.slope = d->training.rate;
}

/* What the tracker may need of the past: the head's pilots with the lines taken off. */
static void remember_pilots(demodulator_t *d)
{
    float complex z[P];
    for (int s = 0; s < DEMODULATOR_HEAD; s++) {
        for (int p = 0; p < P; p++) {
            z[p] = d->training.straight[s][d->pilot[p]];
        }
        tracker_push(d->tracker, z);
    }
    if (d->training.moved > 0.0) {
        demod_move(d, 0, DEMODULATOR_HEAD);
    }
}

/*
 * First with least squares where that will do, which is nearly always; then with all that helps
 * at low SNR.
 */
static bool find_header(demodulator_t *d)
{
    bool easy = d->training.power > EASY * d->training.n0;
    use_training(d, NUMEROLOGY_KNOWN, !easy);
    if (decode_header(d)) {
        return true;
    }
    if (easy) {
        use_training(d, NUMEROLOGY_KNOWN, true);
    }
    draw_line_again(d);
    return decode_header(d);
}

bool demodulator_head(demodulator_t *d, const float complex *x)
{
    frame_header_t known = d->header;
    bool ok = d->genie && known.images > 0;
    read_known(d, x);
    if (!d->genie) {
        training_start(&d->training, (const float complex(*)[N])d->ls, d->time, DEMOD_FIRST);
    }
    read_header(d, x);
    if (ok) {
        d->header = known;
    } else {
        ok = d->genie ? decode_header(d) : find_header(d);
    }
    if (d->genie) {
        d->clock.value = DEMODULATOR_HEAD * d->clock.slope;
    } else if (ok) {
        estimate_again(d);
        remember_pilots(d);
    }
    d->header_valid = ok;
    d->total = ok ? header_payload(&d->header) : 0;
    return ok;
}
