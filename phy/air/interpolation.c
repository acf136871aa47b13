/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With the signal inside +-0.28 of the rate its first image starts at 0.72, a
 * transition so wide that 8 taps keep the error below -55 dB.  (Kaiser, "Nonrecursive
 * digital filter design using the I0-sinh window function", 1974.)
 */
#include "air/interpolation.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

/* Modified Bessel function of the first kind, order 0. */
static double bessel_i0(double x)
{
    double sum = 1.0;
    double term = 1.0;
    for (int k = 1; term > 1e-17 * sum; k++) {
        const double half = x / (2.0 * k);
        term *= half * half;
        sum += term;
    }
    return sum;
}

double interpolation_kernel(double t, int half, double beta)
{
    const double edge = t / half;
    if (fabs(edge) >= 1.0) {
        return 0.0;
    }
    const double window = bessel_i0(beta * sqrt(1.0 - edge * edge));
    return window * (t == 0.0 ? 1.0 : sin(PI * t) / (PI * t));
}

double interpolation_fading(double t)
{
    return interpolation_kernel(t, INTERPOLATION_TAPS / 2, 5.2);
}

void interpolation_add_path(double delay, double amplitude, float *weight)
{
    const size_t first = (size_t)(delay - (INTERPOLATION_TAPS / 2 - 1)); /* truncates: >= 0 */
    double value[INTERPOLATION_TAPS];
    double sum = 0.0;
    for (size_t i = 0; i < INTERPOLATION_TAPS; i++) {
        value[i] = interpolation_fading((double)(first + i) - delay);
        sum += value[i];
    }
    for (size_t i = 0; i < INTERPOLATION_TAPS; i++) {
        weight[first + i] += (float)(amplitude * value[i] / sum);
    }
}
