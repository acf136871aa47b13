/* SPDX-License-Identifier: GPL-3.0-or-later */
/* allocation_state: flips with a journal. */
#include "allocation/allocation_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What one agent was before its nearest holder of one level changed; agent < 0: a flip itself. */
typedef struct allocation_change {
    int agent, level;
    uint16_t by;
    double near;
    double prefix[ALLOCATION_MAX_LEVELS];
} change_t;

static const size_t first_capacity = 1024;

allocation_state_t *allocation_state_create(const allocation_t *a, err_t *err)
{
    const size_t n = (size_t)a->agents, depth = (size_t)a->depth, stride = (size_t)a->stride;
    allocation_state_t *st = calloc(1, sizeof(*st));
    if (st != NULL) {
        st->a = a;
        st->hold = calloc(depth, n);
        st->near = calloc(depth * stride, sizeof(*st->near));
        st->by = calloc(depth * n, sizeof(*st->by));
        st->prefix = calloc(depth * stride, sizeof(*st->prefix));
        st->capacity = first_capacity;
        st->journal = malloc(st->capacity * sizeof(*st->journal));
    }
    if (st == NULL || !st->hold || !st->near || !st->by || !st->prefix || !st->journal) {
        allocation_state_destroy(st);
        err_set(err, ERR_MEMORY, "no memory for the plan of %d agents", a->agents);
        return NULL;
    }
    return st;
}

void allocation_state_destroy(allocation_state_t *st)
{
    if (st != NULL) {
        free(st->hold);
        free(st->near);
        free(st->by);
        free(st->prefix);
        free(st->journal);
        free(st);
    }
}

/* The nearest holder of `level` for `agent`, the agent itself first of all. */
static uint16_t nearest(const allocation_state_t *st, int agent, int level)
{
    const size_t n = (size_t)st->a->agents;
    const uint16_t *order = st->a->order + (size_t)agent * n;
    const uint8_t *hold = st->hold + (size_t)level * n;
    for (size_t k = 0; st->count[level] > 0 && k < n; k++) {
        if (hold[order[k]]) {
            return order[k];
        }
    }
    return ALLOCATION_NOBODY;
}

static double time_of(const allocation_state_t *st, int agent, uint16_t holder)
{
    return holder == ALLOCATION_NOBODY
               ? st->a->far
               : st->a->fetch[(size_t)agent * (size_t)st->a->stride + holder];
}

static void sum_prefix(allocation_state_t *st, int agent)
{
    double sum = 0.0;
    for (int l = 0; l < st->a->depth; l++) {
        const size_t at = (size_t)l * (size_t)st->a->stride + (size_t)agent;
        sum += st->a->size[l] * st->near[at];
        st->prefix[at] = sum;
    }
}

static double row(const allocation_state_t *st, int agent)
{
    double own[ALLOCATION_MAX_LEVELS];
    for (int l = 0; l < st->a->depth; l++) {
        own[l] = st->a->base[l] + st->prefix[(size_t)l * (size_t)st->a->stride + (size_t)agent];
    }
    return allocation_row(st->a, st->a->depth, agent, own, st->prefix);
}

void allocation_state_load(allocation_state_t *st, const uint8_t *hold)
{
    const allocation_t *a = st->a;
    memmove(st->hold, hold, allocation_hold_size(a));
    st->value = 0.0;
    for (int l = 0; l < a->depth; l++) {
        st->count[l] = 0;
        for (int i = 0; i < a->agents; i++) {
            st->count[l] += st->hold[l * a->agents + i];
        }
        st->value += a->eta_s * a->size[l] * st->count[l];
    }
    for (int i = 0; i < a->agents; i++) {
        for (int l = 0; l < a->depth; l++) {
            const uint16_t by = nearest(st, i, l);
            st->by[l * a->agents + i] = by;
            st->near[(size_t)l * (size_t)a->stride + (size_t)i] = time_of(st, i, by);
        }
        sum_prefix(st, i);
    }
    for (int i = 0; i < a->agents; i++) {
        st->value += 0.5 * row(st, i);
    }
    allocation_state_keep(st);
}

