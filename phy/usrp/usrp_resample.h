/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usrp_resample: between two sample rates that both divide the same clock.
 *
 * Input samples are `in_ticks` apart, output samples `out_ticks` (which need not be whole: a clock
 * offset).  A windowed sinc (Kaiser, 80 dB) around the lower of the two rates, flat to 0.38 of it;
 * as many phases as the whole ticks need, so that whole ratios are exact, and linear interpolation
 * between phases otherwise.
 */
#ifndef USRP_USRP_RESAMPLE_H
#define USRP_USRP_RESAMPLE_H

#include "err.h"

#include <complex.h>
#include <stddef.h>
#include <stdint.h>

typedef struct usrp_resample usrp_resample_t;

/* in_ticks 1 … 512; most: the largest count given to process at once. */
usrp_resample_t *usrp_resample_create(uint32_t in_ticks, double out_ticks, size_t most, err_t *err);
void usrp_resample_destroy(usrp_resample_t *r);

/* Forgets; the first output will be `offset_ticks` (0 … in_ticks) after the next input sample. */
void usrp_resample_reset(usrp_resample_t *r, double offset_ticks);

/* Takes all of in[count] and writes what can be known by now; no more than
 * usrp_resample_room(count). */
size_t usrp_resample_process(usrp_resample_t *r, const float complex *in, size_t count,
                             float complex *out);
size_t usrp_resample_room(const usrp_resample_t *r, size_t count);

/* An output sample needs so many input samples after its time. */
size_t usrp_resample_lag(const usrp_resample_t *r);

#endif
