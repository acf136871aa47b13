/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn/vector.h"

double vector_dot(const float *a, const float *b, size_t count)
{
    enum { BLOCK = 1024 };
    double total = 0.0;
    for (size_t first = 0; first < count; first += BLOCK) {
        size_t end = first + BLOCK < count ? first + BLOCK : count;
        float part = 0.0f;
#pragma omp simd reduction(+ : part)
        for (size_t i = first; i < end; i++) {
            part += a[i] * b[i];
        }
        total += (double)part;
    }
    return total;
}

int vector_argmax(const float *x, int count)
{
    int best = 0;
    for (int k = 1; k < count; k++) {
        best = x[k] > x[best] ? k : best;
    }
    return best;
}