void allocation_state_keep(allocation_state_t *st)
{
    st->kept_value = st->value;
    st->changes = 0;
    st->row_agent = -1;
}

static change_t *note(allocation_state_t *st)
{
    if (st->changes == st->capacity) {
        change_t *journal = realloc(st->journal, 2 * st->capacity * sizeof(*journal));
        if (journal == NULL) {
            st->failed = true;
            st->changes = 0; /* what is lost can't be undone; `failed` says so */
        } else {
            st->journal = journal;
            st->capacity *= 2;
        }
    }
    return &st->journal[st->changes++];
}

void allocation_state_undo(allocation_state_t *st)
{
    const size_t n = (size_t)st->a->agents, stride = (size_t)st->a->stride;
    while (st->changes > 0) {
        const change_t *c = &st->journal[--st->changes];
        if (c->agent < 0) {
            uint8_t *hold = &st->hold[(size_t)c->level * n + (size_t)(-1 - c->agent)];
            *hold = !*hold;
            st->count[c->level] += *hold ? 1 : -1;
            continue;
        }
        const size_t agent = (size_t)c->agent;
        st->near[(size_t)c->level * stride + agent] = c->near;
        st->by[(size_t)c->level * n + agent] = c->by;
        for (int l = 0; l < st->a->depth; l++) {
            st->prefix[(size_t)l * stride + agent] = c->prefix[l];
        }
    }
    st->value = st->kept_value;
    st->row_agent = -1;
}

static void serve(allocation_state_t *st, int agent, int level, uint16_t by)
{
    const size_t n = (size_t)st->a->agents, stride = (size_t)st->a->stride;
    const size_t at = (size_t)level * stride + (size_t)agent;
    change_t *c = note(st);
    c->agent = agent;
    c->level = level;
    c->by = st->by[(size_t)level * n + (size_t)agent];
    c->near = st->near[at];
    for (int l = 0; l < st->a->depth; l++) {
        c->prefix[l] = st->prefix[(size_t)l * stride + (size_t)agent];
    }
    const bool counts = st->a->served[agent];
    const double before = !counts ? 0.0 : st->row_agent == agent ? st->row_value : row(st, agent);
    st->by[(size_t)level * n + (size_t)agent] = by;
    st->near[at] = time_of(st, agent, by);
    sum_prefix(st, agent);
    if (counts) {
        st->row_value = row(st, agent);
        st->row_agent = agent;
        st->value += st->row_value - before;
    }
}

void allocation_state_flip(allocation_state_t *st, int agent, int level)
{
    const allocation_t *a = st->a;
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    uint8_t *hold = &st->hold[(size_t)level * n + (size_t)agent];
    const double *time = a->time + (size_t)agent * stride;
    const double *near = st->near + (size_t)level * stride;
    const uint16_t *by = st->by + (size_t)level * n;
    change_t *c = note(st);
    c->agent = -1 - agent;
    c->level = level;
    *hold = !*hold;
    st->count[level] += *hold ? 1 : -1;
    st->value += (*hold ? 1.0 : -1.0) * a->eta_s * a->size[level];
    for (int i = 0; i < a->agents; i++) {
        if (*hold ? time[i] < near[i] || i == agent : by[i] == agent) {
            serve(st, i, level, *hold ? (uint16_t)agent : nearest(st, i, level));
        }
    }
}

void allocation_state_demand(const allocation_state_t *st, double *demand)
{
    const allocation_t *a = st->a;
    const size_t n = (size_t)a->agents, stride = (size_t)a->stride;
    memset(demand, 0, (size_t)a->depth * stride * sizeof(*demand));
    for (size_t i = 0; i < n; i++) {
        const double *weight = a->weight + i * stride;
        double met[ALLOCATION_MAX_LEVELS] = {0.0};
        for (size_t j = 0; j < n; j++) {
            int best = 0;
            double least = a->base[0] + st->prefix[i] + st->prefix[j];
            for (int l = 1; l < a->depth; l++) {
                const size_t at = (size_t)l * stride;
                const double cost = a->base[l] + st->prefix[at + i] + st->prefix[at + j];
                if (cost <= least) {
                    least = cost;
                    best = l;
                }
            }
            met[best] += weight[j];
        }
        double above = 0.0;
        for (int l = a->depth - 1; l >= 0; l--) {
            above += met[l];
            demand[(size_t)l * stride + i] = above;
        }
    }
}

