/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: the agents' best depths when tau belongs to the agent (ALLOCATION_PER_AGENT).
 *
 * With x_i^l = [D_i >= l] the cost is  const + sum_i c_i^l x_i^l - sum_{i<j} W_ij d_l x_i^l x_j^l,
 * d_l = loss[l-1] - loss[l] >= 0: submodular, so a minimum cut solves it exactly.  Before that,
 * best responses from the top end at a D above every optimum, those from the bottom (ties upwards)
 * at a D below one of them (Topkis); only agents between the two need the cut, often none.  More
 * than CUT_AGENTS of them: the better end is taken, which is a feasible D but may not be the best.
 */
#include "allocation/allocation_private.h"
#include "allocation/mincut.h"

#include <stdlib.h>
#include <string.h>

enum { CUT_AGENTS = 200, LEVELS = ALLOCATION_MAX_LEVELS };

typedef struct {
    const allocation_t *a;
    int levels;
    double loss[LEVELS]; /* never rising */
    const double *prefix;
} depths_t;

static double prefix_at(const depths_t *d, int level, int agent)
{
    return d->prefix[(size_t)level * (size_t)d->a->stride + (size_t)agent];
}

/* The largest of agent i's best answers to the others' depths. */
static int answer(const depths_t *d, const int *depth_of, int i)
{
    const double *weight = d->a->weight + (size_t)i * (size_t)d->a->stride;
    double met[LEVELS] = {0.0}; /* traffic with agents of exactly this depth */
    for (int j = 0; j < d->a->agents; j++) {
        met[depth_of[j]] += weight[j];
    }
    double above = d->a->traffic[i], below = 0.0, least = 0.0;
    int best = 0;
    for (int l = 0; l < d->levels; l++) {
        /* Partners below l decide the depth themselves, the others meet at l. */
        const double cost = below + above * d->loss[l] + d->a->traffic[i] * prefix_at(d, l, i);
        if (l == 0 || cost <= least) {
            least = cost;
            best = l;
        }
        below += met[l] * d->loss[l];
        above -= met[l];
    }
    return best;
}

static void respond(const depths_t *d, int start, int *depth_of)
{
    for (int i = 0; i < d->a->agents; i++) {
        depth_of[i] = start;
    }
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < d->a->agents; i++) {
            const int best = answer(d, depth_of, i);
            /* Monotone by theory; rounding must not make it turn round. */
            if (start == 0 ? best > depth_of[i] : best < depth_of[i]) {
                depth_of[i] = best;
                moved = true;
            }
        }
    }
}

static double cost_of(const depths_t *d, const int *depth_of)
{
    const size_t stride = (size_t)d->a->stride;
    double sum = 0.0;
    for (int i = 0; i < d->a->agents; i++) {
        const double *weight = d->a->weight + (size_t)i * stride;
        sum += d->a->traffic[i] * prefix_at(d, depth_of[i], i);
        for (int j = 0; j < i; j++) {
            const int common = depth_of[i] < depth_of[j] ? depth_of[i] : depth_of[j];
            sum += weight[j] * d->loss[common];
        }
    }
    return sum;
}

/* Node of (agent k of the open ones, level l): x = 1 on the source's side. */
static int node(const depths_t *d, int k, int l)
{
    return k * (d->levels - 1) + l - 1;
}

static void add_agent(const depths_t *d, mincut_t *cut, const int *open, int count, int k,
                      const int *low, const int *high)
{
    const int i = open[k];
    const double *weight = d->a->weight + (size_t)i * (size_t)d->a->stride;
    for (int l = low[i] + 1; l <= high[i]; l++) {
        const double step = d->loss[l - 1] - d->loss[l];
        double cost = d->a->traffic[i] * (prefix_at(d, l, i) - prefix_at(d, l - 1, i));
        for (int j = 0; j < d->a->agents; j++) {
            cost -= l <= low[j] ? weight[j] * step : 0.0;
        }
        for (int q = 0; q < count; q++) {
            const int j = open[q];
            if (l <= low[j] || l > high[j] || j == i) {
                continue;
            }
            /* -w x y = w/2 |x - y| - w/2 x - w/2 y */
            cost -= 0.5 * weight[j] * step;
            if (j < i) {
                mincut_edge(cut, node(d, k, l), node(d, q, l), 0.5 * weight[j] * step,
                            0.5 * weight[j] * step);
            }
        }
        mincut_terminal(cut, node(d, k, l), cost < 0.0 ? -cost : 0.0, cost > 0.0 ? cost : 0.0);
        if (l > low[i] + 1) { /* deep implies less deep */
            mincut_edge(cut, node(d, k, l), node(d, k, l - 1), d->a->far * d->a->scale, 0.0);
        }
    }
}

/* Between low and high; false when there is no memory for it (low is then as it was). */
static bool cut_between(const depths_t *d, int *low, const int *high)
{
    int open[CUT_AGENTS], count = 0;
    for (int i = 0; i < d->a->agents; i++) {
        if (low[i] != high[i]) {
            if (count == CUT_AGENTS) {
                return false;
            }
            open[count++] = i;
        }
    }
    if (count == 0) {
        return true;
    }
    mincut_t *cut = mincut_create(count * (d->levels - 1));
    if (cut == NULL) {
        return false;
    }
    for (int k = 0; k < count; k++) {
        add_agent(d, cut, open, count, k, low, high);
    }
    const bool done = mincut_solve(cut);
    for (int k = 0; done && k < count; k++) {
        const int i = open[k];
        int deepest = low[i];
        while (deepest < high[i] && mincut_on_source_side(cut, node(d, k, deepest + 1))) {
            deepest++;
        }
        low[i] = deepest;
    }
    mincut_destroy(cut);
    return done;
}

double allocation_depths(const allocation_t *a, int levels, const double *loss,
                         const double *prefix, int *depth_of)
{
    depths_t d = {.a = a, .levels = levels, .prefix = prefix};
    for (int l = 0; l < levels; l++) {
        d.loss[l] = l > 0 && d.loss[l - 1] < loss[l] ? d.loss[l - 1] : loss[l];
    }
    int low[ALLOCATION_MAX_AGENTS] = {0}, high[ALLOCATION_MAX_AGENTS], cut[ALLOCATION_MAX_AGENTS];
    const size_t bytes = (size_t)a->agents * sizeof(int);
    respond(&d, levels - 1, high);
    respond(&d, 0, low);
    memcpy(cut, low, bytes);
    double best = cost_of(&d, high);
    const int *chosen = high;
    if (memcmp(low, high, bytes) != 0) {
        cut_between(&d, cut, high);
        const double ends[2] = {cost_of(&d, low), cost_of(&d, cut)};
        if (ends[0] < best) {
            best = ends[0];
            chosen = low;
        }
        if (ends[1] < best) {
            best = ends[1];
            chosen = cut;
        }
    }
    if (depth_of != NULL) {
        memcpy(depth_of, chosen, bytes);
    }
    return best;
}
