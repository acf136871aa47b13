/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The assumed profile has a plateau where the first path may lie, the sample
 * clock's wander included, then decays over the prefix, and never quite ends.
 * LAPACK's cposv solves the 12 x 12 system for all carriers at once.
 */
#include "chest/interpolator.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

enum { N = NUMEROLOGY_USED, P = NUMEROLOGY_PILOTS, SPAN = NUMEROLOGY_USED + 1 };

struct interpolator {
    float complex correlation[SPAN]; /* E h[k + d] conj(h[k]), d carriers apart; [0] = 1 */
    float re[P][N], im[P][N];        /* conj of the weights, by pilot */
    double error;
};

static double profile(double delay, int cp)
{
    double tail = cp / 5.0, power = 0.002;
    if (delay >= 0.0 && delay <= 6.0) {
        power += 1.0;
    } else if (delay > 6.0 && delay <= cp + 1.0) {
        power += exp(-(delay - 6.0) / tail);
    }
    return power;
}

interpolator_t *interpolator_create(int cp, err_t *err)
{
    interpolator_t *it = calloc(1, sizeof(*it));
    if (it == NULL) {
        err_set(err, ERR_MEMORY, "interpolator: out of memory");
        return NULL;
    }
    for (int k = 0; k < SPAN; k++) {
        double complex sum = 0.0;
        double total = 0.0;
        for (double delay = -2.0; delay <= cp + 3.0; delay += 0.25) {
            double power = profile(delay, cp);
            sum += power * cexp(-2.0 * I * M_PI * k * delay / NUMEROLOGY_FFT);
            total += power;
        }
        it->correlation[k] = (float complex)(sum / total);
    }
    return it;
}

void interpolator_destroy(interpolator_t *it)
{
    free(it);
}

static int carrier(int u)
{
    return u < N / 2 ? u - N / 2 : u - N / 2 + 1;
}

/* E h[a] conj(h[b]) of used carriers a and b. */
static float complex correlate(const interpolator_t *it, int a, int b)
{
    int apart = carrier(a) - carrier(b);
    return apart >= 0 ? it->correlation[apart] : conjf(it->correlation[-apart]);
}

void interpolator_prepare(interpolator_t *it, double power, double error)
{
    lapack_complex_float a[P * P], b[N * P];
    float noise = (float)fmax(error / power, 1e-7);
    for (int j = 0; j < P; j++) {
        for (int i = 0; i < P; i++) {
            a[j * P + i] = correlate(it, numerology_pilot(i), numerology_pilot(j)) +
                           (i == j ? noise : 0.0f);
        }
    }
    for (int u = 0; u < N; u++) {
        for (int i = 0; i < P; i++) {
            b[u * P + i] = correlate(it, numerology_pilot(i), u);
        }
    }
    /* Positive definite by the noise on its diagonal. */
    (void)LAPACKE_cposv_work(LAPACK_COL_MAJOR, 'L', P, N, a, P, b, P);
    double seen = 0.0;
    for (int u = 0; u < N; u++) {
        for (int i = 0; i < P; i++) {
            it->re[i][u] = crealf(b[u * P + i]);
            it->im[i][u] = cimagf(b[u * P + i]);
            seen += (double)crealf(conjf(b[u * P + i]) * correlate(it, numerology_pilot(i), u));
        }
    }
    it->error = power * fmax(1.0 - seen / N, 1e-7);
}

void interpolator_apply(const interpolator_t *it, const float complex z[P], float complex h[N])
{
    float hr[N] = {0}, hi[N] = {0};
    for (int i = 0; i < P; i++) {
        float zr = crealf(z[i]), zi = cimagf(z[i]);
        const float *re = it->re[i], *im = it->im[i];
        for (int u = 0; u < N; u++) {
            hr[u] += re[u] * zr + im[u] * zi;
            hi[u] += re[u] * zi - im[u] * zr;
        }
    }
    for (int u = 0; u < N; u++) {
        h[u] = CMPLXF(hr[u], hi[u]);
    }
}

double interpolator_error(const interpolator_t *it)
{
    return it->error;
}
