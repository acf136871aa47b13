/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * transmitter: makes a frame's samples from its header and payload symbols.
 *
 *     transmitter_t *tx = transmitter_create(&numerology, &err);
 *     size_t n = transmitter_frame_samples(tx, &header);
 *     transmitter_modulate(tx, &header, symbols, samples);
 *
 * One object per thread.  After create nothing allocates and nothing fails.
 */
#ifndef WAVEFORM_TRANSMITTER_H
#define WAVEFORM_TRANSMITTER_H

#include "err.h"
#include "waveform/header.h"
#include "waveform/numerology.h"

typedef struct transmitter transmitter_t;

transmitter_t *transmitter_create(const numerology_t *numerology, err_t *err);
void transmitter_destroy(transmitter_t *tx); /* NULL is fine */

/* Samples of the frame with this header.  The header must pass header_check. */
size_t transmitter_frame_samples(const transmitter_t *tx, const frame_header_t *header);

/*
 * symbols[images * K], E|s|^2 = 1 -> samples[transmitter_frame_samples].
 * Samples have rms 0.18 (preamble too) and peaks below 1 for 64-QAM points
 * but for about one symbol in 10^5 (the radio clips it).  Places left over in
 * the last symbol carry fixed QPSK points.  The header must pass header_check.
 */
void transmitter_modulate(transmitter_t *tx, const frame_header_t *header,
                          const float complex *symbols, float complex *samples);

#endif
