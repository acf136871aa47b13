/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * receiver: finds frames in a stream of samples and hands out soft symbols.
 *
 *     receiver_config_t config = receiver_default();
 *     config.on_frame = on_frame;
 *     config.context = me;
 *     receiver_t *rx = receiver_create(&config, &err);
 *     receiver_push(rx, &samples, count, timestamp);     any count, again and again
 *
 * `on_frame` runs inside receiver_push for every frame, good or lost; what it
 * points to is valid until it returns.  The result does not depend on how the
 * stream is cut into pushes, nor on the gain (1e-12 … 1e8).
 *
 * One object per thread.  All memory is taken at create; push neither
 * allocates, logs nor fails, whatever the samples are.
 */
#ifndef WAVEFORM_RECEIVER_H
#define WAVEFORM_RECEIVER_H

#include "chest/estimator.h"
#include "err.h"
#include "waveform/header.h"
#include "waveform/numerology.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct receiver receiver_t;

typedef enum {
    RECEIVED_OK = 0,
    RECEIVED_LOST_HEADER, /* a preamble, but no readable header behind it */
    RECEIVED_DAMAGED,     /* header read, payload broken: samples missing or not
                             finite, signal gone, or more symbols than max_symbols */
} received_status_t;

typedef struct {
    received_status_t status;
    bool header_valid;          /* `header` was read (CRC passed) */
    frame_header_t header;      /* all zero when not */

    size_t symbol_count;        /* images * K; 0 unless status is RECEIVED_OK */
    const float complex *symbols; /* [symbol_count] MMSE output: h* y / (|h|^2 + n0) */
    const float *noise_var;     /* [symbol_count] E|symbols - s|^2 = n0 / (|h|^2 + n0), (0, 1] */

    size_t before_count;          /* symbols[0 … before_count - 1] (at most 4 OFDM symbols) ... */
    const float complex *before;  /* ... as they were ahead of the equaliser: y, to look at */

    const float complex *channel; /* [NUMEROLOGY_USED] h in y = h s + w; NULL when not estimated */
    double n0;                  /* E|w|^2 (numerology.h); NaN when not estimated, as below */
    double snr_db;              /* mean|h|^2 / n0 over the used carriers, unbiased; where the
                                   channel moves, over the frame */
    double channel_gain_db;     /* mean|h|^2 */
    double cfo_hz;              /* carrier offset: the signal lies this much above nominal */
    double clock_ppm;           /* the signal comes so much slower than this receiver's clock expects */
    double doppler_hz;          /* as the tracker chose it; 0: the channel stood still */
    double evm_db;              /* of the payload's pilots, against the estimate */
    double delay_spread_ns;     /* rms, from the smoothed estimate; a floor at low SNR */
    double preamble_metric;     /* detector's statistic, 0 … 1 */
    uint64_t start_timestamp;   /* of the preamble's first sample, strongest path */
    uint64_t end_timestamp;     /* one past the last sample this frame used */
} received_frame_t;

typedef struct {
    numerology_t numerology;
    size_t max_symbols;         /* payload symbols per frame (images * K), 1 … 16 M */
    int antennas;               /* 1 today */
    estimator_method_t estimator; /* of the channel; ESTIMATOR_LMMSE */
    double cfo_range;           /* carrier offsets searched, +- sub-carriers, 0.25 … 2 */
    void (*on_frame)(void *context, const received_frame_t *frame); /* may be NULL */
    void *context;
} receiver_config_t;

/* nr5, 1 048 576 symbols, LMMSE, +- 2 sub-carriers. */
receiver_config_t receiver_default(void);

receiver_t *receiver_create(const receiver_config_t *config, err_t *err);
void receiver_destroy(receiver_t *rx); /* NULL is fine */

/*
 * x[antenna][count]; `timestamp` counts samples and belongs to x[.][0].  A
 * timestamp other than the last one plus the last count is a gap: a frame
 * that it cuts is reported as damaged and the search starts afresh.
 */
void receiver_push(receiver_t *rx, const float complex *const x[], size_t count,
                   uint64_t timestamp);

/*
 * The stream has ended: finishes what is held back (the search looks about
 * 4,000 samples ahead) as if silence followed.  A cut frame is reported.
 */
void receiver_flush(receiver_t *rx);

/* Forgets the stream; a frame under way is dropped unreported. */
void receiver_reset(receiver_t *rx);

/*
 * The receiver that knows: timing, carrier offset, sample clock, channel and noise
 * are given, nothing is estimated.  For bounds in campaigns.
 */
typedef struct {
    size_t start;                 /* index of the frame's first sample in x */
    double cfo_hz;
    double clock_ppm;             /* as received_frame_t's: the windows move with it */
    const float complex *channel; /* [NUMEROLOGY_USED], relative to `start`; phase 0 there */
    size_t channel_symbols;       /* 0 or 1: `channel` holds for the whole frame; else it is
                                     [channel_symbols][NUMEROLOGY_USED], one for each OFDM symbol
                                     after the preamble as seen from its nominal window, a drifting
                                     clock's phase slope included; the last one holds on */
    double n0;                    /* in the units of numerology.h */
    const frame_header_t *header; /* NULL: read it from the samples */
} receiver_genie_t;

/*
 * One frame in x[count].  `frame` is filled; its arrays live in the receiver
 * until its next call.  Returns 0 when frame->status is RECEIVED_OK, else -1.
 * on_frame is not called, and a stream under way is forgotten.
 */
int receiver_demodulate_genie(receiver_t *rx, const float complex *x, size_t count,
                              const receiver_genie_t *genie, received_frame_t *frame);

/* Counters since create: frames ok, lost header, damaged, samples searched, gaps. */
typedef struct {
    uint64_t frames_ok, lost_header, damaged, samples_in, samples_searched, gaps, bad_samples;
} receiver_counters_t;

receiver_counters_t receiver_counters(const receiver_t *rx);

#endif
