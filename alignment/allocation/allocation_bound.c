/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: a lower bound without a solver.
 *
 * Let every agent have a price v_i[l] >= 0 for fetching level l.  For any plan
 * eta_T T_i[l] >= v_i[l] - sum_h s_h[l] (v_i[l] - eta_T S_l/R_hi)^+, so with w_i = traffic of agent
 * i
 *
 *   J(s) >= sum over pairs W_ij min_m { eta_A J_A[m] + sum_{l<=m} (v_i[l] + v_j[l]) }
 *           + sum_{h,l} min(0, eta_S S_l - sum_i w_i (v_i[l] - eta_T S_l/R_hi)^+ ).
 *
 * This is the dual of the strong linear relaxation with one price per agent instead of one per
 * link.  It is concave in v.  Start: each level alone is a facility location with a free dummy at
 * half of what the level saves a link (min(d, a+b) >= min(d/2, a) + min(d/2, b)), priced by dual
 * ascent, where "saves" is read off the convex envelope of the losses over the sizes; then ascent
 * along deflected subgradients with Polyak's step towards a known objective.  In the per-agent
 * reading every plan costs at least as much, so the bound holds there too.
 */
#include "allocation/allocation_private.h"
#include "allocation/facility.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = ALLOCATION_MAX_LEVELS, PATIENCE = 8 };

typedef struct {
    const allocation_t *a;
    size_t count; /* depth * stride */
    double *price, *best, *slope, *way, *prefix, *room;
} ascent_t;

/* What level l saves per size on the convex envelope; limit[0] is open-ended. */
static void envelope(const allocation_t *a, double *limit)
{
    limit[0] = INFINITY;
    for (int from = 0; from < a->depth - 1;) {
        int to = from + 1;
        double steepest = -1.0, sum = 0.0;
        for (int l = from + 1; l < a->depth; l++) {
            sum += a->size[l];
            const double slope = (a->base[from] - a->base[l]) / sum;
            if (slope >= steepest) {
                steepest = slope;
                to = l;
            }
        }
        for (; from < to; from++) {
            limit[from + 1] = 0.5 * steepest;
        }
    }
}

/* The first term; slope[l][i] = traffic of i's links that use level l at these prices. */
static double links(ascent_t *t)
{
    const allocation_t *a = t->a;
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    enum { LANES = ALLOCATION_LANES };
    for (size_t i = 0; i < stride; i++) {
        double sum = 0.0;
        for (int l = 0; l < a->depth; l++) {
            sum += t->price[(size_t)l * stride + i];
            t->prefix[(size_t)l * stride + i] = sum;
        }
    }
    double value = 0.0;
    for (size_t i = 0; i < n; i++) {
        const double *weight = a->weight + i * stride;
        double total[LANES] = {0.0}, deep[LEVELS][LANES] = {{0.0}};
        for (size_t j = 0; j < stride; j += LANES) {
            double best[LANES], at[LANES];
            for (int k = 0; k < LANES; k++) {
                best[k] = a->base[0] + t->prefix[i] + t->prefix[j + (size_t)k];
                at[k] = 0.0;
            }
            for (int l = 1; l < a->depth; l++) {
                const double *other = t->prefix + (size_t)l * stride + j;
                const double mine = a->base[l] + t->prefix[(size_t)l * stride + i];
                for (int k = 0; k < LANES; k++) {
                    const double cost = mine + other[k];
                    at[k] = cost < best[k] ? (double)l : at[k];
                    best[k] = cost < best[k] ? cost : best[k];
                }
            }
            for (int k = 0; k < LANES; k++) {
                total[k] += weight[j + (size_t)k] * best[k];
            }
            for (int l = 1; l < a->depth; l++) {
                for (int k = 0; k < LANES; k++) {
                    deep[l][k] += at[k] >= (double)l ? weight[j + (size_t)k] : 0.0;
                }
            }
        }
        t->slope[i] = a->traffic[i];
        for (int k = 0; k < LANES; k++) {
            value += 0.5 * total[k];
        }
        for (int l = 1; l < a->depth; l++) {
            double sum = 0.0;
            for (int k = 0; k < LANES; k++) {
                sum += deep[l][k];
            }
            t->slope[(size_t)l * stride + i] = sum;
        }
    }
    return value;
}

