/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What ldpc.c, ldpc_encode.c and ldpc_decode.c share. */
#ifndef CODING_LDPC_PRIVATE_H
#define CODING_LDPC_PRIVATE_H

#include "coding/ldpc.h"
#include "coding/ldpc_table.h"

/* One circulant: bit z of the row meets bit (z + shift) mod lifting of the column. */
typedef struct {
    uint8_t column;
    uint16_t shift; /* 0 ... lifting - 1 */
} ldpc_edge_t;

struct ldpc {
    ldpc_config_t config;
    int lifting;
    int info_columns;   /* 22 or 10 */
    int columns, rows;  /* used at this rate */
    int buffer_columns; /* of the whole graph, circular buffer and the 2 that are never sent */
    int row_start[LDPC_MAX_ROWS + 1]; /* first edge of each row */
    ldpc_edge_t edge[LDPC_MAX_ENTRIES];

    uint8_t *word; /* encoder: [columns][lifting] */

    /* Decoder.  Each vector of `lifting` values takes `stride` places, 64-byte aligned. */
    int stride;
    int16_t *posterior;                 /* [columns][stride] */
    int16_t *message;                   /* [edges][stride], check to variable */
    int16_t *extrinsic;                 /* [LDPC_MAX_DEGREE][stride], variable to check, one row */
    int16_t *least, *rest, *sign, *all; /* [stride], of one row */
    uint8_t *parity;                    /* [stride] */
};

/*
 * The places of the code word that are sent, in order: two stretches, information
 * bits without the first two columns and without the filler, then parity; and again
 * from the start when coded_bits are more.  visit(context, first place, how many).
 */
typedef void (*ldpc_stretch_t)(void *context, int place, int count);
void ldpc_rate_match(const ldpc_t *ldpc, ldpc_stretch_t visit, void *context);

#endif
