/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tracker: follows a channel that moves within the frame, through the pilots
 * of every symbol.
 *
 * The gain of each pilot carrier is a random process with Clarke's spectrum:
 * E[h(t) h*(t - k)] = P J0(2 pi fD k).  A Wiener filter over up to 33 symbols,
 * 16 of them in the future, estimates it at any symbol of that window:
 *
 *     w = (P R + n0 I)^-1 P r,        error = P (1 - r' w)
 *
 * The Doppler fD is the one of a fixed set that makes the observed pilots most
 * likely.  What was known before (carrier offset, phase line, sample clock) is
 * taken off the pilots before they come here; a carrier offset that is left is
 * the mean turn from one symbol to the next, and taken off too.
 *
 * One object per thread; nothing allocates after create.
 */
#ifndef CHEST_TRACKER_H
#define CHEST_TRACKER_H

#include "err.h"
#include "waveform/numerology.h"

#include <stdbool.h>

enum {
    TRACKER_REACH = 16, /* symbols ahead that the estimate in mid-frame waits for */
    TRACKER_WINDOW = 2 * TRACKER_REACH + 1,
    TRACKER_MEMORY = 64, /* symbols whose estimate can still be asked for */
};

typedef struct tracker tracker_t;

tracker_t *tracker_create(err_t *err);
void tracker_destroy(tracker_t *t); /* NULL is fine */

/* A new frame. */
void tracker_begin(tracker_t *t);

/* The next OFDM symbol's pilots, their points taken off: z = h + w. */
void tracker_push(tracker_t *t, const float complex z[NUMEROLOGY_PILOTS]);

/* Symbols pushed since tracker_begin. */
size_t tracker_count(const tracker_t *t);

/*
 * Chooses the Doppler from the last window and makes the filters for noise
 * variance n0 (> 0) per pilot.  At least four symbols must have been pushed.
 * Costs about 0.1 ms on one core.
 */
void tracker_adapt(tracker_t *t, double n0);

/* Mean |h|^2 over all that was pushed, the noise's part taken off; >= 0. */
double tracker_power(const tracker_t *t, double n0);

/* The mean turn per symbol that tracker_adapt found, in radians. */
double tracker_turn(const tracker_t *t);

/* The Doppler chosen, in cycles per OFDM symbol; 0 before tracker_adapt. */
double tracker_doppler(const tracker_t *t);

/*
 * The pilots' gains at `symbol` (counted since tracker_begin, one of the last
 * TRACKER_REACH + 1 pushed, or any of a shorter frame), from what has been
 * pushed so far.  Returns the estimate's error variance per pilot.
 */
double tracker_filter(const tracker_t *t, size_t symbol, float complex h[NUMEROLOGY_PILOTS]);

#endif
