/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "histogram.h"
#include "rng.h"

#include "check.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Log-normal durations over four decades: each quantile against the sorted list. */
static void test_quantiles(void)
{
    enum { COUNT = 20000 };
    static histogram_t histogram;
    static double sorted[COUNT];
    rng_t rng;
    rng_seed(&rng, 1, 0);
    for (int i = 0; i < COUNT; i++) {
        float x;
        rng_normal(&rng, &x, 1);
        sorted[i] = 5.0 * exp(2.0 * (double)x);
        histogram_add(&histogram, sorted[i]);
    }
    qsort(sorted, COUNT, sizeof *sorted, ascending);
    for (int p = 1; p < 100; p++) {
        double wanted = sorted[COUNT / 100 * p - 1];
        CHECK_NEAR(histogram_quantile_ms(&histogram, p / 100.0) / wanted, 1.0, 0.0115);
    }
}

static void test_edges(void)
{
    static histogram_t empty, ends, both;
    CU_ASSERT(isnan(histogram_quantile_ms(&empty, 0.5)));
    histogram_add(&empty, NAN);
    CU_ASSERT(isnan(histogram_quantile_ms(&empty, 0.5)));
    histogram_add(&ends, -1.0);
    histogram_add(&ends, 0.0);
    histogram_add(&ends, INFINITY);
    CHECK_NEAR(histogram_quantile_ms(&ends, 0.5), 1.01e-3, 1e-5);
    CU_ASSERT(histogram_quantile_ms(&ends, 1.0) > 60e3);
    histogram_merge(&both, &ends);
    histogram_merge(&both, &ends);
    CHECK_NEAR(histogram_quantile_ms(&both, 0.66), 1.01e-3, 1e-5);
    CU_ASSERT(histogram_quantile_ms(&both, 0.67) > 60e3);
}

static const check_test_t tests[] = {
    {"a quantile is within 1.15 % of the sorted list's", test_quantiles},
    {"nothing, NaN, and what lies outside are counted where the header says", test_edges},
};

int main(void)
{
    return check_run("histogram", tests, CHECK_COUNT(tests));
}
