/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link: transmitter, air and receiver in one process, sample by sample.
 *
 *     symbols -> transmitter -> [random silence | frame] -> air -> receiver -> on_frame
 *
 * The receiver is the real one: it searches the stream of noisy samples,
 * estimates timing, carrier offset, channel and noise, and reads the header.
 * Each frame sees fresh fading and starts at a random sample.  With `genie`
 * the receiver is told the frame's place, offset, true channel, noise and
 * header instead: a bound, not a result.  It knows one channel for the frame: a moving
 * one (Doppler, sample clock) as it is in the frame's middle.
 *
 * The same configuration and the same calls give the same frames.  One thread.
 */
#ifndef FLOWGRAPHS_LINK_H
#define FLOWGRAPHS_LINK_H

#include "air/air.h"
#include "waveform/receiver.h"
#include "waveform/transmitter.h"

#include <stdbool.h>

typedef struct link link_t;

typedef struct {
    air_config_t air; /* sample rate and symbol energy are the numerology's; the seed is used */
    numerology_t numerology;
    receiver_config_t receiver; /* its estimator and cfo_range are used */
    bool genie;
    size_t gap_most;    /* samples of silence before a frame: uniform in 0 … gap_most */
    size_t max_symbols; /* the most payload symbols a frame will have, 1 … 16 M */
    /* Every frame the receiver reports, good or lost; runs inside link_send and link_flush. */
    void (*on_frame)(void *context, const received_frame_t *frame);
    void *context;
} link_config_t;

/* AWGN at 20 dB, nr5, the real receiver, gaps of up to 2048 samples, 64 Ki symbols. */
link_config_t link_config_default(void);

link_t *link_create(const link_config_t *config, err_t *err);
void link_destroy(link_t *link); /* NULL is fine */

/*
 * Sends one frame: symbols[header_payload(header)].  Frames come out later,
 * when the receiver has seen enough samples; the genie's come out at once.
 * Errors: a header out of range, more symbols than max_symbols.
 */
int link_send(link_t *link, const frame_header_t *header, const float complex *symbols, err_t *err);

/* Sends silence until every frame that was sent has come out, found or not. */
void link_flush(link_t *link);

/* Samples sent so far inside frames: what the air was occupied with. */
uint64_t link_frame_samples(const link_t *link);

#endif
