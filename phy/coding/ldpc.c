/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the base graph to one block code, 3GPP TS 38.212: choice of graph
 * (7.2.2), lifting size and filler bits (5.2.2), lifting (5.3.2), circular
 * buffer at redundancy version 0 (5.4.2.1).  Rows whose own parity bit is never
 * sent tell nothing and are left out, so a high rate costs little.
 */
#include "coding/ldpc_private.h"

#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_ITERATIONS = 20,
    MAX_ITERATIONS = 1000,
    CORE_ROWS = 4,
    UNSENT_COLUMNS = 2,
    ALIGNMENT = 64,
    LOWEST_RATE = 32, /* 1/32 */
};

int ldpc_base_graph(int info_bits, double rate)
{
    bool second = info_bits <= 292 || (info_bits <= 3824 && rate <= 0.67) || rate <= 0.25;
    return second ? 2 : 1;
}

/* How many of graph 2's ten information columns a block fills (5.2.2). */
static int filled_columns(int graph, int info_bits)
{
    if (graph == 1) {
        return 22;
    }
    return info_bits > 640 ? 10 : info_bits > 560 ? 9 : info_bits > 192 ? 8 : 6;
}

static int check(const ldpc_config_t *c, err_t *err)
{
    if (c->base_graph < 0 || c->base_graph > 2) {
        return err_set(err, ERR_ARGUMENT, "LDPC: base graph %d is not 1, 2 or 0 (automatic)",
                       c->base_graph);
    }
    if (c->iterations < 0 || c->iterations > MAX_ITERATIONS) {
        return err_set(err, ERR_ARGUMENT, "LDPC: %d iterations are not in 0 ... %d", c->iterations,
                       MAX_ITERATIONS);
    }
    if (c->algorithm != LDPC_MIN_STAR && c->algorithm != LDPC_MIN_SUM) {
        return err_set(err, ERR_ARGUMENT, "LDPC: no algorithm %d", (int)c->algorithm);
    }
    if (c->info_bits < 1 || c->info_bits > LDPC_MAX_INFO_1) {
        return err_set(err, ERR_ARGUMENT, "LDPC: %d information bits are not in 1 ... %d",
                       c->info_bits, LDPC_MAX_INFO_1);
    }
    if (20LL * c->info_bits > 19LL * c->coded_bits ||
        c->coded_bits > (long long)LOWEST_RATE * c->info_bits) {
        return err_set(err, ERR_ARGUMENT,
                       "LDPC: %d information bits in %d coded bits is not a rate of 1/%d ... 0.95",
                       c->info_bits, c->coded_bits, LOWEST_RATE);
    }
    return 0;
}

void ldpc_rate_match(const ldpc_t *ldpc, ldpc_stretch_t visit, void *context)
{
    int z = ldpc->lifting;
    const int first[2] = {UNSENT_COLUMNS * z, ldpc->info_columns * z};
    /* A block shorter than the unsent columns has no systematic stretch at all. */
    const int end[2] = {ldpc->config.info_bits, ldpc->buffer_columns * z};
    int left = ldpc->config.coded_bits;
    for (int part = 0; left > 0; part ^= 1) {
        int count = end[part] - first[part];
        if (count > 0) {
            count = count < left ? count : left;
            visit(context, first[part], count);
            left -= count;
        }
    }
}

static void furthest(void *context, int place, int count)
{
    int *last = context;
    *last = place + count > *last ? place + count : *last;
}

/* Rows and columns that this rate reaches. */
static void set_extent(ldpc_t *l)
{
    int end = 0;
    ldpc_rate_match(l, furthest, &end);
    int reached = (end + l->lifting - 1) / l->lifting;
    int least = l->info_columns + CORE_ROWS;
    l->columns = reached > least ? reached : least;
    l->rows = l->columns - l->info_columns;
}

