/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: J of a plan, straight from its definition (Proposition 1 of the paper without its
 * slips): every link takes the depth that is cheapest for it, every fetch the nearest holder.
 */
#include "allocation/allocation_private.h"

#include <math.h>
#include <string.h>

/* LANES sums side by side: the same result whatever the processor's vectors are. */
static inline __attribute__((always_inline)) double
row(size_t stride, int levels, const double *weight, const double *own, const double *prefix)
{
    enum { LANES = ALLOCATION_LANES };
    double sum[LANES] = {0.0};
    for (size_t j = 0; j < stride; j += LANES) {
        for (size_t k = 0; k < LANES; k++) {
            double best = own[0] + prefix[j + k];
            for (int m = 1; m < levels; m++) {
                const double cost = own[m] + prefix[(size_t)m * stride + j + k];
                best = cost < best ? cost : best;
            }
            sum[k] += weight[j + k] * best;
        }
    }
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

double allocation_row(const allocation_t *a, int levels, int agent, const double *own,
                      const double *prefix)
{
    const size_t stride = (size_t)a->stride;
    const double *weight = a->weight + (size_t)agent * stride;
    switch (levels) { /* a known number of levels makes vector code */
    case 1:
        return row(stride, 1, weight, own, prefix);
    case 2:
        return row(stride, 2, weight, own, prefix);
    case 3:
        return row(stride, 3, weight, own, prefix);
    case 4:
        return row(stride, 4, weight, own, prefix);
    case 5:
        return row(stride, 5, weight, own, prefix);
    default:
        return row(stride, levels, weight, own, prefix);
    }
}

/* eta_T times the time to fetch the levels 0 ... m, for every agent: prefix[levels][stride]. */
static void fill_prefix(const allocation_t *a, int levels, const double *size, const uint8_t *held,
                        size_t level_step, size_t agent_step, double *prefix)
{
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    for (size_t i = 0; i < n; i++) {
        const double *fetch = a->fetch + i * stride;
        const uint16_t *order = a->order + i * n;
        double sum = 0.0;
        for (size_t l = 0; l < (size_t)levels; l++) {
            double near = a->far;
            for (size_t k = 0; k < n; k++) { /* the first holder in order is the nearest */
                if (held[l * level_step + order[k] * agent_step]) {
                    near = fetch[order[k]];
                    break;
                }
            }
            sum += size[l] * near;
            prefix[l * stride + i] = sum;
        }
    }
}

static double link_cost(const allocation_t *a, int levels, const double *loss, const double *prefix)
{
    double sum = 0.0;
    for (int i = 0; i < a->agents; i++) {
        double own[ALLOCATION_MAX_LEVELS];
        for (int l = 0; l < levels; l++) {
            own[l] = loss[l] + prefix[(size_t)l * (size_t)a->stride + (size_t)i];
        }
        sum += allocation_row(a, levels, i, own, prefix);
    }
    return 0.5 * sum;
}

static double value_of(allocation_t *a, int levels, const double *loss, const double *size,
                       const uint8_t *held, size_t level_step, size_t agent_step, int *depth_of)
{
    double storage = 0.0;
    for (size_t l = 0; l < (size_t)levels; l++) {
        for (size_t i = 0; i < (size_t)a->agents; i++) {
            storage += held[l * level_step + i * agent_step] ? a->eta_s * size[l] : 0.0;
        }
    }
    double *prefix = a->scratch;
    fill_prefix(a, levels, size, held, level_step, agent_step, prefix);
    if (a->reading == ALLOCATION_PER_AGENT) {
        return storage + allocation_depths(a, levels, loss, prefix, depth_of);
    }
    return storage + link_cost(a, levels, loss, prefix);
}

double allocation_value(allocation_t *a, const uint8_t *hold)
{
    return value_of(a, a->depth, a->base, a->size, hold, (size_t)a->agents, 1, NULL);
}

double allocation_plan_depths(allocation_t *a, const uint8_t *hold, int *depth_of)
{
    return value_of(a, a->depth, a->base, a->size, hold, (size_t)a->agents, 1, depth_of);
}

double allocation_evaluate(allocation_t *a, const uint8_t *held)
{
    bool somebody = false;
    for (int i = 0; i < a->agents; i++) {
        bool served = !a->served[i];
        for (int h = 0; h < a->agents; h++) {
            const bool holds = held[h * a->levels] != 0;
            somebody |= holds;
            served |= holds && a->fetch[(size_t)i * (size_t)a->stride + (size_t)h] < a->far;
        }
        if (!served) {
            return INFINITY;
        }
    }
    if (!somebody) {
        return INFINITY;
    }
    return value_of(a, a->levels, a->loss, a->full_size, held, 1, (size_t)a->levels, NULL);
}
