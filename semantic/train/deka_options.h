/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deka_options: the section [deka] of semradio-train's recipes. */
#ifndef SEMANTIC_TRAIN_DEKA_OPTIONS_H
#define SEMANTIC_TRAIN_DEKA_OPTIONS_H

#include "options.h"

typedef enum {
    DEKA_OBJECTIVE_COMMITMENT,
    DEKA_OBJECTIVE_LMSE,
    DEKA_OBJECTIVE_KL,
    DEKA_OBJECTIVE_JSCCQ,
    DEKA_OBJECTIVE_UNQUANTISED,
} deka_objective_t;

typedef enum { DEKA_ORDER_ALTERNATING, DEKA_ORDER_JOINT, DEKA_ORDER_PCGRAD } deka_order_t;

extern const option_t deka_options[];

#endif
