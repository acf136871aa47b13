/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * evaluate: a codec on an ideal channel that the receiver knows: no waveform, no
 * synchronisation, no estimation error.  The upper end of what the radio can
 * reach; semradio-campaign measures through the waveform.
 *
 *     y = h s + n, E|n|^2 = N0 = 1/gamma, s_hat = conj(h) y / (|h|^2 + N0)
 *
 * with gamma = Es/N0 per complex symbol (E|s|^2 = 1, E|h|^2 = 1).  Noise and
 * fading of picture i depend on the seed and i alone.
 */
#ifndef SEMANTIC_TRAIN_EVALUATE_H
#define SEMANTIC_TRAIN_EVALUATE_H

#include "codec/codec.h"
#include "images/dataset.h"
#include "options.h"
#include "quality/judge.h"
#include "quality/quality.h"

#include <stdbool.h>

typedef struct {
    int mode; /* the codec's: rate and design SNR */
    double snr_db;
    bool rayleigh; /* block fading, one draw a picture (fading.h); else h = 1 */
    double delay_spread_s;
    uint64_t seed;
    size_t images; /* the first so many; 0 = all */
} evaluate_point_t;

/* Sends the data set's pictures and adds what was received to `sum`; power = mean |s|^2 sent.
   `judge` and `power` may be NULL. */
int evaluate_point(codec_t *codec, const dataset_t *set, judge_t *judge,
                   const evaluate_point_t *point, quality_sum_t *sum, double *power, err_t *err);

/* `semradio-train evaluate`: a table on standard output. */
int evaluate_command(const options_t *options, err_t *err);

#endif
