/* SPDX-License-Identifier: GPL-3.0-or-later */
/* link_cut: quantiles swept from 0 to 1; where the best depth falls, the dropped levels' prices
   settle between their costs before and after. */
#include "allocation/link_cut.h"

#include <math.h>
#include <string.h>

enum { LEVELS = ALLOCATION_MAX_LEVELS };

static const double tiny_share = 1e-9;

/* One end's fetching of one level: which holder serves the present quantile, and up to where. */
typedef struct {
    int rank;
    double until, cost;
} source_t;

static void next_source(const allocation_t *a, int agent, int level, const double *share,
                        source_t *s)
{
    const size_t n = (size_t)a->agents;
    const uint16_t *order = a->order + (size_t)agent * n;
    const double *fetch = a->fetch + (size_t)agent * (size_t)a->stride;
    for (; s->rank < a->agents; s->rank++) {
        const double part = share[(size_t)level * n + order[s->rank]];
        if (part > tiny_share && fetch[order[s->rank]] < a->far) {
            s->until += part;
            s->cost = a->size[level] * fetch[order[s->rank]];
            s->rank++;
            return;
        }
    }
    s->until = INFINITY;
    s->cost = a->size[level] * a->far;
}

static int best_depth(const allocation_t *a, source_t s[2][LEVELS])
{
    int best = 0;
    double least = INFINITY, sum = 0.0;
    for (int m = 0; m < a->depth; m++) {
        sum += s[0][m].cost + s[1][m].cost;
        if (a->base[m] + sum < least) {
            least = a->base[m] + sum;
            best = m;
        }
    }
    return best;
}

/* The levels above `to` up to `from` drop out: lifts their prices from `low` towards `high` until
   no depth in between would be cheaper than `to`, lower levels first. */
static void settle(const allocation_t *a, int to, int from, double low[2][LEVELS],
                   source_t high[2][LEVELS], link_cut_t *cut)
{
    double settled = 0.0;
    for (int l = to + 1; l <= from; l++) {
        double lacking = 0.0, sum = settled;
        for (int m = l; m <= from; m++) {
            sum += low[0][m] + low[1][m];
            lacking = fmax(lacking, a->base[to] - a->base[m] - sum);
        }
        const double room[2] = {fmax(0.0, high[0][l].cost - low[0][l]),
                                fmax(0.0, high[1][l].cost - low[1][l])};
        const double both = room[0] + room[1];
        const double part = both > 0.0 ? fmin(1.0, lacking / both) : 0.0;
        for (int end = 0; end < 2; end++) {
            cut->price[end][l] = low[end][l] + part * room[end];
            settled += cut->price[end][l];
        }
    }
}

static void set_constant(const allocation_t *a, link_cut_t *cut)
{
    double sum = 0.0;
    cut->constant = INFINITY;
    for (int m = 0; m < a->depth; m++) {
        sum += cut->price[0][m] + cut->price[1][m];
        cut->constant = fmin(cut->constant, a->base[m] + sum);
    }
}

double link_cut_slope(const allocation_t *a, int i, int j, const link_cut_t *cut, int level, int h)
{
    const double size = a->size[level];
    const size_t stride = (size_t)a->stride;
    return fmax(0.0, cut->price[0][level] - size * a->fetch[(size_t)i * stride + (size_t)h]) +
           fmax(0.0, cut->price[1][level] - size * a->fetch[(size_t)j * stride + (size_t)h]);
}

void link_cut_make(const allocation_t *a, int i, int j, const double *share, link_cut_t *cut)
{
    const int agent[2] = {i, j};
    source_t s[2][LEVELS];
    double low[2][LEVELS] = {{0.0}};
    for (int end = 0; end < 2; end++) {
        for (int l = 0; l < a->depth; l++) {
            s[end][l] = (source_t){0, 0.0, 0.0};
            next_source(a, agent[end], l, share, &s[end][l]);
        }
    }
    int depth = a->depth - 1;
    for (double u = 0.0;;) {
        const int now = best_depth(a, s);
        if (now < depth) {
            settle(a, now, depth, low, s, cut);
            depth = now;
        }
        double next = INFINITY;
        for (int end = 0; end < 2; end++) {
            for (int l = 0; l < a->depth; l++) {
                low[end][l] = s[end][l].cost;
                next = fmin(next, s[end][l].until);
            }
        }
        u = next;
        if (u >= 1.0 - 1e-7) {
            break;
        }
        for (int end = 0; end < 2; end++) {
            for (int l = 0; l < a->depth; l++) {
                while (s[end][l].until <= u + tiny_share) {
                    next_source(a, agent[end], l, share, &s[end][l]);
                }
            }
        }
    }
    for (int l = 0; l <= depth; l++) {
        cut->price[0][l] = low[0][l];
        cut->price[1][l] = low[1][l];
    }
    set_constant(a, cut);
    cut->value = cut->constant;
    for (int l = 0; l < a->depth; l++) {
        for (int h = 0; h < a->agents; h++) {
            const double part = share[(size_t)l * (size_t)a->agents + (size_t)h];
            cut->value -= part > 0.0 ? part * link_cut_slope(a, i, j, cut, l, h) : 0.0;
        }
    }
}

void link_cut_from_prices(const allocation_t *a, int i, int j, const double *price, link_cut_t *cut)
{
    for (int l = 0; l < a->depth; l++) {
        cut->price[0][l] = price[(size_t)l * (size_t)a->stride + (size_t)i];
        cut->price[1][l] = price[(size_t)l * (size_t)a->stride + (size_t)j];
    }
    set_constant(a, cut);
    cut->value = 0.0;
}
