/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gather: means with honest error bars.
 *
 * Images of one frame share its fading, so they are not independent trials;
 * frames are.  A gather_t therefore takes a frame's sum and count at a time
 * and estimates the standard error of the mean m = sum S_f / sum n_f between
 * frames (the ratio estimator of cluster sampling, Cochran 1977, 9A.1):
 *
 *     var(m) = F / (F - 1) * sum (S_f - m n_f)^2 / (sum n_f)^2
 *
 * Half-widths are for 95 %, with Student's quantile for F - 1 degrees.
 */
#ifndef FLOWGRAPHS_GATHER_H
#define FLOWGRAPHS_GATHER_H

#include <stdint.h>

typedef struct {
    uint64_t frames;
    double sum, count;
    double sum_sum, sum_count, count_count; /* of S_f^2, S_f n_f, n_f^2 */
} gather_t;

#define GATHER_INIT                                                                                \
    {                                                                                              \
        0, 0.0, 0.0, 0.0, 0.0, 0.0                                                                 \
    }

/* A frame's sum over its `count` values; nothing happens when count is 0. */
void gather_add(gather_t *gather, double sum, double count);

/* NaN when nothing was added. */
double gather_mean(const gather_t *gather);

/* Half-width of the 95 % interval of the mean; NaN below two frames. */
double gather_half_width(const gather_t *gather);

/* Wilson's 95 % interval for `hits` of `trials` independent ones: its half-width; and its middle,
   which is not hits / trials, with it.  NaN for no trials. */
double gather_wilson(uint64_t hits, uint64_t trials);
void gather_wilson_interval(double hits, double trials, double *middle, double *half_width);

#endif
