/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * window: the classical DFT channel estimate, kept for comparison.
 *
 * The 132 carriers are put into 256 bins, DC and the 123 unused ones filled by
 * straight lines between their neighbours (with the mean delay taken off, or
 * the lines would cut across turns), brought to the impulse response, cut to
 * the prefix and brought back.  The lines are not the channel: near the band's
 * edges an error remains however little noise there is.
 */
#ifndef CHEST_WINDOW_H
#define CHEST_WINDOW_H

#include "err.h"
#include "waveform/numerology.h"

typedef struct window window_t;

window_t *window_create(int cp, err_t *err);
void window_destroy(window_t *w); /* NULL is fine */

/* Returns the part of h_ls's noise that h keeps; the lines' error is not in it. */
double window_apply(window_t *w, const float complex h_ls[NUMEROLOGY_USED],
                    float complex h[NUMEROLOGY_USED]);

#endif
