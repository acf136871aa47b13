/* SPDX-License-Identifier: GPL-3.0-or-later */
/* interpolation: the Kaiser-windowed sinc that puts a value between samples. */
#ifndef AIR_INTERPOLATION_H
#define AIR_INTERPOLATION_H

#include <stddef.h>

#define INTERPOLATION_TAPS 8 /* of the kernel that fading uses */

/*
 * The kernel at t samples from its middle; 0 from `half` on.  Larger beta: lower
 * ripple, wider transition.  Without the constant 1 / I0(beta).
 */
double interpolation_kernel(double t, int half, double beta);

/* The fading kernel: half = INTERPOLATION_TAPS / 2, beta = 5.2 (56 dB). */
double interpolation_fading(double t);

/*
 * weight[k] += amplitude * kernel for a path at `delay` >= INTERPOLATION_TAPS / 2 - 1
 * samples, with gain `amplitude` at frequency 0.  Writes INTERPOLATION_TAPS
 * entries from floor(delay) - 3 on.
 */
void interpolation_add_path(double delay, double amplitude, float *weight);

#endif