/* The second term; takes from the slope what overdrawn holders lose. */
static double holders(ascent_t *t, int level)
{
    const allocation_t *a = t->a;
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    const double size = a->size[level];
    const double *price = t->price + (size_t)level * stride;
    double *slope = t->slope + (size_t)level * stride;
    for (size_t h = 0; h < n; h++) {
        t->room[h] = a->eta_s * size;
    }
    for (size_t i = 0; i < n; i++) {
        const uint16_t *order = a->order + i * n;
        const double *fetch = a->fetch + i * stride;
        for (size_t k = 0; k < n && size * fetch[order[k]] < price[i]; k++) {
            t->room[order[k]] -= a->traffic[i] * (price[i] - size * fetch[order[k]]);
        }
    }
    double lost = 0.0, least = INFINITY;
    for (size_t h = 0; h < n; h++) {
        lost += fmin(0.0, t->room[h]);
        least = fmin(least, t->room[h]);
    }
    for (size_t i = 0; i < n; i++) {
        const uint16_t *order = a->order + i * n;
        const double *fetch = a->fetch + i * stride;
        for (size_t k = 0; k < n && size * fetch[order[k]] < price[i]; k++) {
            slope[i] -= t->room[order[k]] < 0.0 ? a->traffic[i] : 0.0;
        }
    }
    /* Somebody holds level 1, if only the one who loses least by it. */
    return level == 0 && least > 0.0 ? least : lost;
}

static double value_and_slope(ascent_t *t)
{
    double value = links(t);
    for (int l = 0; l < t->a->depth; l++) {
        value += holders(t, l);
    }
    return value;
}

static void climb(ascent_t *t, double target, int steps, double *bound)
{
    double rate = 1.0;
    int since = 0;
    memcpy(t->best, t->price, t->count * sizeof(double));
    memset(t->way, 0, t->count * sizeof(double));
    for (int step = 0; step < steps && rate > 1e-4; step++) {
        const double value = value_and_slope(t);
        if (value > *bound) {
            *bound = value;
            since = 0;
            memcpy(t->best, t->price, t->count * sizeof(double));
        } else if (++since == PATIENCE) {
            since = 0;
            rate *= 0.6;
            memcpy(t->price, t->best, t->count * sizeof(double));
            memset(t->way, 0, t->count * sizeof(double));
            continue;
        }
        double norm = 0.0;
        for (size_t i = 0; i < t->count; i++) {
            t->way[i] = t->slope[i] + 0.5 * t->way[i];
            norm += t->way[i] * t->way[i];
        }
        const double ahead = fmax(target - value, 1e-6 * fabs(target));
        if (!(norm > 0.0)) {
            break;
        }
        for (size_t i = 0; i < t->count; i++) {
            t->price[i] = fmax(0.0, t->price[i] + rate * ahead / norm * t->way[i]);
        }
    }
}

static void ascend_levels(ascent_t *t, int free_levels)
{
    const allocation_t *a = t->a;
    double limit[LEVELS];
    envelope(a, limit);
    for (int l = 0; l < a->depth; l++) {
        double *price = t->price + (size_t)l * (size_t)a->stride;
        facility_ascend(a, a->traffic, a->eta_s, l <= free_levels ? INFINITY : limit[l], price,
                        t->room);
        for (int i = 0; i < a->stride; i++) {
            price[i] *= a->size[l];
        }
    }
}

int allocation_bound(const allocation_t *a, double target, int steps, double *bound, double *price,
                     err_t *err)
{
    const size_t stride = (size_t)a->stride, count = (size_t)a->depth * stride;
    double *memory = calloc(5 * count + stride, sizeof(*memory));
    if (memory == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for the bound of %d agents", a->agents);
    }
    ascent_t t = {.a = a,
                  .count = count,
                  .price = memory,
                  .best = memory + count,
                  .slope = memory + 2 * count,
                  .way = memory + 3 * count,
                  .prefix = memory + 4 * count,
                  .room = memory + 5 * count};
    /* Up to which level nobody gives up: unknown, so every answer is tried. */
    double best = -INFINITY;
    int best_free = 0;
    for (int l = 0; l < a->depth; l++) {
        ascend_levels(&t, l);
        const double value = value_and_slope(&t);
        if (value > best) {
            best = value;
            best_free = l;
        }
    }
    ascend_levels(&t, best_free);
    *bound = best;
    climb(&t, target, steps, bound);
    *bound -= 1e-12 * a->scale; /* rounding */
    if (price != NULL) {
        memcpy(price, t.best, count * sizeof(*price));
    }
    free(memory);
    return 0;
}
