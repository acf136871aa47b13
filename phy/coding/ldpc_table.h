/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ldpc_table: the numbers of 3GPP TS 38.212 section 5.3.2 that cannot be
 * computed: the shifts of the two base graphs and the 51 lifting sizes.
 */
#ifndef CODING_LDPC_TABLE_H
#define CODING_LDPC_TABLE_H

#include <stdint.h>

enum {
    LDPC_MAX_LIFTING = 384,
    LDPC_MAX_ROWS = 46,
    LDPC_MAX_COLUMNS = 68,
    LDPC_MAX_ENTRIES = 316, /* ones in base graph 1 */
    LDPC_MAX_DEGREE = 19,   /* ones in one row */
};

typedef struct {
    uint8_t row, column;
    uint16_t shift[8]; /* one for each set of lifting sizes; modulo the lifting size */
} ldpc_entry_t;

/*
 * graph 1 or 2 -> its entries, sorted by row, then column.  Row r >= 4 has one
 * more entry that is not listed, column 22 + r (graph 1) or 10 + r (graph 2)
 * with shift 0: the row's own parity bit.
 */
const ldpc_entry_t *ldpc_table(int graph, int *count);

/* The set (0 ... 7) of a lifting size; -1 when the standard has no such size. */
int ldpc_lifting_set(int lifting);

/* The smallest lifting size >= least; -1 above 384. */
int ldpc_lifting_at_least(int least);

#endif
