/* SPDX-License-Identifier: GPL-3.0-or-later */
/* low_rank: singular vectors by subspace iteration, V <- orth(D^T D V), a few vectors more than
 * asked. */
#include "nn/low_rank.h"

#include "nn/dnnl_conv.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>

enum { ITERATIONS = 40, SPARE = 4 };

/* Rows of v[rank][n] orthonormal, in order. */
static void orthonormalise(float *v, size_t rank, size_t n)
{
    for (size_t r = 0; r < rank; r++) {
        float *row = v + r * n;
        for (size_t k = 0; k <= r; k++) { /* the last round divides by the norm */
            double dot = 0.0;
            for (size_t i = 0; i < n; i++) {
                dot += (double)(row[i] * v[k * n + i]);
            }
            float factor = k < r ? (float)-dot : (float)(1.0 / sqrt(dot + 1e-30) - 1.0);
            for (size_t i = 0; i < n; i++) {
                row[i] += factor * v[k * n + i];
            }
        }
    }
}

int low_rank_factor(const float *d, int out_side, int in_side, int top, uint64_t seed, float *a,
                    float *b, err_t *err)
{
    size_t out = (size_t)out_side, in = (size_t)in_side, rank = (size_t)top;
    size_t short_side = out < in ? out : in;
    size_t wide = rank + SPARE < short_side ? rank + SPARE : short_side;
    float *v = calloc(wide * in, sizeof(*v)), *u = calloc(wide * out, sizeof(*u));
    if (v == NULL || u == NULL) {
        free(v);
        free(u);
        return err_set(err, ERR_MEMORY, "no memory for singular vectors");
    }
    rng_t rng;
    rng_seed(&rng, seed, 0);
    rng_normal(&rng, v, wide * in);
    for (int k = 0; k < ITERATIONS; k++) {
        orthonormalise(v, wide, in);
        matrix_product(false, true, wide, out, in, v, d, 0.0f, u); /* u = (d v^T)^T */
        orthonormalise(u, wide, out);
        matrix_product(false, false, wide, in, out, u, d, 0.0f, v); /* v = sigma v^T */
    }
    for (size_t r = 0; r < rank; r++) {
        double square = 0.0;
        for (size_t i = 0; i < in; i++) {
            square += (double)(v[r * in + i] * v[r * in + i]);
        }
        float root = sqrtf((float)sqrt(square)), inverse = root > 1e-12f ? 1.0f / root : 0.0f;
        for (size_t i = 0; i < in; i++) {
            a[r * in + i] = v[r * in + i] * inverse;
        }
        for (size_t o = 0; o < out; o++) {
            b[o * rank + r] = u[r * out + o] * root;
        }
    }
    free(v);
    free(u);
    return 0;
}
