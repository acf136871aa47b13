/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drift: a receiver whose sample clock is off by `ppm`.  Its sample m, counted
 * from where the drift began, is the input at time m (1 + ppm 1e-6) - drift_delay.
 * Exact for AIR_CLOCK_SAMPLES; then it slips back to where it began.
 */
#ifndef AIR_DRIFT_H
#define AIR_DRIFT_H

#include "err.h"

#include <complex.h>
#include <stddef.h>

enum { DRIFT_CHUNK = 512, DRIFT_TAPS = 16 };

typedef struct drift drift_t;

/* ppm: within +-200, not 0. */
drift_t *drift_create(double ppm, err_t *err);
void drift_destroy(drift_t *drift); /* NULL is fine */

/* Empty, and the drift begins with the next sample. */
void drift_reset(drift_t *drift);

/* In place, count <= DRIFT_CHUNK. */
void drift_process(drift_t *drift, float complex *samples, size_t count);

/* Bulk delay in samples at the beginning of the drift, and the samples after which silence at
   the input has become silence at the output. */
size_t drift_delay(const drift_t *drift);
size_t drift_memory(const drift_t *drift);

/* How far the next output sample is from its nominal time, in samples: sample i from now is
   taken at nominal time + drift_now + i * ppm 1e-6. */
double drift_now(const drift_t *drift);

#endif
