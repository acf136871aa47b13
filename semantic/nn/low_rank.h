/* SPDX-License-Identifier: GPL-3.0-or-later */
/* low_rank: the best approximation of a matrix by two thin ones (Eckart and Young, 1936). */
#ifndef SEMANTIC_NN_LOW_RANK_H
#define SEMANTIC_NN_LOW_RANK_H

#include "err.h"

#include <stdint.h>

/*
 * b[out][rank] a[rank][in] = the rank-`rank` matrix nearest to d[out][in], largest singular value
 * first, so that the first r columns and rows are the best of rank r.  Each value's root goes to
 * both sides.  1 <= rank <= min(out, in).  Near enough for a start of training: the last digits
 * depend on how close neighbouring singular values are.  0 or -1 (out of memory).
 */
int low_rank_factor(const float *d, int out, int in, int rank, uint64_t seed, float *a, float *b,
                    err_t *err);

#endif