static bool holds(const allocation_state_t *st, int agent, int level)
{
    return st->hold[(size_t)level * (size_t)st->a->agents + (size_t)agent];
}

static void go_to(allocation_state_t *st, int agent, unsigned set)
{
    for (int l = 0; l < st->a->depth; l++) {
        if (holds(st, agent, l) != (bool)(set >> l & 1u)) {
            allocation_state_flip(st, agent, l);
        }
    }
}

static double value_at(allocation_state_t *st, int agent, unsigned set)
{
    go_to(st, agent, set);
    return st->value;
}

/*
 * The least value over the sets between `low` and `high`, starting from a known best.  J is
 * submodular in one agent's set: min over depths of sums over nested levels.  So a level that does
 * not pay when all others of `high` are held never pays, and one that pays alone on `low` always
 * does; only what is left is tried out.
 */
static void search_between(allocation_state_t *st, int agent, unsigned low, unsigned high,
                           double *best, unsigned *best_set)
{
    const int depth = st->a->depth;
    double top = value_at(st, agent, high);
    for (bool moved = true; moved && low != high;) {
        moved = false;
        for (int l = depth - 1; l >= 0; l--) {
            const unsigned bit = 1u << l;
            if ((high & bit) && !(low & bit)) {
                const double without = value_at(st, agent, high & ~bit);
                if (without <= top) {
                    high &= ~bit;
                    top = without;
                    moved = true;
                }
            }
        }
        double bottom = low != high ? value_at(st, agent, low) : top;
        for (int l = 0; l < depth && low != high; l++) {
            const unsigned bit = 1u << l;
            if ((high & bit) && !(low & bit)) {
                const double with = value_at(st, agent, low | bit);
                if (with <= bottom) {
                    low |= bit;
                    bottom = with;
                    moved = true;
                }
            }
        }
    }
    for (unsigned set = high;; set = (set - 1) & (high & ~low)) {
        const unsigned whole = set | low;
        const double value = whole == high ? top : value_at(st, agent, whole);
        if (value < *best) {
            *best = value;
            *best_set = whole;
        }
        if ((set & ~low) == 0) {
            break;
        }
    }
}

/* All levels but the deepest ones that nobody else holds and that can't pay for this agent alone.
 */
static unsigned possible_levels(const allocation_state_t *st, int agent)
{
    unsigned set = (1u << st->a->depth) - 1u;
    for (int l = st->a->depth - 1; l > 0; l--) {
        const int others = st->count[l] - holds(st, agent, l);
        if (others > 0 || st->a->alone[l * st->a->agents + agent]) {
            break;
        }
        set &= ~(1u << l);
    }
    return set;
}

bool allocation_state_best_set(allocation_state_t *st, int agent, double least)
{
    const unsigned high = possible_levels(st, agent);
    const double start = st->value;
    unsigned now = 0;
    double smallest = INFINITY, stored = 0.0;
    for (int l = 0; l < st->a->depth; l++) {
        const double cost = st->a->eta_s * st->a->size[l];
        now |= holds(st, agent, l) ? 1u << l : 0u;
        smallest = fmin(smallest, cost);
        stored += high >> l & 1u ? cost : 0.0;
    }
    allocation_state_keep(st);
    double best = start;
    unsigned best_set = now;
    /* Links are cheapest when all is held: often that alone tells that nothing pays. */
    const bool never = now == 0 && value_at(st, agent, high) - stored + smallest >= start;
    if (!never) {
        search_between(st, agent, 0, high, &best, &best_set);
    }
    allocation_state_undo(st);
    if (!(best < start - least)) {
        return false;
    }
    go_to(st, agent, best_set);
    allocation_state_keep(st);
    return true;
}
