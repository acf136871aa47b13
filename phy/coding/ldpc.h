/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ldpc: the quasi-cyclic low-density parity-check code of 5G NR (3GPP
 * TS 38.212 sections 5.3.2 and 5.4.2): base graphs 1 and 2, every lifting
 * size, shortening, and rate matching from the circular buffer, redundancy
 * version 0.  One object is one block code: `info_bits` in, `coded_bits` out.
 *
 *     ldpc_t *code = ldpc_create(&(ldpc_config_t){.info_bits = 4000, .coded_bits = 6000}, &err);
 *     ldpc_encode(code, info, coded);
 *     bool whole = ldpc_decode(code, llr, info, NULL);
 *
 * Bits are bytes of 0 or 1.  Soft bits are log-likelihood ratios
 * ln(P(bit = 0) / P(bit = 1)), positive for a 0 (the Viterbi decoder of
 * convolutional.h has the other sign).  Any float is taken: NaN counts as
 * "not received" (0), infinities as certain.  The scale matters little with
 * LDPC_MIN_SUM, and must be right with LDPC_MIN_STAR.
 *
 * An object keeps the work memory of one encoder and one decoder: one thread
 * at a time.  Only ldpc_create allocates or fails.
 */
#ifndef CODING_LDPC_H
#define CODING_LDPC_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct ldpc ldpc_t;

typedef enum {
    LDPC_MIN_STAR, /* min-sum with an additive correction (A-min*): close to sum-product */
    LDPC_MIN_SUM,  /* min-sum times 3/4: 0.1 ... 0.4 dB worse, not faster; any scale of LLRs */
} ldpc_algorithm_t;

enum {
    LDPC_MAX_INFO_1 = 8448, /* most bits of one block, base graph 1 */
    LDPC_MAX_INFO_2 = 3840, /* and base graph 2 */
};

typedef struct {
    int info_bits;  /* 1 ... LDPC_MAX_INFO_1 (base graph 1), LDPC_MAX_INFO_2 (base graph 2) */
    int coded_bits; /* rate info_bits / coded_bits 1/32 ... 0.95 */
    int base_graph; /* 1, 2, or 0: as NR chooses by size and rate (ldpc_base_graph) */
    int iterations; /* most iterations of the decoder, 1 ... 1000; 0: 20 */
    ldpc_algorithm_t algorithm;
} ldpc_config_t;

/* The base graph that NR takes (section 7.2.2) for a payload of that many bits at that rate. */
int ldpc_base_graph(int info_bits, double rate);

/* NULL and a sentence in err when a number is out of range. */
ldpc_t *ldpc_create(const ldpc_config_t *config, err_t *err);
void ldpc_destroy(ldpc_t *ldpc);

/* info[info_bits] -> coded[coded_bits], in the order of the circular buffer. */
void ldpc_encode(ldpc_t *ldpc, const uint8_t *info, uint8_t *coded);

/*
 * llr[coded_bits] -> info[info_bits].  True when every parity check holds and
 * no information bit is undecided; it stops at the first iteration where that
 * is so.  `iterations`, unless NULL, receives how many were run.  All parity checks
 * may hold for a wrong word: put a CRC inside (crc24.h).
 */
bool ldpc_decode(ldpc_t *ldpc, const float *llr, uint8_t *info, int *iterations);

/* What the object is made of: for reports and tests. */
typedef struct {
    int base_graph, lifting; /* 1 or 2; 2 ... 384 */
    int filler_bits;         /* shortened: known zeros, never sent */
    int rows, columns;       /* of the base graph that this rate uses */
    int entries;             /* ones in those rows */
} ldpc_shape_t;

ldpc_shape_t ldpc_shape(const ldpc_t *ldpc);

#endif
