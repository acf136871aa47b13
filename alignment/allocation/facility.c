/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * facility: dual ascent after D. Erlenkotter, "A dual-based procedure for uncapacitated facility
 * location", Operations Research 26 (1978), and interchange as R. Whitaker, "A fast algorithm for
 * the greedy interchange for large-scale clustering and median location problems", INFOR 21 (1983):
 * one sweep over the agents weighs a newcomer against every holder it could replace.
 */
#include "allocation/facility.h"

#include <math.h>
#include <string.h>

/* The client's price goes up to its next holder's time, or as far as the holders' room allows. */
static bool raise_price(const allocation_t *a, const double *demand, double limit, int i, double *v,
                        double *room, int *reach)
{
    const size_t n = (size_t)a->agents;
    const double *fetch = a->fetch + (size_t)i * (size_t)a->stride;
    const uint16_t *order = a->order + (size_t)i * n;
    while (*reach < a->agents && fetch[order[*reach]] <= v[i]) {
        (*reach)++;
    }
    double next = *reach < a->agents ? fetch[order[*reach]] : INFINITY;
    next = fmin(next, limit);
    double step = next - v[i];
    for (int k = 0; k < *reach; k++) {
        step = fmin(step, room[order[k]] / demand[i]);
    }
    if (!(step > 0.0) || step == INFINITY) {
        return false;
    }
    const double price = step == next - v[i] ? next : v[i] + step;
    for (int k = 0; k < *reach; k++) {
        room[order[k]] = fmax(0.0, room[order[k]] - demand[i] * (price - v[i]));
    }
    v[i] = price;
    return price == next && price < limit;
}

void facility_ascend(const allocation_t *a, const double *demand, double open, double limit,
                     double *v, double *room)
{
    int reach[ALLOCATION_MAX_AGENTS];
    bool active[ALLOCATION_MAX_AGENTS];
    for (int i = 0; i < a->stride; i++) {
        v[i] = 0.0;
        room[i] = open;
    }
    for (int i = 0; i < a->agents; i++) {
        reach[i] = 0;
        active[i] = demand[i] > 0.0 && limit > 0.0;
    }
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < a->agents; i++) {
            if (active[i]) {
                active[i] = raise_price(a, demand, limit, i, v, room, &reach[i]);
                moved |= active[i];
            }
        }
    }
}

void facility_from_prices(const allocation_t *a, const double *v, const double *room, double open,
                          uint8_t *hold)
{
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    bool taken[ALLOCATION_MAX_AGENTS] = {false}; /* clients that pay for a chosen holder */
    memset(hold, 0, n);
    bool any = false;
    for (size_t h = 0; h < n; h++) {
        if (room[h] > 1e-9 * open) {
            continue;
        }
        const double *time = a->time + h * stride;
        bool apart = true;
        for (size_t i = 0; i < n && apart; i++) {
            apart = !(taken[i] && v[i] > time[i]);
        }
        if (apart) {
            hold[h] = 1;
            any = true;
            for (size_t i = 0; i < n; i++) {
                taken[i] |= v[i] > time[i];
            }
        }
    }
    if (!any) {
        hold[0] = 1;
    }
}

typedef struct {
    const allocation_t *a;
    const double *demand;
    double open;
    uint8_t *hold;
    double *first, *second, *loss; /* [stride]: times of the two nearest holders; cost of a drop */
    uint16_t by[ALLOCATION_MAX_AGENTS];
    int count;
} moves_t;

static double look_around(moves_t *m)
{
    const size_t n = (size_t)m->a->agents;
    double cost = 0.0;
    m->count = 0;
    for (size_t i = 0; i < n; i++) {
        const uint16_t *order = m->a->order + i * n;
        const double *fetch = m->a->fetch + i * (size_t)m->a->stride;
        m->count += m->hold[i];
        m->first[i] = m->second[i] = m->a->far;
        m->by[i] = ALLOCATION_NOBODY;
        for (size_t k = 0; k < n; k++) {
            if (!m->hold[order[k]]) {
                continue;
            }
            if (m->by[i] != ALLOCATION_NOBODY) {
                m->second[i] = fetch[order[k]];
                break;
            }
            m->by[i] = order[k];
            m->first[i] = fetch[order[k]];
        }
        cost += m->demand[i] * m->first[i];
    }
    return cost + m->open * m->count;
}

/* What `h` saves if it joins; m->loss[out]: what is lost when `out` goes with h there. */
static double weigh(moves_t *m, int h)
{
    const double *time = m->a->time + (size_t)h * (size_t)m->a->stride;
    double gain = -m->open;
    memset(m->loss, 0, (size_t)m->a->stride * sizeof(*m->loss));
    for (int i = 0; i < m->a->agents; i++) {
        const double d = m->demand[i];
        if (time[i] < m->first[i]) {
            gain += d * (m->first[i] - time[i]);
        } else {
            m->loss[m->by[i]] += d * (fmin(m->second[i], time[i]) - m->first[i]);
        }
    }
    return gain;
}

static bool try_newcomer(moves_t *m, int h, double least)
{
    const double gain = weigh(m, h);
    int out = -1;
    double best = gain;
    for (int o = 0; o < m->a->agents; o++) {
        if (m->hold[o] && gain + m->open - m->loss[o] > best) {
            best = gain + m->open - m->loss[o];
            out = o;
        }
    }
    if (!(best > least)) {
        return false;
    }
    m->hold[h] = 1;
    if (out >= 0) {
        m->hold[out] = 0;
    }
    return true;
}

static bool try_drop(moves_t *m, double least)
{
    memset(m->loss, 0, (size_t)m->a->stride * sizeof(*m->loss));
    for (int i = 0; i < m->a->agents; i++) {
        m->loss[m->by[i]] += m->demand[i] * (m->second[i] - m->first[i]);
    }
    int out = -1;
    double best = least;
    for (int o = 0; o < m->a->agents; o++) {
        if (m->hold[o] && m->open - m->loss[o] > best) {
            best = m->open - m->loss[o];
            out = o;
        }
    }
    if (out < 0 || m->count < 2) {
        return false;
    }
    m->hold[out] = 0;
    return true;
}

double facility_improve(const allocation_t *a, const double *demand, double open, uint8_t *hold,
                        double *work)
{
    const size_t stride = (size_t)a->stride;
    moves_t m = {.a = a,
                 .demand = demand,
                 .open = open,
                 .hold = hold,
                 .first = work,
                 .second = work + stride,
                 .loss = work + 2 * stride};
    double cost = look_around(&m);
    const double least = 1e-10 * (open + fmin(cost, a->scale));
    for (int unchanged = 0, h = 0; unchanged < a->agents; h = (h + 1) % a->agents) {
        bool moved = false;
        while (try_drop(&m, least)) {
            cost = look_around(&m);
            moved = true;
        }
        if (!hold[h] && try_newcomer(&m, h, least)) {
            cost = look_around(&m);
            moved = true;
        }
        unchanged = moved ? 0 : unchanged + 1;
    }
    return cost;
}

double facility_solve(const allocation_t *a, const double *demand, double open, uint8_t *hold,
                      double *work)
{
    double *price = work, *room = work + a->stride;
    facility_ascend(a, demand, open, INFINITY, price, room);
    facility_from_prices(a, price, room, open, hold);
    return facility_improve(a, demand, open, hold, work);
}
