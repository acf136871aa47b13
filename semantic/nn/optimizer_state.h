/* SPDX-License-Identifier: GPL-3.0-or-later */
/* optimizer_state: the inside of an optimiser, for checkpoint.c.  Private to semantic/nn. */
#ifndef SEMANTIC_NN_OPTIMIZER_STATE_H
#define SEMANTIC_NN_OPTIMIZER_STATE_H

#include "nn/optimizer.h"

typedef struct {
    param_t *param;
    float *m;   /* first moment or momentum; NULL for buffers */
    float *v;   /* second moment; Adam only */
    float *ema; /* average, or while swapped the weights; NULL without EMA */
} optimizer_slot_t;

struct optimizer {
    params_t *params;
    optimizer_options_t options;
    optimizer_slot_t *slot;
    int count;
    uint64_t steps, skipped;
    bool swapped;
};

#endif
