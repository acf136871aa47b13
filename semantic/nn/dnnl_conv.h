/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * dnnl_conv: convolution and matrix product, on oneDNN.  The only file of the
 * project that includes dnnl.h is dnnl_conv.c.  Private to semantic/nn.
 *
 * Activations are NHWC in the caller's memory.  Weights come as PyTorch's OIHW
 * and are copied into the layout the hardware likes by conv_pack.  Everything
 * is made at create and bind; the rest neither allocates nor fails (a failure
 * of oneDNN at run time is our own mistake and stops the program).
 *
 * A conv may be made in one thread and run in another, one thread at a time, with
 * the same OpenMP thread count.
 */
#ifndef SEMANTIC_NN_DNNL_CONV_H
#define SEMANTIC_NN_DNNL_CONV_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct backend backend_t; /* engine, stream and scratchpad of one graph */
typedef struct conv conv_t;

typedef struct {
    int batch, in_h, in_w, in_c;
    int out_h, out_w, out_c;
    int kernel, stride, padding;
    bool bias;
    bool train_weight; /* conv_backward_weight will be called */
    bool train_input;  /* conv_backward_input will be called */
    bool bf16;         /* products of bfloat16, sums of fp32; twice as fast where the CPU has them */
} conv_shape_t;

backend_t *backend_create(err_t *err);
void backend_destroy(backend_t *backend);
/* After every conv_create, before the first run: one scratchpad for all. */
int backend_finish(backend_t *backend, err_t *err);

/* ERR_UNSUPPORTED if oneDNN would use a reference (20 times slower) implementation. */
conv_t *conv_create(backend_t *backend, const conv_shape_t *shape, err_t *err);
void conv_destroy(conv_t *conv);

/* Where every forward reads and writes; `bias` [out_c], NULL if the shape has none. */
void conv_bind(conv_t *conv, const float *in, float *out, const float *bias);
/* Takes over new weights. */
void conv_pack(conv_t *conv, const float *oihw);
void conv_forward(conv_t *conv);
void conv_backward_input(conv_t *conv, const float *d_out, float *d_in);
/* Adds to d_oihw and d_bias (NULL if no bias). */
void conv_backward_weight(conv_t *conv, const float *d_out, float *d_oihw, float *d_bias);

/* c[m][n] = a * b + beta * c, row-major; a is [m][k] ([k][m] if a_transposed), b alike. */
void matrix_product(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k,
                    const float *a, const float *b, float beta, float *c);

#endif
