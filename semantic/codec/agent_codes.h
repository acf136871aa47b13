/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_codes: 9-bit codes as 64-QAM points, and back with what the noise left of them.
 *
 * The codebook is put in an order in which near codes have near numbers: 512 vectors are split
 * into 8 groups of 64 along the coordinate in which they vary most, each group into 8 of 8
 * likewise, and those into single ones.  A code's place 64 a + 8 b + c in this order goes on four
 * axes (two complex symbols) with the levels (2 i - 7) / sqrt(42):
 *
 *     axis 0: a    axis 1: b    axis 2: c    axis 3: a again, for it matters most
 *
 * At the receiver each axis is a Gaussian observation of its level.  With p(a, b, c) the
 * probability of a code, its use in training as prior, the decoder gets the mean of the code
 * vectors; where the noise is weak this is the code that was sent.
 */
#ifndef SEMANTIC_CODEC_AGENT_CODES_H
#define SEMANTIC_CODEC_AGENT_CODES_H

#include "codec/agent_net.h"

#include <stdint.h>

enum { AGENT_LEVELS = 8, AGENT_AXES = 4, AGENT_CHANNELS = AGENT_AXES / 2 };

typedef struct {
    uint16_t code[AGENT_CODES];  /* at each place of the order */
    uint16_t place[AGENT_CODES]; /* of each code */
} agent_order_t;

/* codebook[AGENT_CODES][size] */
void agent_order(agent_order_t *order, const float *codebook, int size);

/* E|point|^2 of both complex symbols when codes are used as `usage` says (any scale, not negative).
 */
float agent_order_power(const agent_order_t *order, const float *usage);

/* point[AGENT_AXES]: the levels of a code. */
void agent_codes_point(const agent_order_t *order, int code, float *point);

/*
 * vector[size] = E[code vector | received].  received[axis] = level + N(0, variance[axis]); a
 * variance that is not finite and positive: nothing known of this axis.
 */
void agent_codes_mean(const agent_order_t *order, const float *codebook, const float *usage,
                      int size, const float *received, const float *variance, float *vector);

#endif
