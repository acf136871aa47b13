/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: our method in the per-agent reading.
 *
 * Starts: the common-depth plans, the plan of the per-link reading, and up to GREEDY_AGENTS agents
 * the greedy's.  Each goes down in turns: with the agents' depths D fixed each level is a facility
 * location with the demand of those at least that deep; with the holders fixed the depths are found
 * exactly (allocation_depths.c); levels dropped or copied by all; and up to GREEDY_AGENTS agents
 * single holdings flipped.  Nothing goes up, so there the result is never worse than the greedy's.
 */
#include "allocation/allocation_private.h"
#include "allocation/facility.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GREEDY_AGENTS = 64 };

typedef struct {
    allocation_t *a;
    size_t size;
    double *demand, *work; /* [stride], [3][stride] */
    uint8_t *trial, *best; /* [depth][agents] */
    double least, best_value;
} agents_t;

/* Takes the trial if it is lower than the plan at hand. */
static bool take(agents_t *s, uint8_t *hold, double *value)
{
    allocation_make_feasible(s->a, s->trial);
    const double v = allocation_value(s->a, s->trial);
    if (!(v < *value - s->least)) {
        return false;
    }
    *value = v;
    memcpy(hold, s->trial, s->size);
    return true;
}

static bool move_holders(agents_t *s, uint8_t *hold, double *value)
{
    const allocation_t *a = s->a;
    const size_t n = (size_t)a->agents;
    int depth_of[ALLOCATION_MAX_AGENTS];
    allocation_plan_depths(s->a, hold, depth_of);
    memcpy(s->trial, hold, s->size);
    for (int l = 0; l < a->depth; l++) {
        bool used = false;
        for (size_t i = 0; i < n; i++) {
            s->demand[i] = depth_of[i] >= l ? a->traffic[i] : 0.0;
            used |= s->demand[i] > 0.0;
        }
        uint8_t *level = s->trial + (size_t)l * n;
        if (!used && l > 0) {
            memset(level, 0, n);
        } else if (memchr(level, 1, n) != NULL) {
            facility_improve(a, s->demand, a->eta_s, level, s->work);
        }
    }
    return take(s, hold, value);
}

static bool move_levels(agents_t *s, uint8_t *hold, double *value)
{
    const size_t n = (size_t)s->a->agents;
    bool moved = false;
    for (int l = 1; l < s->a->depth; l++) {
        uint8_t *level = s->trial + (size_t)l * n;
        memcpy(s->trial, hold, s->size);
        memset(level, 0, s->size - (size_t)l * n);
        moved |= take(s, hold, value);
        memcpy(s->trial, hold, s->size);
        memcpy(level, level - n, n);
        moved |= take(s, hold, value);
    }
    return moved;
}

static bool move_single(agents_t *s, uint8_t *hold, double *value)
{
    bool moved = false;
    for (size_t c = 0; s->a->agents <= GREEDY_AGENTS && c < s->size; c++) {
        memcpy(s->trial, hold, s->size);
        s->trial[c] = !s->trial[c];
        moved |= take(s, hold, value);
    }
    return moved;
}

static void descend_from(agents_t *s, uint8_t *hold)
{
    double value = allocation_value(s->a, hold);
    while (move_holders(s, hold, &value) || move_levels(s, hold, &value) ||
           move_single(s, hold, &value)) {
    }
    if (value < s->best_value) {
        s->best_value = value;
        memcpy(s->best, hold, s->size);
    }
}

static void agents_free(agents_t *s)
{
    free(s->demand);
    free(s->work);
    free(s->trial);
    free(s->best);
}

static int agents_begin(agents_t *s, allocation_t *a, err_t *err)
{
    *s = (agents_t){
        .a = a, .size = allocation_hold_size(a), .least = 1e-11 * a->scale, .best_value = INFINITY};
    s->demand = calloc((size_t)a->stride, sizeof(double));
    s->work = calloc(3 * (size_t)a->stride, sizeof(double));
    s->trial = calloc(s->size, 1);
    s->best = calloc(s->size, 1);
    if (!s->demand || !s->work || !s->trial || !s->best) {
        agents_free(s);
        return err_set(err, ERR_MEMORY, "no memory for the search over %d agents", a->agents);
    }
    return 0;
}

static void start_from_depths(agents_t *s, uint8_t *hold)
{
    const allocation_t *a = s->a;
    uint8_t holders[ALLOCATION_MAX_AGENTS];
    facility_solve(a, a->traffic, a->eta_s, holders, s->work);
    for (int m = 0; m < a->depth; m++) {
        memset(hold, 0, s->size);
        for (int l = 0; l <= m; l++) {
            memcpy(hold + (size_t)l * (size_t)a->agents, holders, (size_t)a->agents);
        }
        allocation_make_feasible(a, hold);
        descend_from(s, hold);
    }
}

int allocation_search_agent(allocation_t *a, uint64_t seed, uint8_t *hold, err_t *err)
{
    agents_t s;
    if (agents_begin(&s, a, err) != 0) {
        return -1;
    }
    int code = 0;
    if (a->agents <= GREEDY_AGENTS) {
        code = allocation_greedy(a, hold, err);
        if (code == 0) {
            descend_from(&s, hold);
        }
    }
    if (code == 0) {
        a->reading = ALLOCATION_PER_LINK;
        code = allocation_search(a, seed, hold, err);
        a->reading = ALLOCATION_PER_AGENT;
    }
    if (code == 0) {
        descend_from(&s, hold);
        start_from_depths(&s, hold);
        memcpy(hold, s.best, s.size);
    }
    agents_free(&s);
    return code;
}

int allocation_repair_agent(allocation_t *a, uint8_t *hold, err_t *err)
{
    agents_t s;
    if (agents_begin(&s, a, err) != 0) {
        return -1;
    }
    descend_from(&s, hold);
    memcpy(hold, s.best, s.size);
    agents_free(&s);
    return 0;
}
