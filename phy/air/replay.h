/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replay: measured channel state as gains of paths at fixed delays.
 *
 * What is kept of a recording is how the channel's shape and size move.  Each packet
 * becomes paths (csi_paths.h); its phase, which the card does not know, is set to the
 * one before it.  Over time the gains are interpolated linearly between packets.  The
 * mean power inside +-0.26 of the sample rate is 1 over the packets.
 *
 * Time is the card's clock; a step back or of more than a second (a new start)
 * counts as the recording's median step, 1 ms when there is none.  At its end the
 * recording runs backwards, and so on.
 */
#ifndef AIR_REPLAY_H
#define AIR_REPLAY_H

#include "err.h"

#include <stddef.h>

typedef struct replay replay_t;

/*
 * path_link: 3 * receive antenna + transmit stream, 0 … 8; packets without that
 * pair are skipped.  NULL with csi_file_open's errors, or ERR_ARGUMENT
 * when no packet is left.
 */
replay_t *replay_open(const char *path, int path_link, double rate_hz, err_t *err);
void replay_close(replay_t *replay); /* NULL is fine */

size_t replay_paths(const replay_t *replay);
size_t replay_packets(const replay_t *replay);
double replay_duration_s(const replay_t *replay);

/* Delay of path j against the mean one: -250 … 750 ns. */
double replay_delay_ns(size_t j);

/* Time 0 is at this share of the recording, 0 … 1. */
void replay_start(replay_t *replay, double share);

/* The gains at a time: gr[replay_paths], gi[replay_paths]. */
void replay_at(const replay_t *replay, double seconds, float *gr, float *gi);

#endif
