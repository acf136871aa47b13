/* SPDX-License-Identifier: GPL-3.0-or-later */
/* optimizer_state: the inside of an optimiser, for checkpoint.c.  Private to semantic/nn. */
#ifndef SEMANTIC_NN_OPTIMIZER_STATE_H
#define SEMANTIC_NN_OPTIMIZER_STATE_H

#include "nn/muon.h"
#include "nn/optimizer.h"

typedef struct {
    param_t *param;
    float *m;   /* first moment or momentum; NULL for buffers */
    float *v;   /* second moment; NULL where Adam does not move the tensor */
    bool muon;  /* the tensor is moved by Muon */
    float *ema; /* average, or while swapped the weights; NULL without EMA */
} optimizer_slot_t;

struct optimizer {
    params_t *params;
    optimizer_options_t options;
    optimizer_slot_t *slot;
    int count;
    uint64_t steps, skipped;
    bool swapped;
    muon_t *muon;     /* its workspace; NULL without Muon, as … */
    float *direction; /* … room for one tensor's step and what it is made from */
};

#endif
