/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_matrix: thin on CBLAS and LAPACKE; the work variants, which neither search for NaN nor
 * turn matrices round. */
#include "federated/federated_matrix.h"

#include "blas.h"

#include <assert.h>
#include <cblas.h>
#include <complex.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static lapack_complex_double *z(const matrix_t *m)
{
    return (lapack_complex_double *)(void *)m->v;
}

int matrix_create(matrix_t *m, int rows, int cols, bool real, err_t *err)
{
    assert(rows > 0 && cols > 0);
    *m = (matrix_t){rows, cols, real, NULL};
    m->v = calloc(matrix_doubles(m), sizeof *m->v);
    return m->v ? 0 : err_set(err, ERR_MEMORY, "no memory for a matrix of %d x %d", rows, cols);
}

void matrix_destroy(matrix_t *m)
{
    free(m->v);
    m->v = NULL;
}

size_t matrix_doubles(const matrix_t *m)
{
    return (size_t)m->rows * (size_t)m->cols * (m->real ? 1u : 2u);
}

double *matrix_at(const matrix_t *m, int row, int col)
{
    return m->v + ((size_t)col * (size_t)m->rows + (size_t)row) * (m->real ? 1u : 2u);
}

matrix_t matrix_fold(const matrix_t *m, int rows)
{
    assert(m->rows % rows == 0);
    return (matrix_t){rows, m->rows / rows * m->cols, m->real, m->v};
}

void matrix_copy(matrix_t *to, const matrix_t *from)
{
    assert(matrix_doubles(to) == matrix_doubles(from));
    memcpy(to->v, from->v, matrix_doubles(from) * sizeof *to->v);
}

void matrix_scale(matrix_t *m, double by)
{
    size_t count = matrix_doubles(m);
    for (size_t i = 0; i < count; i++) {
        m->v[i] *= by;
    }
}

void matrix_add(matrix_t *to, double factor, const matrix_t *from)
{
    size_t count = matrix_doubles(to);
    assert(count == matrix_doubles(from));
    for (size_t i = 0; i < count; i++) {
        to->v[i] += factor * from->v[i];
    }
}

void matrix_add_diagonal(matrix_t *m, double value)
{
    for (int i = 0; i < m->rows; i++) {
        *matrix_at(m, i, i) += value;
    }
}

void matrix_scale_columns(matrix_t *m, const double *by)
{
    size_t one = matrix_doubles(m) / (size_t)m->cols;
    for (int j = 0; j < m->cols; j++) {
        for (size_t i = 0; i < one; i++) {
            m->v[(size_t)j * one + i] *= by[j];
        }
    }
}

void matrix_adjoint(matrix_t *to, const matrix_t *from)
{
    assert(to->rows == from->cols && to->cols == from->rows);
    for (int j = 0; j < from->cols; j++) {
        for (int i = 0; i < from->rows; i++) {
            const double *a = matrix_at(from, i, j);
            double *b = matrix_at(to, j, i);
            b[0] = a[0];
            if (!from->real) {
                b[1] = -a[1];
            }
        }
    }
}

void matrix_multiply(double alpha, const matrix_t *a, matrix_op_t op_a, const matrix_t *b,
                     matrix_op_t op_b, double beta, matrix_t *c)
{
    int inner = op_a == MATRIX_AS_IS ? a->cols : a->rows;
    assert(c->rows == (op_a == MATRIX_AS_IS ? a->rows : a->cols));
    assert(c->cols == (op_b == MATRIX_AS_IS ? b->cols : b->rows));
    assert(inner == (op_b == MATRIX_AS_IS ? b->rows : b->cols));
    enum CBLAS_TRANSPOSE ta = op_a == MATRIX_AS_IS ? CblasNoTrans : CblasConjTrans;
    enum CBLAS_TRANSPOSE tb = op_b == MATRIX_AS_IS ? CblasNoTrans : CblasConjTrans;
    blas_enter();
    if (c->real) {
        cblas_dgemm(CblasColMajor, ta, tb, c->rows, c->cols, inner, alpha, a->v, a->rows, b->v,
                    b->rows, beta, c->v, c->rows);
    } else {
        const double za[2] = {alpha, 0.0}, zb[2] = {beta, 0.0};
        cblas_zgemm(CblasColMajor, ta, tb, c->rows, c->cols, inner, za, a->v, a->rows, b->v,
                    b->rows, zb, c->v, c->rows);
    }
    blas_leave();
}

/* The upper triangle from the lower one. */
static void mirror(matrix_t *m)
{
    for (int j = 0; j < m->cols; j++) {
        for (int i = j + 1; i < m->rows; i++) {
            const double *a = matrix_at(m, i, j);
            double *b = matrix_at(m, j, i);
            b[0] = a[0];
            if (!m->real) {
                b[1] = -a[1];
            }
        }
    }
}

void matrix_gram(double alpha, const matrix_t *a, matrix_t *c)
{
    assert(c->rows == a->rows && c->cols == a->rows);
    blas_enter();
    if (c->real) {
        cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, a->rows, a->cols, alpha, a->v, a->rows,
                    0.0, c->v, c->rows);
    } else {
        cblas_zherk(CblasColMajor, CblasLower, CblasNoTrans, a->rows, a->cols, alpha, a->v, a->rows,
                    0.0, c->v, c->rows);
    }
    blas_leave();
    mirror(c);
}

