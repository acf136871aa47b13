/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Newton-Schulz iteration with the published quintic, five times:
 *
 *     X <- (a I + b G + c G^2) X,   G = X X^T,   from X = M / |M|
 *
 * Every iterate is a polynomial of the first G times the first X, and polynomials of one symmetric
 * matrix commute.  So only the small square matrices are iterated, Q <- P Q and
 * G <- P G P, and the long matrix is multiplied twice in all instead of ten times.
 */
#include "nn/muon.h"

#include "nn/dnnl_conv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ITERATIONS = 5 };
static const float a = 3.4445f, b = -4.7750f, c = 2.0315f;

struct muon {
    float *gram, *product, *polynomial, *total, *swap; /* [side][side] */
    float *scaled;                                     /* [count] */
};

muon_t *muon_create(size_t side, size_t count, err_t *err)
{
    muon_t *muon = calloc(1, sizeof *muon);
    if (muon != NULL) {
        float **square[] = {&muon->gram, &muon->product, &muon->polynomial, &muon->total,
                            &muon->swap};
        bool made = (muon->scaled = malloc((count + 1) * sizeof(float))) != NULL;
        for (int i = 0; i < 5; i++) {
            made = (*square[i] = malloc((side * side + 1) * sizeof(float))) != NULL && made;
        }
        if (made) {
            return muon;
        }
    }
    muon_destroy(muon);
    err_set(err, ERR_MEMORY, "no memory for the optimiser's workspace");
    return NULL;
}

void muon_destroy(muon_t *muon)
{
    if (muon == NULL) {
        return;
    }
    free(muon->gram);
    free(muon->product);
    free(muon->polynomial);
    free(muon->total);
    free(muon->swap);
    free(muon->scaled);
    free(muon);
}

static void multiply(size_t side, const float *left, const float *right, float *out)
{
    matrix_product(false, false, side, side, side, left, right, 0.0f, out);
}

static void swap(float **left, float **right)
{
    float *kept = *left;
    *left = *right;
    *right = kept;
}

/* total = Q with Q X nearly orthogonal, from gram = X X^T. */
static void iterate(muon_t *m, size_t side)
{
    memset(m->total, 0, side * side * sizeof(float));
    for (size_t i = 0; i < side; i++) {
        m->total[i * side + i] = 1.0f;
    }
    for (int step = 0; step < ITERATIONS; step++) {
        multiply(side, m->gram, m->gram, m->product);
        for (size_t i = 0; i < side * side; i++) {
            m->polynomial[i] = b * m->gram[i] + c * m->product[i];
        }
        for (size_t i = 0; i < side; i++) {
            m->polynomial[i * side + i] += a;
        }
        multiply(side, m->polynomial, m->total, m->swap);
        swap(&m->total, &m->swap);
        if (step + 1 < ITERATIONS) {
            multiply(side, m->polynomial, m->gram, m->product);
            multiply(side, m->product, m->polynomial, m->gram);
        }
    }
}

void muon_orthogonalise(muon_t *m, size_t rows, size_t columns, const float *in, float *out)
{
    double square = 0.0;
    for (size_t i = 0; i < rows * columns; i++) {
        square += (double)in[i] * (double)in[i];
    }
    float factor = square > 0.0 ? (float)(1.0 / sqrt(square)) : 0.0f;
    for (size_t i = 0; i < rows * columns; i++) {
        m->scaled[i] = factor * in[i];
    }
    if (rows <= columns) {
        matrix_product(false, true, rows, rows, columns, m->scaled, m->scaled, 0.0f, m->gram);
        iterate(m, rows);
        matrix_product(false, false, rows, columns, rows, m->total, m->scaled, 0.0f, out);
    } else {
        matrix_product(true, false, columns, columns, rows, m->scaled, m->scaled, 0.0f, m->gram);
        iterate(m, columns);
        matrix_product(false, false, rows, columns, columns, m->scaled, m->total, 0.0f, out);
    }
}
