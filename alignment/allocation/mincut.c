/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mincut: Dinic's maximum flow: layers by breadth first, then blocking flows by depth first. */
#include "allocation/mincut.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    int to, next; /* the reverse edge is at index ^ 1 */
    double room;
} edge_t;

struct mincut {
    int nodes; /* source = nodes, sink = nodes + 1 */
    int count, capacity;
    edge_t *edge;
    int *first, *layer, *at, *queue;
    double least; /* below it a capacity counts as used up */
    bool failed;
};

mincut_t *mincut_create(int nodes)
{
    mincut_t *cut = calloc(1, sizeof(*cut));
    if (cut == NULL) {
        return NULL;
    }
    const size_t all = (size_t)nodes + 2;
    cut->nodes = nodes;
    cut->first = malloc(all * sizeof(int));
    cut->layer = malloc(all * sizeof(int));
    cut->at = malloc(all * sizeof(int));
    cut->queue = malloc(all * sizeof(int));
    if (!cut->first || !cut->layer || !cut->at || !cut->queue) {
        mincut_destroy(cut);
        return NULL;
    }
    for (size_t i = 0; i < all; i++) {
        cut->first[i] = -1;
    }
    return cut;
}

void mincut_destroy(mincut_t *cut)
{
    if (cut != NULL) {
        free(cut->edge);
        free(cut->first);
        free(cut->layer);
        free(cut->at);
        free(cut->queue);
        free(cut);
    }
}

static void half(mincut_t *cut, int from, int to, double room)
{
    cut->edge[cut->count] = (edge_t){.to = to, .next = cut->first[from], .room = room};
    cut->first[from] = cut->count++;
}

void mincut_edge(mincut_t *cut, int from, int to, double forward, double backward)
{
    if (cut->count + 2 > cut->capacity) {
        const int capacity = cut->capacity > 0 ? 2 * cut->capacity : 1024;
        edge_t *edge = realloc(cut->edge, (size_t)capacity * sizeof(*edge));
        if (edge == NULL) {
            cut->failed = true;
            return;
        }
        cut->edge = edge;
        cut->capacity = capacity;
    }
    half(cut, from, to, forward);
    half(cut, to, from, backward);
}

void mincut_terminal(mincut_t *cut, int node, double from_source, double to_sink)
{
    if (from_source > 0.0) {
        mincut_edge(cut, cut->nodes, node, from_source, 0.0);
    }
    if (to_sink > 0.0) {
        mincut_edge(cut, node, cut->nodes + 1, to_sink, 0.0);
    }
}

static bool make_layers(mincut_t *cut)
{
    const int source = cut->nodes, sink = cut->nodes + 1;
    for (int i = 0; i <= sink; i++) {
        cut->layer[i] = -1;
    }
    int head = 0, tail = 0;
    cut->queue[tail++] = source;
    cut->layer[source] = 0;
    while (head < tail) {
        const int from = cut->queue[head++];
        for (int e = cut->first[from]; e >= 0; e = cut->edge[e].next) {
            const int to = cut->edge[e].to;
            if (cut->edge[e].room > cut->least && cut->layer[to] < 0) {
                cut->layer[to] = cut->layer[from] + 1;
                cut->queue[tail++] = to;
            }
        }
    }
    return cut->layer[sink] >= 0;
}

/* Recursion is as deep as there are layers. */
static double push(mincut_t *cut, int from, double flow)
{
    if (from == cut->nodes + 1) {
        return flow;
    }
    double pushed = 0.0;
    for (; cut->at[from] >= 0; cut->at[from] = cut->edge[cut->at[from]].next) {
        const int e = cut->at[from];
        edge_t *edge = &cut->edge[e];
        if (edge->room <= cut->least || cut->layer[edge->to] != cut->layer[from] + 1) {
            continue;
        }
        const double ask = flow - pushed < edge->room ? flow - pushed : edge->room;
        const double got = push(cut, edge->to, ask);
        edge->room -= got;
        cut->edge[e ^ 1].room += got;
        pushed += got;
        if (flow - pushed <= cut->least) {
            break;
        }
    }
    return pushed;
}

bool mincut_solve(mincut_t *cut)
{
    double total = 0.0;
    for (int e = cut->failed ? -1 : cut->first[cut->nodes]; e >= 0; e = cut->edge[e].next) {
        total += cut->edge[e].room;
    }
    cut->least = 1e-13 * total;
    while (!cut->failed && make_layers(cut)) {
        memcpy(cut->at, cut->first, ((size_t)cut->nodes + 2) * sizeof(int));
        if (push(cut, cut->nodes, 2.0 * total) <= cut->least) {
            break;
        }
    }
    return !cut->failed;
}

bool mincut_on_source_side(const mincut_t *cut, int node)
{
    return cut->layer[node] >= 0;
}
