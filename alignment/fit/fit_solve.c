/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit_solve: the three ways from moments to a map.
 *
 * Ridge: (S + rI) (W - P)' = (S_tf - P S)', S and S_tf the covariances, by Cholesky (LAPACK
 * dpotrf). A complex W is the same problem on the data (f, t) and (jf, jt) together: S is averaged
 * with J S J', whose solution commutes with J.
 *
 * Rotation: orthogonal Procrustes (Schoenemann 1966): with S_tf = U D V', W = U V'.  The unitary
 * one is that of the average with J S_tf J', since the polar factor of a matrix that commutes with
 * J does. (Not zgesdd: OpenBLAS 0.3.21 reads past the end of small matrices in its AVX-512 zgemv.)
 *
 * Descent: gradient G = S_tf - W S, step <G,G> / <G,GS>.
 */
#include "fit/fit_solve.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int fit_work_create(fit_work_t *work, int channels, int kernel, err_t *err)
{
    work->centred = moments_create(channels, kernel, false, err);
    if (!work->centred) {
        return -1;
    }
    size_t d = (size_t)work->centred->features, t = (size_t)work->centred->targets;
    work->factor = malloc((d * d + 2 * t * d) * sizeof *work->factor);
    if (!work->factor) {
        moments_destroy(work->centred);
        work->centred = NULL;
        return err_set(err, ERR_MEMORY, "no memory to fit %zu unknowns", d);
    }
    work->gradient = work->factor + d * d;
    work->image = work->gradient + t * d;
    return 0;
}

void fit_work_destroy(fit_work_t *work)
{
    moments_destroy(work->centred);
    free(work->factor);
    *work = (fit_work_t){0};
}

static void centre(const moments_t *moments, fit_work_t *work)
{
    moments_copy(work->centred, moments);
    moments_remove_means(work->centred);
}

static void set_bias(const moments_t *m, const double *weight, double *bias)
{
    for (int i = 0; i < m->targets; i++) {
        bias[i] = (m->sum_t[i] - cblas_ddot(m->features, weight + (size_t)i * (size_t)m->features,
                                            1, m->sum_f, 1)) /
                  m->places;
    }
}

/* ---- ridge ---------------------------------------------------------------- */

/* Each 2x2 block [a b; c d] becomes its complex part: (a+d)/2, (c-b)/2. */
static void make_complex(double *block, size_t stride)
{
    double re = 0.5 * (block[0] + block[stride + 1]), im = 0.5 * (block[stride] - block[1]);
    block[0] = block[stride + 1] = re;
    block[stride] = im;
    block[1] = -im;
}

static void symmetrise(moments_t *m)
{
    size_t d = (size_t)m->features;
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j < i; j++) {
            m->ff[i * d + j] = m->ff[j * d + i]; /* the lower half, for whole blocks */
        }
    }
    for (size_t i = 0; i < d; i += 2) {
        for (size_t j = 0; j < d; j += 2) {
            make_complex(&m->ff[i * d + j], d);
            make_complex(&m->tf[i * d + j], d);
        }
    }
}

static double mean_energy(const moments_t *m)
{
    double trace = 0.0;
    for (int i = 0; i < m->features; i++) {
        trace += m->ff[(size_t)i * (size_t)(m->features + 1)];
    }
    return trace / m->features;
}

int fit_solve_ridge(const moments_t *moments, double ridge, bool is_complex, const double *prior,
                    double *weight, double *bias, fit_work_t *work, err_t *err)
{
    centre(moments, work);
    moments_t *m = work->centred;
    int d = m->features, t = m->targets;
    size_t whole = (size_t)d * (size_t)d;
    if (is_complex) {
        symmetrise(m);
    }
    double scale = mean_energy(m);
    memcpy(weight, m->tf, (size_t)t * (size_t)d * sizeof *weight);
    if (prior) {
        cblas_dsymm(CblasRowMajor, CblasRight, CblasUpper, t, d, -1.0, m->ff, d, prior, d, 1.0,
                    weight, d);
    }
    memcpy(work->factor, m->ff, whole * sizeof *work->factor);
    for (int i = 0; i < d; i++) {
        work->factor[(size_t)i * (size_t)(d + 1)] += ridge * scale;
    }
    /* Row-major upper is column-major lower. */
    lapack_int code =
        scale > 0.0 ? LAPACKE_dposv(LAPACK_COL_MAJOR, 'L', d, t, work->factor, d, weight, d) : 1;
    if (code != 0) {
        return err_set(err, ERR_ARGUMENT,
                       "singular: %.0f places do not determine %d unknowns an output "
                       "with ridge %g; take more pilots or a larger ridge",
                       m->places, d, ridge);
    }
    if (prior) {
        cblas_daxpy(t * d, 1.0, prior, 1, weight, 1);
    }
    set_bias(moments, weight, bias);
    return 0;
}

