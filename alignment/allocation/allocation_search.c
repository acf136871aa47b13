/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: our method.
 *
 *  1. Collapse.  When all links go to the same depth m, every level wants the same holders: one
 *     facility location U (dual ascent, then interchange) and J(m) = eta_A J_A[m] sum F +
 *     U sum_{l<=m} S_l.  The depths near the best one are starts; the greedy's plan is another.
 *  2. From each start, in turn until nothing helps: with the links' depths as they are, each level
 *     alone is a facility location (interchange); then whole levels dropped or copied from the one
 *     below by all; then, exactly, the best set of levels for each agent.
 *  3. Small networks: random kicks from the best plan, kept when they lead lower.
 *
 * The greedy's plan is a start and no step goes up, so the result is never worse than it.
 * allocation_search_agent.c does the same for the per-agent reading.
 */
#include "allocation/allocation_state.h"
#include "allocation/facility.h"
#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KICK_AGENTS = 64, KICKS = 10, LEVELS = ALLOCATION_MAX_LEVELS };

typedef struct {
    allocation_t *a;
    allocation_state_t *st;
    double *demand, *work; /* [depth][stride], [3][stride] */
    uint8_t *trial, *best, *holders;
    double least, best_value;
} search_t;

/* The links' depths fixed, each level's holders anew.  True when J fell. */
static bool move_holders(search_t *s)
{
    const allocation_t *a = s->a;
    const size_t n = (size_t)a->agents;
    const double before = s->st->value;
    allocation_state_demand(s->st, s->demand);
    memcpy(s->trial, s->st->hold, allocation_hold_size(a));
    for (int l = 0; l < a->depth; l++) {
        if (s->st->count[l] > 0) {
            facility_improve(a, s->demand + (size_t)l * (size_t)a->stride, a->eta_s,
                             s->trial + (size_t)l * n, s->work);
        }
    }
    memcpy(s->holders, s->st->hold, allocation_hold_size(a));
    allocation_state_load(s->st, s->trial);
    if (s->st->value < before - s->least) {
        return true;
    }
    allocation_state_load(s->st, s->holders);
    return false;
}

/* All holders drop the levels from l upwards, or all levels up to l go where the first one is. */
static bool move_levels(search_t *s)
{
    const allocation_t *a = s->a;
    const size_t n = (size_t)a->agents;
    const double before = s->st->value;
    double least = before - s->least;
    int best = -1;
    memcpy(s->holders, s->st->hold, allocation_hold_size(a));
    for (int move = 0; move < 2 * a->depth; move++) {
        const size_t level = (size_t)(move / 2);
        memcpy(s->trial, s->holders, allocation_hold_size(a));
        if (move % 2 == 0 && level > 0) {
            memset(s->trial + level * n, 0, allocation_hold_size(a) - level * n);
        } else if (move % 2 == 1 && level > 0) {
            memcpy(s->trial + level * n, s->trial + (level - 1) * n, n);
        }
        allocation_state_load(s->st, s->trial);
        if (s->st->value < least) {
            least = s->st->value;
            best = move;
        }
    }
    memcpy(s->trial, s->holders, allocation_hold_size(a));
    if (best >= 0 && best % 2 == 0) {
        memset(s->trial + (size_t)(best / 2) * n, 0,
               allocation_hold_size(a) - (size_t)(best / 2) * n);
    } else if (best >= 0) {
        memcpy(s->trial + (size_t)(best / 2) * n, s->trial + (size_t)(best / 2 - 1) * n, n);
    }
    allocation_state_load(s->st, s->trial);
    return best >= 0;
}

static bool move_sets(search_t *s)
{
    bool moved = false;
    for (int i = 0; i < s->a->agents; i++) {
        moved |= allocation_state_best_set(s->st, i, s->least);
    }
    return moved;
}

static void descend(search_t *s)
{
    do {
        while (move_holders(s) || move_levels(s)) {
        }
    } while (move_sets(s));
}

static void remember(search_t *s)
{
    if (s->st->value < s->best_value) {
        s->best_value = s->st->value;
        memcpy(s->best, s->st->hold, allocation_hold_size(s->a));
    }
}

static void descend_from(search_t *s, const uint8_t *hold)
{
    allocation_state_load(s->st, hold);
    descend(s);
    remember(s);
}