double matrix_dot(const matrix_t *a, const matrix_t *b)
{
    assert(matrix_doubles(a) == matrix_doubles(b));
    blas_enter();
    const double dot = cblas_ddot((int)matrix_doubles(a), a->v, 1, b->v, 1);
    blas_leave();
    return dot;
}

double matrix_trace(const matrix_t *m)
{
    double sum = 0.0;
    for (int i = 0; i < m->rows; i++) {
        sum += *matrix_at(m, i, i);
    }
    return sum;
}

bool matrix_finite(const matrix_t *m)
{
    size_t count = matrix_doubles(m);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(m->v[i])) {
            return false;
        }
    }
    return true;
}

/* ---- factors -------------------------------------------------------------- */

static int factor(matrix_t *m)
{
    blas_enter();
    const int info = m->real ? LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', m->rows, m->v, m->rows)
                             : LAPACKE_zpotrf_work(LAPACK_COL_MAJOR, 'L', m->rows, z(m), m->rows);
    blas_leave();
    return info;
}

/* The pivot L_ii^2 is what the rows before leave of C_ii = sum over j of |L_ij|^2. */
int matrix_cholesky(matrix_t *m, double tolerance)
{
    int info = factor(m);
    if (info != 0) {
        return info > 0 ? info : 1;
    }
    for (int i = 0; i < m->rows; i++) {
        double own = 0.0, pivot = *matrix_at(m, i, i);
        for (int j = 0; j <= i; j++) {
            const double *a = matrix_at(m, i, j);
            own += a[0] * a[0] + (m->real ? 0.0 : a[1] * a[1]);
        }
        if (!(pivot * pivot > tolerance * own)) {
            return i + 1;
        }
        for (int j = i + 1; j < m->cols; j++) {
            memset(matrix_at(m, i, j), 0, (m->real ? 1u : 2u) * sizeof(double));
        }
    }
    return 0;
}

static void solve(enum CBLAS_SIDE side, enum CBLAS_TRANSPOSE op, const matrix_t *lower, matrix_t *b)
{
    const double one[2] = {1.0, 0.0};
    blas_enter();
    if (b->real) {
        cblas_dtrsm(CblasColMajor, side, CblasLower, op, CblasNonUnit, b->rows, b->cols, 1.0,
                    lower->v, lower->rows, b->v, b->rows);
    } else {
        cblas_ztrsm(CblasColMajor, side, CblasLower, op, CblasNonUnit, b->rows, b->cols, one,
                    lower->v, lower->rows, b->v, b->rows);
    }
    blas_leave();
}

void matrix_solve_left(const matrix_t *lower, matrix_t *b)
{
    solve(CblasLeft, CblasNoTrans, lower, b);
}

void matrix_solve_right(const matrix_t *lower, matrix_t *b)
{
    solve(CblasRight, CblasConjTrans, lower, b);
}

int matrix_inverse(matrix_t *m)
{
    int info = factor(m);
    if (info == 0) {
        blas_enter();
        info = m->real ? LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'L', m->rows, m->v, m->rows)
                       : LAPACKE_zpotri_work(LAPACK_COL_MAJOR, 'L', m->rows, z(m), m->rows);
        blas_leave();
    }
    if (info != 0) {
        return -1;
    }
    mirror(m);
    return 0;
}

int matrix_eigen(matrix_t *m, double *values)
{
    blas_enter();
    int info = m->real ? LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', m->rows, m->v, m->rows, values)
                       : LAPACKE_zheev(LAPACK_COL_MAJOR, 'V', 'L', m->rows, z(m), m->rows, values);
    blas_leave();
    return info == 0 ? 0 : -1;
}

int matrix_svd(matrix_t *m, matrix_t *left, double *values, matrix_t *right)
{
    int s = m->rows < m->cols ? m->rows : m->cols;
    matrix_t turned; /* right^H */
    if (matrix_create(&turned, s, m->cols, m->real, NULL) < 0) {
        return -1;
    }
    blas_enter();
    int info = m->real ? LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', m->rows, m->cols, m->v, m->rows,
                                        values, left->v, m->rows, turned.v, s)
                       : LAPACKE_zgesdd(LAPACK_COL_MAJOR, 'S', m->rows, m->cols, z(m), m->rows,
                                        values, z(left), m->rows, z(&turned), s);
    blas_leave();
    matrix_adjoint(right, &turned);
    matrix_destroy(&turned);
    return info == 0 ? 0 : -1;
}

/* ---- the channel ---------------------------------------------------------- */

void matrix_channel(const matrix_t *h, matrix_op_t op, const matrix_t *in, matrix_t *out)
{
    matrix_t from = matrix_fold(in, op == MATRIX_AS_IS ? h->cols : h->rows);
    matrix_t to = matrix_fold(out, op == MATRIX_AS_IS ? h->rows : h->cols);
    matrix_multiply(1.0, h, op, &from, MATRIX_AS_IS, 0.0, &to);
}

void matrix_sandwich(const matrix_t *h, matrix_op_t op, const matrix_t *inner, matrix_t *out,
                     matrix_t *half, matrix_t *turned)
{
    half->rows = turned->cols = out->rows;
    half->cols = turned->rows = inner->cols;
    matrix_channel(h, op, inner, half);
    matrix_adjoint(turned, half);
    matrix_channel(h, op, turned, out);
}
