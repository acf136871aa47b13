/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "histogram.h"

#include <math.h>
#include <stddef.h>

static const double lowest_ms = 1e-3;
enum { PER_OCTAVE = 32 };

void histogram_add(histogram_t *histogram, double ms)
{
    if (isnan(ms)) {
        return;
    }
    double at = ms > lowest_ms ? floor(log2(ms / lowest_ms) * PER_OCTAVE) : 0.0;
    size_t bucket = at < HISTOGRAM_BUCKETS - 1 ? (size_t)at : HISTOGRAM_BUCKETS - 1;
    atomic_fetch_add_explicit(&histogram->count[bucket], 1, memory_order_relaxed);
}

double histogram_quantile_ms(const histogram_t *histogram, double share)
{
    uint64_t total = 0, count[HISTOGRAM_BUCKETS];
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        total += count[i] = atomic_load_explicit(&histogram->count[i], memory_order_relaxed);
    }
    if (total == 0) {
        return NAN;
    }
    double wanted = ceil(share * (double)total);
    uint64_t seen = 0;
    size_t bucket = 0;
    for (; bucket < HISTOGRAM_BUCKETS - 1; bucket++) {
        seen += count[bucket];
        if (seen > 0 && (double)seen >= wanted) {
            break;
        }
    }
    return lowest_ms * exp2(((double)bucket + 0.5) / PER_OCTAVE);
}

void histogram_merge(histogram_t *histogram, const histogram_t *from)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        atomic_fetch_add_explicit(&histogram->count[i],
                                  atomic_load_explicit(&from->count[i], memory_order_relaxed),
                                  memory_order_relaxed);
    }
}
