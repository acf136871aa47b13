/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel is interpolation.h's, of 8 taps.  R is integrated at the profile's quantiles and
 * factored by Cholesky's method with pivoting (Higham, "Accuracy and Stability
 * of Numerical Algorithms", 10.3): a short profile has only a few degrees of
 * freedom, and the pivots show how many.
 */
#include "air/fading.h"

#include "air/interpolation.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>

enum { POINTS = 4096, HALF = FADING_KERNEL / 2 };
static const double TRUNCATION = 1e-3;

typedef double matrix_t[FADING_MAX_TAPS][FADING_MAX_TAPS];

static void integrate_covariance(const fading_t *fading, double spread, matrix_t r)
{
    double total = 0.0;
    for (int p = 0; p < POINTS; p++) {
        /* Equal shares of the profile's energy up to the truncation. */
        const double share = (1.0 - fading->truncated) * (p + 0.5) / POINTS;
        const double delay = (double)fading->delay - spread * log1p(-share);
        const size_t first = (size_t)(delay - (HALF - 1)); /* truncates: >= 0 */
        double weight[FADING_KERNEL];
        double sum = 0.0;
        for (size_t i = 0; i < FADING_KERNEL; i++) {
            weight[i] = interpolation_fading((double)(first + i) - delay);
            sum += weight[i]; /* the kernel's constant factor goes with `total` */
        }
        for (size_t i = 0; i < FADING_KERNEL; i++) {
            for (size_t j = 0; j < FADING_KERNEL; j++) {
                r[first + i][first + j] += weight[i] * weight[j];
            }
        }
        total += sum * sum;
    }
    for (size_t i = 0; i < fading->taps; i++) {
        for (size_t j = 0; j < fading->taps; j++) {
            r[i][j] /= total;
        }
    }
}

/* r = F F', a column at a time, the largest remaining variance first. */
static void factorise(fading_t *fading, matrix_t r)
{
    bool done[FADING_MAX_TAPS] = {false};
    for (size_t column = 0; column < fading->taps; column++) {
        size_t pivot = 0;
        double largest = 0.0;
        for (size_t i = 0; i < fading->taps; i++) {
            if (!done[i] && r[i][i] > largest) {
                largest = r[i][i];
                pivot = i;
            }
        }
        if (largest < 1e-10) {
            break;
        }
        done[pivot] = true;
        double value[FADING_MAX_TAPS];
        for (size_t i = 0; i < fading->taps; i++) {
            value[i] = done[i] && i != pivot ? 0.0 : r[i][pivot] / sqrt(largest);
            fading->factor[i][column] = (float)value[i];
        }
        for (size_t i = 0; i < fading->taps; i++) {
            for (size_t j = 0; j < fading->taps; j++) {
                r[i][j] -= value[i] * value[j];
            }
        }
        fading->rank = column + 1;
    }
}

void fading_init(fading_t *fading, double spread)
{
    assert(spread >= 0.0 && spread <= FADING_MAX_SPREAD);
    *fading = (fading_t){.taps = 1, .rank = 1};
    if (spread == 0.0) {
        fading->factor[0][0] = 1.0f;
        return;
    }
    const double longest = ceil(-log(TRUNCATION) * spread);
    fading->taps = (FADING_KERNEL + (size_t)longest + 7) / 8 * 8;
    fading->delay = HALF - 1;
    /* The last kernel ends with the last tap. */
    fading->truncated = exp(-(double)(fading->taps - FADING_KERNEL) / spread);
    matrix_t r = {{0}};
    integrate_covariance(fading, spread, r);
    factorise(fading, r);
}
