/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vector: small things that are done to arrays of numbers in many places. */
#ifndef SEMANTIC_NN_VECTOR_H
#define SEMANTIC_NN_VECTOR_H

#include <stddef.h>

/* a . b; blocks of fp32, summed in double. */
double vector_dot(const float *a, const float *b, size_t count);

/* Index of the largest, the first of equals; count >= 1. */
int vector_argmax(const float *x, int count);

#endif
