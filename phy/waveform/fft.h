/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fft: FFTW3f with its planner behind a lock (FFTW's planner is not
 * thread-safe; executing is) and buffers of the right alignment.
 *
 *     fft_t *fft = fft_create(256, FFT_FORWARD, &err);
 *     fill fft_in(fft)[0 … 255]; fft_execute(fft); read fft_out(fft)[0 … 255]
 *
 * Not normalised.  Plans are estimated, not measured, so that the same binary
 * gives the same bits on every run.  Everybody in phy/ who plans with FFTW
 * takes fft_planner_lock around it.
 */
#ifndef WAVEFORM_FFT_H
#define WAVEFORM_FFT_H

#include "err.h"

#include <complex.h>
#include <stddef.h>

/* liquid-dsp calls a function of its own named fft_execute: ours must not take its place. */
#pragma GCC visibility push(hidden)

typedef struct fft fft_t;

typedef enum { FFT_FORWARD = -1, FFT_BACKWARD = 1 } fft_direction_t;

fft_t *fft_create(int size, fft_direction_t direction, err_t *err);
void fft_destroy(fft_t *fft); /* NULL is fine */
float complex *fft_in(fft_t *fft);
const float complex *fft_out(const fft_t *fft);
void fft_execute(fft_t *fft); /* leaves the input as it was */

/*
 * The same into out[size] instead of fft_out.  Any alignment gives the same bits;
 * on 16 bytes nothing is copied.
 */
void fft_execute_to(fft_t *fft, float complex *out);

void fft_planner_lock(void);
void fft_planner_unlock(void);

#pragma GCC visibility pop

#endif
