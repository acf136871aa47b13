/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kernel: the loops that cost the air its time, in the widest vectors the
 * machine has.  Every width computes the same sums in the same order and
 * without fused multiply-add, so the results are equal bit for bit.
 */
#ifndef AIR_KERNEL_H
#define AIR_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* fir writes up to this many samples more than asked, and reads as many more of x. */
#define KERNEL_SLACK 64

/* Eight parallel xoshiro256++ streams: word i of stream j is state[i][j]. */
typedef struct {
    _Alignas(64) uint64_t state[4][8];
} kernel_rng_t;

/* Gains on their way: re[k] + n * re_step[k] at sample n, and the same for the imaginary part. */
typedef struct {
    const float *re, *im, *re_step, *im_step;
} kernel_ramp_t;

/* rows * lanes oscillators; rows is a multiple of 4, lanes of 16. */
typedef struct {
    size_t rows, lanes;
    float *re, *im, *step_re, *step_im;
} kernel_bank_t;

typedef struct {
    const char *name; /* "avx512" | "avx2" | "baseline" */

    /*
     * y[n] = sum over k of h[k] x[n - k], complex, split in real and imaginary
     * parts; xr, xi point at x[0] and are readable from x[-(taps - 1)] on.
     */
    void (*fir)(const float *hr, const float *hi, size_t taps, const float *xr, const float *xi,
                float *yr, float *yi, size_t count);

    /* The same with moving gains: output i is sample n = first + i of the ramp. */
    void (*fir_ramp)(const kernel_ramp_t *h, size_t taps, size_t first, const float *xr,
                     const float *xi, float *yr, float *yi, size_t count);

    /* Every oscillator one step on, and the sum over the rows: sum_r[lanes], sum_i[lanes]. */
    void (*turn)(kernel_bank_t *bank, float *sum_r, float *sum_i);

    /* h[k] = sum over p of weights[p * stride + k] g[p], k < stride; stride is a multiple of 16. */
    void (*mix)(const float *weights, size_t stride, size_t paths, const float *gr,
                const float *gi, float *hr, float *hi);

    /* out[32 * rounds]: independent standard normal values. */
    void (*normal)(kernel_rng_t *rng, float *out, size_t rounds);
} kernel_t;

/* The widest this machine runs.  Thread-safe. */
const kernel_t *kernel_best(void);

/* All that this machine runs, NULL after the last; the baseline comes first. */
const kernel_t *kernel_at(size_t index);

extern const kernel_t kernel_baseline;
extern const kernel_t kernel_avx2;
extern const kernel_t kernel_avx512;

#endif
