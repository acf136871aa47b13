/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digital_choice: the best mode for a place, without a look at the campaign's pictures.
 *
 * For each mode: e, the mean squared error of calibration pictures that arrive; m, that of their
 * mean colours, for those that do not; and p, the share of lost groups measured on this very
 * link (digital_loss.h).  The mode with the least (1 - p) e + p m is the best.  With l of n lost,
 * p = (l + 1/2) / (n + 1): none of 300 is not never.
 *
 * Modulations and code rates that compete when they are open: QPSK, 16QAM, 64QAM, 256QAM at
 * 1/3, 2/5, 1/2, 3/5, 2/3, 3/4, 5/6.
 */
#ifndef FLOWGRAPHS_DIGITAL_CHOICE_H
#define FLOWGRAPHS_DIGITAL_CHOICE_H

#include "scheme.h"

/* `header`: of a whole frame.  Errors: no calibration pictures; nothing can be sent. */
int digital_choose(const scheme_config_t *config, const scheme_place_t *place,
                   const frame_header_t *header, digital_mode_t *mode, err_t *err);

#endif
