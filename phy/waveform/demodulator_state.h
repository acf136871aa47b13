/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * demodulator_state: what the demodulator's three files share.
 *
 *     demodulator.c          create, begin, symbols to carriers, result
 *     demodulator_head.c     preamble, known symbols, header -> channel, noise, lines
 *     demodulator_payload.c  payload symbol by symbol: phase, sample clock, equaliser
 *     demodulator_moving.c   the same for a channel that moves within the frame
 *
 * An estimate runs from one to the next: the head's channel `h`, taken at the
 * head's middle, and two lines on from there: the common phase and the delay.
 */
#ifndef WAVEFORM_DEMODULATOR_STATE_H
#define WAVEFORM_DEMODULATOR_STATE_H

#include "chest/estimator.h"
#include "chest/tracker.h"
#include "chest/training.h"
#include "sync/trend.h"
#include "sync/phase.h"
#include "sync/preamble.h"
#include "sync/rotor.h"
#include "waveform/delay.h"
#include "waveform/demodulator.h"
#include "waveform/fft.h"

enum {
    DEMOD_N = NUMEROLOGY_USED,
    DEMOD_J = NUMEROLOGY_DATA,
    DEMOD_P = NUMEROLOGY_PILOTS,
    DEMOD_FIRST = PREAMBLE_SEGMENTS + NUMEROLOGY_KNOWN, /* symbols of the head's first pass */
    DEMOD_ALL = PREAMBLE_SEGMENTS + DEMODULATOR_HEAD,
    DEMOD_BLOCK = 16, /* payload symbols from one look at the sample clock to the next */
    DEMOD_HELD = TRACKER_MEMORY,
    DEMOD_BEFORE = 4 * DEMOD_J, /* payload symbols kept as they came */
};

/* The noise that an estimate starts from and the weights that follow from it. */
typedef struct {
    float complex w[DEMOD_N];  /* MMSE weight of each carrier */
    float noise[DEMOD_J];      /* and the variance it leaves, data carriers only */
} demod_weights_t;

struct demodulator {
    numerology_t numerology;
    size_t max_symbols;
    fft_t *fft;
    estimator_t *estimator;
    delay_t *delay;
    tracker_t *tracker;
    float complex segment[DEMOD_N]; /* the preamble's */
    float complex known[NUMEROLOGY_KNOWN][DEMOD_N];
    float complex pilots[DEMOD_P];
    double time[DEMOD_ALL]; /* of the head's symbols: see training.h; known symbol 0 at 0 */
    int pilot[DEMOD_P], data[DEMOD_J];
    float complex *symbols;
    float *noise_var;
    float complex before[DEMOD_BEFORE];

    /* this frame */
    bool genie, header_valid;
    const float complex *genie_channel; /* [genie_symbols][132], from OFDM symbol 0 on */
    size_t genie_symbols;
    double cfo;
    float complex turn[ROTOR_SIZE]; /* takes the carrier offset off within a symbol */
    frame_header_t header;
    size_t total, received; /* payload symbols: all, and those equalised */
    size_t t, block;        /* OFDM symbols since the preamble; payload OFDM symbols taken */
    long shift;             /* samples that the window has moved with the sample clock */
    bool retrained;         /* the retraining symbol before `block` has been used */
    training_t training;
    float complex ls[DEMOD_ALL][DEMOD_N];
    estimate_t estimate; /* of the head: the channel and its delay profile */
    float complex h[DEMOD_N], h_run[DEMOD_N]; /* smoothed, and least squares with retraining */
    double h_error, h_run_var;
    double n0; /* noise of a symbol; what the equaliser uses adds h_error */
    demod_weights_t weights;
    float complex h_pilot[DEMOD_P]; /* h times the pilots' points */
    double pilot_energy, pilot_centre, pilot_slope; /* sums of |h|^2: its centre, its spread */
    phase_t phase;
    trend_t clock;            /* delay in samples of the coming symbol against h */
    double ramped;            /* the delay that `ramp` and `ramped_w` stand for */
    float complex ramp[DEMOD_N], ramped_w[DEMOD_N];
    float complex sum[DEMOD_P]; /* pilots of this block, straightened */
    int summed;
    double evm_error, evm_energy;
    double seen, expected; /* pilots since the signal was last proven, and what they should be */

    /* a channel that moves */
    bool moving;
    size_t out_block, out_t; /* payload and OFDM symbol that is equalised next */
    bool passed;             /* the retraining symbol before out_block has been stepped over */
    size_t adapt_at;         /* payload symbol at which the Doppler is chosen anew */
    estimator_interpolator_t across; /* from pilots to carriers ... */
    double across_from, across_error; /* ... for so large an error there, and what is left of it */
    double wobble;           /* variance of the common phase beyond what the filter follows */
    double complex neighbours; /* sum of h(p) h*(p - 1) over pilots and symbols */
    double neighbour_energy, delay_reference;
    int delay_symbols, delay_looks;
    int unproven;            /* symbols since the signal was last proven */
    float complex last_pilots[DEMOD_P];
    float complex h_then[DEMOD_N]; /* the last training's channel, and when that was */
    double trained_at;
    float complex held[DEMOD_HELD][DEMOD_N];
};

/* The used carriers of the 256 samples x, the frame's `from`-th on, in numerology.h's units. */
void demod_transform_at(demodulator_t *d, const float complex *x, size_t from,
                        float complex y[DEMOD_N]);

/* OFDM symbol number d->t, prefix first. */
void demod_transform(demodulator_t *d, const float complex *x, float complex y[DEMOD_N]);

/* d->weights for a channel h, and noise with the estimate's own error in it. */
void demod_weigh(demodulator_t *d, const float complex h[DEMOD_N], double noise);

/* Everything that follows from h, n0 and h_error. */
void demod_use_channel(demodulator_t *d);

/* Data carriers of y times weights times turn, to the next place in symbols. */
void demod_equalise(demodulator_t *d, const float complex *y, const float complex *w,
                    float complex turn, const float noise[DEMOD_J]);

/* The channel as the genie tells it for OFDM symbol t. */
void demod_use_genie(demodulator_t *d, size_t t);

/* ---- demodulator_moving.c ---- */

/* From payload symbol `block`, OFDM symbol `t`, on the channel is taken to move. */
void demod_move(demodulator_t *d, size_t block, size_t t);

/* y: the next payload symbol's carriers; held until demod_moving_out. */
signal_t demod_moving_symbol(demodulator_t *d, float complex y[DEMOD_N]);

/* y: a retraining symbol's carriers, its points taken off. */
void demod_moving_training(demodulator_t *d, float complex y[DEMOD_N]);

/* Equalises what can be, after d->block has gone on; all that is left when the frame is done. */
void demod_moving_out(demodulator_t *d);

#endif
