/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trial_score: the sums behind a point's result.
 *
 * Start with zeros; add each received frame's symbols and every sent frame,
 * received or lost; score_result draws the balance.
 */
#ifndef FLOWGRAPHS_TRIAL_SCORE_H
#define FLOWGRAPHS_TRIAL_SCORE_H

#include "gather.h"
#include "result.h"
#include "waveform/receiver.h"

#include <stdbool.h>

typedef struct {
    gather_t mse, mse_all, psnr_db, ssim, correct, correct_all;
    uint64_t judged_right; /* received pictures named right by the judge */
    uint64_t frames, frames_lost, frames_false;
    uint64_t over_budget, undecodable;    /* pictures: of all, of received frames */
    double signal, noise;                 /* sums of |h|^2 and n0 as the receiver measured them */
    double error_energy, received_energy; /* sums of |s_hat - s|^2 and |s|^2, received frames */
    double sent_energy, sent_symbols;
} score_t;

/* One frame as it was sent, and as it was decoded (`decoded` NULL: it was lost). */
typedef struct {
    int images, width, height;
    const uint8_t *sent, *decoded; /* [images][height][width][3] */
    const int *labels;             /* [images], negative: unknown */
    const int *predicted;          /* [images] by the judge; NULL: not judged */
    const float complex *symbols;  /* what was sent */
    size_t symbol_count;
} score_frame_t;

/* What the receiver made of truth[frame->symbol_count], and what it measured. */
void score_symbols(score_t *score, const float complex *truth, const received_frame_t *frame);

/* `judging`: lost pictures count as wrong in accuracy_all. */
void score_frame(score_t *score, const score_frame_t *frame, bool judging);

/* Fills every field but compression, on_air and cpu_s (NaN). */
void score_result(const score_t *score, result_t *result);

#endif
