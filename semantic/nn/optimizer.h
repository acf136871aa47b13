/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * optimizer: one step from gradients to weights.  Adam and AdamW (Loshchilov and
 * Hutter: decay decoupled from the gradient), SGD with Nesterov or plain
 * momentum; Muon (K. Jordan and others, 2024) for convolutions with Adam for the rest;
 * global-norm clipping; an exponential moving average of the weights.
 *
 *     optimizer_options_t o = OPTIMIZER_ADAMW;
 *     optimizer_t *opt = optimizer_create(params, &o, &err);   // after graph_finish
 *     for each step:
 *         params_zero_gradients(params);
 *         graph_forward(g); graph_backward(g);
 *         float lr = schedule_cosine(step, warmup, total, 1e-3f, 1e-5f);
 *         float norm = optimizer_step(opt, lr);
 *
 * Buffers, frozen tensors and tensors without gradient are left alone; decay
 * spares PARAM_NO_DECAY.
 */
#ifndef SEMANTIC_NN_OPTIMIZER_H
#define SEMANTIC_NN_OPTIMIZER_H

#include "err.h"
#include "nn/params.h"

typedef enum {
    OPTIMIZER_ADAM_KIND,
    OPTIMIZER_SGD_KIND,
    OPTIMIZER_MUON_KIND, /* tensors of rank 4 by Muon, all others by Adam at the same rate */
} optimizer_kind_t;

typedef struct {
    optimizer_kind_t kind;
    float beta1;     /* Adam: first moment; SGD: momentum.  [0, 1) */
    float beta2;     /* Adam: second moment.  [0, 1) */
    float epsilon;   /* Adam */
    float decay;     /* decoupled weight decay per unit of learning rate (both kinds), >= 0 */
    bool nesterov;   /* SGD */
    float momentum;  /* Muon, Nesterov's form.  [0, 1) */
    float clip_norm; /* gradients are scaled down to this global L2 norm; 0 = never */
    float ema;       /* decay of the weight average, e.g. 0.999; 0 = none */
} optimizer_options_t;

#define OPTIMIZER_ADAM {OPTIMIZER_ADAM_KIND, 0.9f, 0.999f, 1e-8f, 0.0f, false, 0.95f, 1.0f, 0.0f}
#define OPTIMIZER_ADAMW {OPTIMIZER_ADAM_KIND, 0.9f, 0.999f, 1e-8f, 0.01f, false, 0.95f, 1.0f, 0.0f}
#define OPTIMIZER_MUON {OPTIMIZER_MUON_KIND, 0.9f, 0.999f, 1e-8f, 0.0f, false, 0.95f, 1.0f, 0.0f}
#define OPTIMIZER_SGD {OPTIMIZER_SGD_KIND, 0.9f, 0.0f, 0.0f, 5e-4f, true, 0.0f, 0.0f, 0.0f}

typedef struct optimizer optimizer_t;

/* For the trained tensors the store has now (gradients are made if missing). */
optimizer_t *optimizer_create(params_t *params, const optimizer_options_t *options, err_t *err);
void optimizer_destroy(optimizer_t *optimizer); /* NULL is fine */

/*
 * Clips, updates every trained tensor and the average, counts the step.
 * Returns the gradient's L2 norm before clipping.  If that is not finite, nothing
 * but the skip counter moves.
 */
float optimizer_step(optimizer_t *optimizer, float learning_rate);

uint64_t optimizer_steps(const optimizer_t *optimizer);   /* steps taken */
uint64_t optimizer_skipped(const optimizer_t *optimizer); /* steps refused: gradient not finite */

/*
 * Exchanges the weights and their average (both trained tensors and running
 * statistics, which are averaged with the same decay).  Call again to go back.
 * Does nothing without EMA.  Do not step while swapped (assert).
 */
void optimizer_swap_ema(optimizer_t *optimizer);

/* Linear warm-up: step k < warmup runs at peak*(k+1)/warmup; then half a cosine from `peak` to
   `floor`, reached at step `total` and kept. */
float schedule_cosine(uint64_t step, uint64_t warmup, uint64_t total, float peak, float floor);

#endif
