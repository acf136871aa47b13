/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trial_round: the round of pictures that a trial has under way.
 *
 * Pictures go in rounds: as many as make a good batch for a codec, all of
 * one size.  A round is encoded at once, sent frame by frame, and the link is
 * flushed, so that every frame has come out (or never will) before the round
 * is decoded at once and measured.  Only trial.c uses this.
 */
#ifndef FLOWGRAPHS_TRIAL_ROUND_H
#define FLOWGRAPHS_TRIAL_ROUND_H

#include "quality/judge.h"
#include "strip.h"
#include "trial.h"
#include "trial_score.h"

/* Buffers for `room` pictures; `received` of them came through. */
typedef struct {
    int room, images, frames;
    int width, height;
    size_t bytes, symbols; /* of one picture */
    uint32_t first_id;     /* index of the first picture in the data set */
    uint8_t *sent, *decoded;
    float complex *sent_symbols, *received_symbols;
    float *noise_var;
    int *labels, *predicted;
    picture_outcome_t *left, *came; /* [images] as encoded, [received] as decoded */
    int *place; /* [frame] where its pictures lie among the received ones, -1: lost */
    int received;
} round_t;

typedef struct {
    const trial_config_t *config;
    const dataset_t *dataset;
    scheme_t *scheme;
    judge_t *judge; /* NULL: none */
    link_t *link;
    size_t frame_symbols; /* the most of any frame ... */
    size_t round_symbols; /* ... and of any round */
    size_t round_pixels;
    image_t picture;
    uint64_t done;       /* pictures of finished rounds */
    uint16_t next_frame; /* frame counter of the round's first frame */
    round_t round;
    score_t score;
    strip_t strip;
    double symbols, values; /* payload symbols and source values sent */
} trial_t;

/* How many pictures of this size a round takes: at least one frame's. */
int round_capacity(const trial_t *trial, int width, int height);

/* Takes the buffers, once round_symbols and round_pixels are known; gives them back. */
int round_open(trial_t *trial, err_t *err);
void round_close(trial_t *trial);

/* The stages of one round, in this order. */
int round_load(trial_t *trial, err_t *err);
int round_send(trial_t *trial, err_t *err);
int round_measure(trial_t *trial, err_t *err);

/* receiver_config_t's handler; `context` is the trial. */
void round_on_frame(void *context, const received_frame_t *frame);

#endif
