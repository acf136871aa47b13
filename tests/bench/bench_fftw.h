/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_fftw: transforms as fast as FFTW does them: a batch at a time in the
 * first-level cache, and measured plans.  The limit of rows that transform.
 */
#ifndef BENCH_BENCH_FFTW_H
#define BENCH_BENCH_FFTW_H

#include <complex.h>
#include <fftw3.h>
#include <stdbool.h>

typedef struct {
    fftwf_plan plan;
    float complex *in, *out;
} bench_fftw_t;

/* direction: FFTW_FORWARD or FFTW_BACKWARD; plan: FFTW_MEASURE or FFTW_ESTIMATE.  False: no memory.
 */
bool bench_fftw_open(bench_fftw_t *f, int size, int direction, int batch, unsigned plan);
void bench_fftw_close(bench_fftw_t *f); /* all zero is fine */
void bench_fftw_run(const bench_fftw_t *f);

#endif