static void kick(search_t *s, uint64_t seed)
{
    rng_t rng;
    rng_seed(&rng, seed, 0);
    for (int k = 0; k < KICKS; k++) {
        allocation_state_load(s->st, s->best);
        const int agents = 2 + (int)rng_below(&rng, 3);
        for (int i = 0; i < agents; i++) {
            const int agent = (int)rng_below(&rng, (uint32_t)s->a->agents);
            for (int l = 0; l < s->a->depth; l++) {
                if (rng_bits(&rng) & 1u) {
                    allocation_state_flip(s->st, agent, l);
                }
            }
        }
        allocation_state_keep(s->st);
        descend(s);
        remember(s);
    }
}

static void search_free(search_t *s)
{
    allocation_state_destroy(s->st);
    free(s->demand);
    free(s->work);
    free(s->trial);
    free(s->best);
    free(s->holders);
}

static int search_end(search_t *s, uint8_t *hold, err_t *err)
{
    const bool failed = s->st->failed;
    memcpy(hold, s->best, allocation_hold_size(s->a));
    allocation_make_feasible(s->a, hold);
    search_free(s);
    return failed ? err_set(err, ERR_MEMORY, "no memory for the search's steps") : 0;
}

static int search_begin(search_t *s, allocation_t *a, err_t *err)
{
    const size_t size = allocation_hold_size(a), stride = (size_t)a->stride;
    *s = (search_t){.a = a, .least = 1e-11 * a->scale, .best_value = INFINITY};
    s->st = allocation_state_create(a, err);
    s->demand = calloc((size_t)a->depth * stride, sizeof(double));
    s->work = calloc(3 * stride, sizeof(double));
    s->trial = calloc(size, 1);
    s->best = calloc(size, 1);
    s->holders = calloc(size, 1);
    if (!s->st || !s->demand || !s->work || !s->trial || !s->best || !s->holders) {
        search_free(s);
        return err_set(err, ERR_MEMORY, "no memory for the search over %d agents", a->agents);
    }
    return 0;
}

/* One level's holders when all levels want the same; J(m) for each depth m. */
static void collapse(search_t *s, uint8_t *holders, double *value)
{
    const allocation_t *a = s->a;
    const double unit = facility_solve(a, a->traffic, a->eta_s, holders, s->work);
    double total = 0.0, size = 0.0;
    for (int i = 0; i < a->agents; i++) {
        total += 0.5 * a->traffic[i];
    }
    for (int m = 0; m < a->depth; m++) {
        size += a->size[m];
        value[m] = a->base[m] * total + unit * size;
    }
}

static void fill_depth(const allocation_t *a, const uint8_t *holders, int depth, uint8_t *hold)
{
    memset(hold, 0, allocation_hold_size(a));
    for (int l = 0; l <= depth; l++) {
        memcpy(hold + (size_t)l * (size_t)a->agents, holders, (size_t)a->agents);
    }
}

int allocation_search(allocation_t *a, uint64_t seed, uint8_t *hold, err_t *err)
{
    search_t s;
    if (a->reading == ALLOCATION_PER_AGENT) {
        return allocation_search_agent(a, seed, hold, err);
    }
    if (allocation_greedy(a, hold, err) != 0 || search_begin(&s, a, err) != 0) {
        return -1;
    }
    double value[LEVELS];
    uint8_t holders[ALLOCATION_MAX_AGENTS];
    collapse(&s, holders, value);
    int best = 0;
    for (int m = 1; m < a->depth; m++) {
        best = value[m] < value[best] ? m : best;
    }
    descend_from(&s, hold);
    for (int m = best > 0 ? best - 1 : 0; m < a->depth && m <= best + 1; m++) {
        fill_depth(a, holders, m, hold);
        descend_from(&s, hold);
    }
    if (a->agents <= KICK_AGENTS) {
        kick(&s, seed);
    }
    return search_end(&s, hold, err);
}

int allocation_repair(allocation_t *a, uint8_t *hold, err_t *err)
{
    search_t s;
    allocation_make_feasible(a, hold);
    if (a->reading == ALLOCATION_PER_AGENT) {
        return allocation_repair_agent(a, hold, err);
    }
    if (search_begin(&s, a, err) != 0) {
        return -1;
    }
    descend_from(&s, hold);
    return search_end(&s, hold, err);
}