/* ---- rotation ------------------------------------------------------------- */

static int rotate_real(const moments_t *m, double *weight, fit_work_t *work)
{
    int n = m->targets;
    size_t square = (size_t)n * (size_t)n;
    double *room = malloc((2 * square + (size_t)n) * sizeof *room);
    if (!room) {
        return -1;
    }
    double *u = room, *vt = room + square, *s = room + 2 * square;
    memcpy(work->image, m->tf, square * sizeof *work->image);
    int code = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'A', n, n, work->image, n, s, u, n, vt, n);
    if (code == 0) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1.0, u, n, vt, n, 0.0,
                    weight, n);
    }
    free(room);
    return code;
}

/* Largest element of W W' - 1. */
static double skew(const double *weight, int n)
{
    double worst = 0.0;
    for (int i = 0; i < n; i++) {
        for (int j = i; j < n; j++) {
            double dot =
                cblas_ddot(n, weight + (size_t)i * (size_t)n, 1, weight + (size_t)j * (size_t)n, 1);
            worst = fmax(worst, fabs(dot - (i == j)));
        }
    }
    return worst;
}

/* A little of the identity keeps directions that the pilots don't have where they are. */
static int rotate_complex(moments_t *m, double *weight, fit_work_t *work)
{
    size_t n = (size_t)m->targets;
    symmetrise(m);
    double size = cblas_dnrm2((int)(n * n), m->tf, 1);
    for (size_t i = 0; i < n; i++) {
        m->tf[i * n + i] += 1e-9 * size;
    }
    int code = rotate_real(m, weight, work);
    for (size_t i = 0; i < n && code == 0; i += 2) {
        for (size_t j = 0; j < n; j += 2) {
            make_complex(&weight[i * n + j], n); /* but for rounding it is */
        }
    }
    return code != 0 ? code : skew(weight, m->targets) > 1e-4;
}

int fit_solve_rotation(const moments_t *moments, bool is_complex, double *weight, double *bias,
                       fit_work_t *work, err_t *err)
{
    centre(moments, work);
    int code = is_complex ? rotate_complex(work->centred, weight, work)
                          : rotate_real(work->centred, weight, work);
    if (code != 0) {
        return err_set(err, code < 0 ? ERR_MEMORY : ERR_ARGUMENT,
                       "the pilots' %d x %d correlation determines no rotation", moments->targets,
                       moments->targets);
    }
    set_bias(moments, weight, bias);
    return 0;
}

/* ---- descent -------------------------------------------------------------- */

void fit_solve_descent(const moments_t *moments, int steps, double *weight, double *bias,
                       fit_work_t *work)
{
    centre(moments, work);
    const moments_t *m = work->centred;
    int d = m->features, t = m->targets, all = t * d;
    for (int step = 0; step < steps; step++) {
        memcpy(work->gradient, m->tf, (size_t)all * sizeof *work->gradient);
        cblas_dsymm(CblasRowMajor, CblasRight, CblasUpper, t, d, -1.0, m->ff, d, weight, d, 1.0,
                    work->gradient, d);
        cblas_dsymm(CblasRowMajor, CblasRight, CblasUpper, t, d, 1.0, m->ff, d, work->gradient, d,
                    0.0, work->image, d);
        double energy = cblas_ddot(all, work->gradient, 1, work->gradient, 1);
        double curve = cblas_ddot(all, work->gradient, 1, work->image, 1);
        if (!(curve > 0.0)) {
            break; /* nothing left to gain */
        }
        cblas_daxpy(all, energy / curve, work->gradient, 1, weight, 1);
    }
    set_bias(moments, weight, bias);
}
