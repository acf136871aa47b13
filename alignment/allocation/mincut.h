/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mincut: the smallest cut between a source and a sink.
 *
 *     mincut_t *cut = mincut_create(nodes);
 *     mincut_terminal(cut, i, from_source, to_sink);    // capacities >= 0
 *     mincut_edge(cut, i, j, i_to_j, j_to_i);
 *     if (mincut_solve(cut)) ... mincut_on_source_side(cut, i)
 *     mincut_destroy(cut);
 */
#ifndef ALLOCATION_MINCUT_H
#define ALLOCATION_MINCUT_H

#include <stdbool.h>

typedef struct mincut mincut_t;

mincut_t *mincut_create(int nodes); /* NULL: no memory */
void mincut_destroy(mincut_t *cut);
void mincut_edge(mincut_t *cut, int from, int to, double forward, double backward);
void mincut_terminal(mincut_t *cut, int node, double from_source, double to_sink);
/* False: memory ran out here or while edges were added. */
bool mincut_solve(mincut_t *cut);
/* After the solution; the smallest of the smallest cuts' source sides. */
bool mincut_on_source_side(const mincut_t *cut, int node);

#endif
