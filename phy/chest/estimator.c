/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The three methods behind one door, and the interpolation from pilots.  The
 * LMMSE estimate itself: mixture.c.
 */
#include "chest/estimator.h"

#include "chest/bank.h"
#include "chest/mixture.h"
#include "chest/window.h"

#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { N = NUMEROLOGY_USED, C = BANK_CARRIERS, P = NUMEROLOGY_PILOTS };

#define LEAST_NOISE 1e-10 /* of the power: keeps the pilots' matrix positive definite */

struct estimator {
    estimator_method_t method;
    int prefix;
    mixture_t *mixture;
    window_t *window;
};

estimator_t *estimator_create(int cp, estimator_method_t method, err_t *err)
{
    if (cp != NUMEROLOGY_CP_NORMAL && cp != NUMEROLOGY_CP_EXTENDED) {
        err_set(err, ERR_ARGUMENT, "channel estimator: a prefix of %d samples is neither %d nor %d",
                cp, NUMEROLOGY_CP_NORMAL, NUMEROLOGY_CP_EXTENDED);
        return NULL;
    }
    estimator_t *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        err_set(err, ERR_MEMORY, "channel estimator: out of memory");
        return NULL;
    }
    e->method = method;
    e->prefix = cp;
    bool ok = true;
    if (method == ESTIMATOR_DFT) {
        e->window = window_create(cp, err);
        ok = e->window != NULL;
    } else if (method == ESTIMATOR_LMMSE) {
        e->mixture = mixture_create(cp, err);
        ok = e->mixture != NULL;
    }
    if (!ok) {
        estimator_destroy(e);
        return NULL;
    }
    return e;
}

void estimator_destroy(estimator_t *e)
{
    if (e != NULL) {
        window_destroy(e->window);
        mixture_destroy(e->mixture);
        free(e);
    }
}

static void finish(estimator_t *e, double noise_var, estimate_t *out)
{
    double error = mixture_estimate(e->mixture, out->part, out->parts, out->h);
    out->error_var = fmin(error, fmax(noise_var, 0.0));
    mixture_moments(e->mixture, out->part, out->parts, &out->delay_samples,
                    &out->delay_spread_samples);
}

/* LS and DFT, and nothing: true when `out` is complete. */
static bool simple(estimator_t *e, const float complex *h_ls, double noise_var, estimate_t *out)
{
    memset(out, 0, sizeof(*out));
    if (e->method == ESTIMATOR_LMMSE) {
        return false;
    }
    double energy = 0.0;
    for (int u = 0; u < N; u++) {
        energy += (double)(crealf(h_ls[u]) * crealf(h_ls[u]) + cimagf(h_ls[u]) * cimagf(h_ls[u]));
    }
    if (!isfinite(energy) || !isfinite(noise_var)) {
        return true;
    }
    out->error_var = fmax(noise_var, 0.0);
    memcpy(out->h, h_ls, sizeof(out->h));
    if (e->method == ESTIMATOR_DFT) {
        out->error_var *= window_apply(e->window, h_ls, out->h);
    }
    return true;
}

void estimator_apply(estimator_t *e, const float complex h_ls[NUMEROLOGY_USED], double power,
                     double noise_var, estimate_t *out)
{
    if (simple(e, h_ls, noise_var, out) || !mixture_begin(e->mixture, h_ls, power, noise_var)) {
        return;
    }
    out->parts = mixture_choose(e->mixture, out->part, &out->log_likelihood);
    finish(e, noise_var, out);
}

void estimator_again(estimator_t *e, const estimate_t *profile,
                     const float complex h_ls[NUMEROLOGY_USED], double power, double noise_var,
                     estimate_t *out)
{
    estimate_part_t part[ESTIMATE_PARTS];
    int parts = profile->parts;
    double log_likelihood = profile->log_likelihood;
    if (parts == 0 || e->method != ESTIMATOR_LMMSE) {
        estimator_apply(e, h_ls, power, noise_var, out);
        return;
    }
    memcpy(part, profile->part, sizeof(part));
    memset(out, 0, sizeof(*out));
    if (mixture_begin(e->mixture, h_ls, power, noise_var)) {
        out->parts = parts;
        memcpy(out->part, part, sizeof(part));
        out->log_likelihood = log_likelihood;
        finish(e, noise_var, out);
    }
}

static double complex between(const double complex *r, int u, int v)
{
    int d = bank_carrier(u) - bank_carrier(v);
    return d >= 0 ? r[d] : conj(r[-d]);
}

static void uniform_correlation(int cp, double complex *r)
{
    for (int d = 0; d <= N; d++) {
        double half = M_PI * d * cp / NUMEROLOGY_FFT;
        r[d] = d > 0 ? sin(half) / half * cexp(-I * half) : 1.0;
    }
}

/* A profile that may lie a normally distributed delay away: its correlation, damped. */
static void blur(double complex *r, double wander_samples)
{
    for (int d = 1; d <= N; d++) {
        double angle = 2.0 * M_PI * d * wander_samples / NUMEROLOGY_FFT;
        r[d] *= exp(-0.5 * angle * angle);
    }
}

double estimator_interpolator(estimator_t *e, const estimate_t *profile, double wander_samples,
                              double power, double pilot_noise_var, estimator_interpolator_t *w)
{
    double complex r[N + 1], m[P * P], x[N][P];
    double noise = power > 0.0 ? fmax(pilot_noise_var / power, LEAST_NOISE) : 1.0, good = 0.0;
    memset(w, 0, sizeof(*w));
    if (!(power > 0.0 && power < 1e30 && noise < 1e12) || !isfinite(pilot_noise_var)) {
        return 0.0;
    }
    if (profile->parts > 0) {
        mixture_correlation(e->mixture, profile->part, profile->parts, r);
    } else {
        uniform_correlation(e->prefix, r);
    }
    blur(r, wander_samples);
    for (int p = 0; p < P; p++) {
        for (int q = 0; q < P; q++) { /* column-major: m[q][p] is row p */
            m[q * P + p] =
                between(r, numerology_pilot(p), numerology_pilot(q)) + (p == q ? noise : 0.0);
        }
        for (int u = 0; u < N; u++) {
            x[u][p] = between(r, numerology_pilot(p), u);
        }
    }
    /* (R_pp + noise) x = r_pu for each carrier u; row u of W is x^H. */
    if (LAPACKE_zposv_work(LAPACK_COL_MAJOR, 'U', P, N, (lapack_complex_double *)m, P,
                           (lapack_complex_double *)x, P) != 0) {
        return power; /* positive definite by its noise: only numbers gone mad come here */
    }
    for (int u = 0; u < N; u++) {
        for (int p = 0; p < P; p++) {
            w->re[p][u] = (float)creal(x[u][p]);
            w->im[p][u] = (float)-cimag(x[u][p]);
            good += creal(conj(x[u][p]) * between(r, numerology_pilot(p), u));
        }
    }
    return power * fmax(1.0 - good / N, 0.0);
}

void estimator_interpolate(const estimator_interpolator_t *w,
                           const float complex z[NUMEROLOGY_PILOTS],
                           float complex h[NUMEROLOGY_USED])
{
    float re[C] = {0}, im[C] = {0};
    for (int p = 0; p < P; p++) {
        float zr = crealf(z[p]), zi = cimagf(z[p]);
        for (int u = 0; u < C; u++) {
            re[u] += w->re[p][u] * zr - w->im[p][u] * zi;
            im[u] += w->re[p][u] * zi + w->im[p][u] * zr;
        }
    }
    for (int u = 0; u < N; u++) {
        h[u] = CMPLXF(re[u], im[u]);
    }
}
