/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outlet: the radio thread of a sending program.  It sends frames, one each period of the radio's
 * clock, that another thread has made in time; it neither locks, allocates, nor logs.
 */
#ifndef BROADCAST_OUTLET_H
#define BROADCAST_OUTLET_H

#include "radio/radio.h"

typedef struct outlet outlet_t;

/* Frames of up to `room` samples.  The radio is the caller's; this thread alone pushes to it. */
outlet_t *outlet_start(radio_t *radio, size_t room, double period_s, err_t *err);
void outlet_stop(outlet_t *outlet); /* what was not sent yet is not sent; NULL is fine */

/* Where the next frame is to be put; NULL: no room in time.  One thread. */
float complex *outlet_room(outlet_t *outlet, double timeout_s);
void outlet_put(outlet_t *outlet, size_t count);

uint64_t outlet_sent(const outlet_t *outlet); /* frames */
uint64_t outlet_late(const outlet_t *outlet); /* periods that passed without one, for it came late */

#endif
