/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * demodulator: one frame, once it is known where it starts: channel and noise,
 * header, then payload symbol by symbol.  receiver.h drives it.
 *
 *     demodulator_begin(d, cfo);
 *     if (demodulator_head(d, x)) {
 *         while (!demodulator_done(d)) demodulator_symbol(d, next symbol);
 *         demodulator_result(d, &frame);
 *     }
 *
 * demodulator_symbol takes the samples of whole OFDM symbols, prefix first; where they
 * start follows the sample clock (demodulator_move_window).
 */
#ifndef WAVEFORM_DEMODULATOR_H
#define WAVEFORM_DEMODULATOR_H

#include "waveform/receiver.h"

enum { DEMODULATOR_HEAD = NUMEROLOGY_KNOWN + NUMEROLOGY_HEADER };

typedef struct demodulator demodulator_t;

/* config: numerology, max_symbols and estimator are used. */
demodulator_t *demodulator_create(const receiver_config_t *config, err_t *err);
void demodulator_destroy(demodulator_t *d); /* NULL is fine */

/* A frame whose carrier is off by `cfo` sub-carriers, as far as the preamble tells. */
void demodulator_begin(demodulator_t *d, double cfo);

/* The same for a receiver that knows everything; genie->start is not used. */
void demodulator_begin_genie(demodulator_t *d, const receiver_genie_t *genie);

/* x: preamble, known symbols and header.  True when the header was read. */
bool demodulator_head(demodulator_t *d, const float complex *x);

/* The header's frame fits into max_symbols. */
bool demodulator_fits(const demodulator_t *d);

/* The signal broke off within the header (which its code may survive). */
bool demodulator_broken(const demodulator_t *d);

/*
 * The next symbol.  `proven`: with this symbol the signal was shown to be
 * still there.  `gone`: it was shown to have vanished.
 */
typedef enum { SIGNAL_UNSURE = 0, SIGNAL_PROVEN, SIGNAL_GONE } signal_t;
signal_t demodulator_symbol(demodulator_t *d, const float complex *x);
bool demodulator_done(const demodulator_t *d);

/*
 * To be called once before each payload symbol: moves the window by a sample when the clocks have
 * drifted that far, and returns by how many samples (-1, 0, 1) the symbol starts later.
 */
int demodulator_move_window(demodulator_t *d);

/* Fills everything but status, preamble_metric and the timestamps, as far as it is known. */
void demodulator_result(demodulator_t *d, bool with_symbols, received_frame_t *frame);

#endif
