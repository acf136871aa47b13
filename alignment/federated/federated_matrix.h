/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_matrix: dense matrices in double precision, real or complex, column by column, over
 * CBLAS and LAPACKE.  Everything of one problem is of one kind: complex, or real for the widely
 * linear variants.  Operands of one call share the kind and fit (asserts: our own mistakes).
 *
 * Any number of threads may work on matrices of their own (blas.h).
 *
 * Column-major is what makes the channel cheap: (I_K kron H) F is H times F seen as a matrix
 * with n_t rows, no copy.
 */
#ifndef ALIGNMENT_FEDERATED_MATRIX_H
#define ALIGNMENT_FEDERATED_MATRIX_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    int rows, cols;
    bool real;
    double *v; /* [cols][rows], complex: pairs (re, im) */
} matrix_t;

typedef enum { MATRIX_AS_IS, MATRIX_ADJOINT } matrix_op_t;

int matrix_create(matrix_t *m, int rows, int cols, bool real, err_t *err); /* zeros */
void matrix_destroy(matrix_t *m);                                          /* twice is fine */
size_t matrix_doubles(const matrix_t *m);
/* One entry: its parts. */
double *matrix_at(const matrix_t *m, int row, int col);
/* The same numbers as `rows` rows and more columns. */
matrix_t matrix_fold(const matrix_t *m, int rows);

void matrix_copy(matrix_t *to, const matrix_t *from);
void matrix_scale(matrix_t *m, double by);
void matrix_add(matrix_t *to, double factor, const matrix_t *from);
void matrix_add_diagonal(matrix_t *m, double value);
/* Column j times by[j]. */
void matrix_scale_columns(matrix_t *m, const double *by);
void matrix_adjoint(matrix_t *to, const matrix_t *from);
/* c = alpha op(a) op(b) + beta c */
void matrix_multiply(double alpha, const matrix_t *a, matrix_op_t op_a, const matrix_t *b,
                     matrix_op_t op_b, double beta, matrix_t *c);
/* c = alpha a a^H, both triangles. */
void matrix_gram(double alpha, const matrix_t *a, matrix_t *c);
/* Re tr(a b^H); trace of a square one (real part); is every number finite? */
double matrix_dot(const matrix_t *a, const matrix_t *b);
double matrix_trace(const matrix_t *m);
bool matrix_finite(const matrix_t *m);

/* Hermitian, positive definite: its lower Cholesky factor (upper triangle zeroed).  Returns 0, or
   the 1-based row that makes it singular (pivot below `tolerance` of that row's own diagonal). */
int matrix_cholesky(matrix_t *m, double tolerance);
/* Left: b = L^-1 b.  Right: b = b L^-H. */
void matrix_solve_left(const matrix_t *lower, matrix_t *b);
void matrix_solve_right(const matrix_t *lower, matrix_t *b);
/* In place, both triangles.  -1: not positive definite. */
int matrix_inverse(matrix_t *m);
/* Hermitian m -> eigenvectors in its place, values [rows] ascending.  -1: LAPACK gave up. */
int matrix_eigen(matrix_t *m, double *values);
/* m = left diag(values) right^H is overwritten; left rows x s, right cols x s with
   s = min(rows, cols); values descending.  -1: LAPACK gave up or no memory. */
int matrix_svd(matrix_t *m, matrix_t *left, double *values, matrix_t *right);

/* out = (I_K kron op(h)) in */
void matrix_channel(const matrix_t *h, matrix_op_t op, const matrix_t *in, matrix_t *out);
/* out = (I kron op(h)) inner (I kron op(h))^H for a Hermitian inner; half, turned: scratch, any
   shape whose room suffices. */
void matrix_sandwich(const matrix_t *h, matrix_op_t op, const matrix_t *inner, matrix_t *out,
                     matrix_t *half, matrix_t *turned);

#endif
