/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Encoding by the structure of H (Richardson and Urbanke 2001, the way every
 * dual-diagonal code goes).  The sum of the four core rows cancels the dual
 * diagonal, and two of the three circulants of the first parity column: what is
 * left is that column, turned by the third.  The other core columns follow one
 * by one from rows 0 ... 2, and every further row gives its own parity bits.
 */
#include "coding/ldpc_private.h"

#include <string.h>

enum { CORE_ROWS = 4 };

/* to[z] ^= from[(z + shift) mod n]. */
static void add_turned(uint8_t *restrict to, const uint8_t *restrict from, int shift, int n)
{
    for (int z = 0; z < n - shift; z++) {
        to[z] ^= from[z + shift];
    }
    for (int z = n - shift; z < n; z++) {
        to[z] ^= from[z + shift - n];
    }
}

/* to ^= the part of a row that comes from columns below `below`. */
static void add_row(const ldpc_t *l, int row, int below, uint8_t *to)
{
    for (int e = l->row_start[row]; e < l->row_start[row + 1]; e++) {
        if (l->edge[e].column < below) {
            add_turned(to, l->word + l->edge[e].column * l->lifting, l->edge[e].shift, l->lifting);
        }
    }
}

/* The shift that the three circulants of the first parity column leave: two are equal. */
static int odd_shift(const ldpc_t *l)
{
    int shift = 0;
    for (int e = 0; e < l->row_start[CORE_ROWS]; e++) {
        if (l->edge[e].column == l->info_columns) {
            shift ^= l->edge[e].shift;
        }
    }
    return shift;
}

static void encode_core(ldpc_t *l)
{
    int z = l->lifting, first = l->info_columns;
    uint8_t *sum = l->parity, *parity = l->word + first * z;
    memset(sum, 0, (size_t)z);
    memset(parity, 0, (size_t)(l->columns - first) * (size_t)z);
    for (int row = 0; row < CORE_ROWS; row++) {
        add_row(l, row, first, sum);
    }
    int shift = odd_shift(l); /* parity[(i + shift) mod z] = sum[i] */
    add_turned(parity, sum, shift == 0 ? 0 : z - shift, z);
    for (int row = 0; row < CORE_ROWS - 1; row++) {
        add_row(l, row, first + 1 + row, parity + (row + 1) * z);
    }
}

typedef struct {
    const uint8_t *word;
    uint8_t *coded;
} copy_t;

static void copy(void *context, int place, int count)
{
    copy_t *c = context;
    memcpy(c->coded, c->word + place, (size_t)count);
    c->coded += count;
}

void ldpc_encode(ldpc_t *l, const uint8_t *info, uint8_t *coded)
{
    int z = l->lifting, bits = l->config.info_bits;
    for (int i = 0; i < bits; i++) {
        l->word[i] = info[i] & 1;
    }
    memset(l->word + bits, 0, (size_t)(l->info_columns * z - bits));
    encode_core(l);
    for (int row = CORE_ROWS; row < l->rows; row++) {
        add_row(l, row, l->info_columns + row, l->word + (l->info_columns + row) * z);
    }
    copy_t c = {l->word, coded};
    ldpc_rate_match(l, copy, &c);
}