static void set_edges(ldpc_t *l)
{
    int count, edges = 0, next = 0, set = ldpc_lifting_set(l->lifting);
    const ldpc_entry_t *entry = ldpc_table(l->config.base_graph, &count);
    for (int row = 0; row < l->rows; row++) {
        l->row_start[row] = edges;
        for (; next < count && entry[next].row == row; next++) {
            l->edge[edges++] =
                (ldpc_edge_t){entry[next].column, (uint16_t)(entry[next].shift[set] % l->lifting)};
        }
        if (row >= CORE_ROWS) {
            l->edge[edges++] = (ldpc_edge_t){(uint8_t)(l->info_columns + row), 0};
        }
    }
    l->row_start[l->rows] = edges;
}

static void *vectors(int count, size_t bytes)
{
    size_t size = ((size_t)count * bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return aligned_alloc(ALIGNMENT, size);
}

static int allocate(ldpc_t *l, err_t *err)
{
    int s = l->stride;
    l->word = vectors(l->columns * l->lifting, sizeof(*l->word));
    l->posterior = vectors(l->columns * s, sizeof(int16_t));
    l->message = vectors(l->row_start[l->rows] * s, sizeof(int16_t));
    l->extrinsic = vectors(LDPC_MAX_DEGREE * s, sizeof(int16_t));
    l->least = vectors(4 * s, sizeof(int16_t));
    l->parity = vectors(s, sizeof(*l->parity));
    /* Places past `lifting` take part in the arithmetic, to no effect. */
    if (l->extrinsic != NULL) {
        memset(l->extrinsic, 0, (size_t)(LDPC_MAX_DEGREE * s) * sizeof(int16_t));
    }
    if (l->word == NULL || l->posterior == NULL || l->message == NULL || l->extrinsic == NULL ||
        l->least == NULL || l->parity == NULL) {
        return err_set(err, ERR_MEMORY, "LDPC: no memory for a block of %d bits",
                       l->config.coded_bits);
    }
    l->rest = l->least + s;
    l->sign = l->least + 2 * s;
    l->all = l->least + 3 * s;
    return 0;
}

ldpc_t *ldpc_create(const ldpc_config_t *config, err_t *err)
{
    if (check(config, err) != 0) {
        return NULL;
    }
    ldpc_t *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        err_set(err, ERR_MEMORY, "LDPC: no memory");
        return NULL;
    }
    l->config = *config;
    ldpc_config_t *c = &l->config;
    c->iterations = c->iterations == 0 ? DEFAULT_ITERATIONS : c->iterations;
    if (c->base_graph == 0) {
        c->base_graph = ldpc_base_graph(c->info_bits, (double)c->info_bits / c->coded_bits);
    }
    int filled = filled_columns(c->base_graph, c->info_bits);
    l->lifting = ldpc_lifting_at_least((c->info_bits + filled - 1) / filled);
    if (l->lifting < 0) {
        err_set(err, ERR_ARGUMENT, "LDPC: base graph %d takes at most %d bits a block, not %d",
                c->base_graph, LDPC_MAX_INFO_2, c->info_bits);
        free(l);
        return NULL;
    }
    l->info_columns = c->base_graph == 1 ? 22 : 10;
    l->buffer_columns = c->base_graph == 1 ? 68 : 52;
    l->stride = (l->lifting + 31) / 32 * 32;
    set_extent(l);
    set_edges(l);
    if (allocate(l, err) != 0) {
        ldpc_destroy(l);
        return NULL;
    }
    return l;
}

void ldpc_destroy(ldpc_t *l)
{
    if (l == NULL) {
        return;
    }
    free(l->word);
    free(l->posterior);
    free(l->message);
    free(l->extrinsic);
    free(l->least);
    free(l->parity);
    free(l);
}

ldpc_shape_t ldpc_shape(const ldpc_t *l)
{
    return (ldpc_shape_t){
        .base_graph = l->config.base_graph,
        .lifting = l->lifting,
        .filler_bits = l->info_columns * l->lifting - l->config.info_bits,
        .rows = l->rows,
        .columns = l->columns,
        .entries = l->row_start[l->rows],
    };
}
