/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * equaliser: an adapter of kind linear, procrustes or conv, applied to soft symbols in front of the
 * decoder.
 *
 * Symbols are those of codec_decode: MMSE estimates with noise variance in (0, 1]; a lost one is 0
 * with variance 1, and values that are not finite or a variance outside (0, 1] are taken as lost.
 * Real channel 2c is the real part of complex channel c, 2c+1 the imaginary part:
 *
 *     out[m](r, q) = bias[m] + sum over n, i, j of weight[m][n][i][j] in[n](r + i - k/2, q + j -
 * k/2)
 *
 * with zeros outside the grid.  The noise variance goes through the same map, for errors that are
 * independent of each other: var_out[c] = sum |weight|^2 var_in / 2 over both parts of c, at
 * most 1.
 *
 * After create nothing is allocated.  One equaliser_t per thread.
 */
#ifndef ALIGNMENT_FIT_EQUALISER_H
#define ALIGNMENT_FIT_EQUALISER_H

#include "adapter/adapter.h"

#include <complex.h>

typedef struct equaliser equaliser_t;

/* For grids of at most `places` = rows * columns, 1 .. 2^24.  ERR_ARGUMENT for an adapter of
 * another kind. */
equaliser_t *equaliser_create(const adapter_t *adapter, int places, err_t *err);
void equaliser_destroy(equaliser_t *equaliser); /* NULL is fine */

int equaliser_channels(const equaliser_t *equaliser); /* C: complex channels it takes and gives */

/*
 * symbols, noise_var [C][rows][columns] -> out, out_var, the same shape; out may be symbols,
 * out_var may be noise_var.  -1 when rows * columns is 0 or more than create was told.
 */
int equaliser_process(equaliser_t *equaliser, int rows, int columns, const float complex *symbols,
                      const float *noise_var, float complex *out, float *out_var);

#endif
