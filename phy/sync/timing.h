/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * timing: where to start counting a frame's time, from the preamble's impulse
 * response.
 */
#ifndef SYNC_TIMING_H
#define SYNC_TIMING_H

#include "sync/segments.h"

enum { TIMING_REACH = 32 };

/*
 * `s` holds a preamble whose strongest path is at delay 0, with its carrier
 * offset taken off and not levelled.  Returns the delay of time zero, in
 * +- TIMING_REACH: four samples before a lone path, one to three before the first of
 * many; but so that nearly all energy arrives within `cp` samples after it.
 */
int timing_find(segments_t *s, int cp);

#endif
