/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_link: a recording of frames and the receiver that is to find them all,
 * ours or liquid's, with a count of what came out and how wrong it was.
 */
#ifndef BENCH_BENCH_LINK_H
#define BENCH_BENCH_LINK_H

#include "err.h"
#include "liquid_ofdm.h"
#include "waveform/receiver.h"

typedef struct {
    int frames, symbols; /* of the payload, 120 points each */
    int gap;             /* samples of noise before, between and after the frames */
    double cfo_range;    /* what ours searches, sub-carriers */
    double cfo;          /* carrier offset, sub-carriers */
    double esn0_db;
} bench_link_setup_t;

typedef struct {
    bench_link_setup_t setup;
    receiver_t *rx;             /* ours, or */
    ofdmframesync synchroniser; /* liquid's */
    int bin[NUMEROLOGY_DATA];
    float complex *points; /* one frame's, as sent; the same in every frame */
    size_t count;
    float complex *samples;
    size_t length;
    uint64_t now; /* timestamp of the next pass */

    float complex *received; /* the frame that comes in */
    size_t filled;
    uint64_t passes, frames; /* whole frames received */
    double worst;            /* largest mean |received - sent|^2 of a frame that was looked at */
} bench_link_t;

/* 0, or -1 with *l in a state that bench_link_close takes. */
int bench_link_open_ours(bench_link_t *l, const bench_link_setup_t *setup, err_t *err);
int bench_link_open_liquid(bench_link_t *l, const bench_link_setup_t *setup, err_t *err);
void bench_link_close(bench_link_t *l); /* all zero is fine */

/* Receives the recording once more, as the stream's continuation; returns its samples. */
double bench_link_run(bench_link_t *l);

/* All frames of all passes received, with an error vector below evm_db?  Ends the stream. */
int bench_link_verify(bench_link_t *l, const char *who, double evm_db, err_t *err);

#endif
