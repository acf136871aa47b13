/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * histogram: quantiles of durations, from counts in buckets that grow by a thirty-second of a power of two.
 *
 *     0.001 ms .. 65 s, each bucket 2.2 % wide: a quantile is right within 1.1 % of itself.
 *     What is below or above falls into the first or last bucket; a NaN is not counted.
 *
 * Adding is one atomic increment: any thread may add while any other reads.  A reader sees counts of
 * about the same moment, never a torn one.
 */
#ifndef COMMON_HISTOGRAM_H
#define COMMON_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_BUCKETS = 26 * 32 };

/* Zeros are an empty one. */
typedef struct {
    _Atomic uint64_t count[HISTOGRAM_BUCKETS];
} histogram_t;

void histogram_add(histogram_t *histogram, double ms);

/* The value in ms that `share` (0 .. 1) of all do not exceed; NaN when empty. */
double histogram_quantile_ms(const histogram_t *histogram, double share);

/* Adds the counts of `from`. */
void histogram_merge(histogram_t *histogram, const histogram_t *from);

#endif
