/* SPDX-License-Identifier: GPL-3.0-or-later */
/* allocation: a method run, its plan judged, its bound found, its time told. */
#include "allocation/allocation_private.h"
#include "clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const allocation_effort_t usual = ALLOCATION_EFFORT_DEFAULT;

static int run(allocation_t *a, allocation_method_t method, const allocation_effort_t *effort,
               uint8_t *hold, double *bound, err_t *err)
{
    switch (method) {
    case ALLOCATION_OURS:
        return allocation_search(a, effort->seed, hold, err);
    case ALLOCATION_GREEDY:
        return allocation_greedy(a, hold, err);
    case ALLOCATION_GENETIC:
        return allocation_genetic(a, effort->seed, hold, err);
    case ALLOCATION_EXACT:
        return a->reading == ALLOCATION_PER_AGENT
                   ? allocation_exact_agent(a, effort->time_limit_s, hold, bound, err)
                   : allocation_exact(a, effort->time_limit_s, hold, bound, err);
    case ALLOCATION_FULL:
        break;
    }
    memset(hold, 1, allocation_hold_size(a));
    return 0;
}

/* The plan in the given levels, and everything that is told about it. */
static int judge(allocation_t *a, bool certify, const allocation_effort_t *effort,
                 const uint8_t *hold, double known_bound, double start_s, allocation_plan_t *plan,
                 err_t *err)
{
    if (hold != NULL) {
        allocation_expand(a, hold, plan->held);
    } else {
        memset(plan->held, 1, (size_t)a->agents * (size_t)a->levels);
    }
    plan->objective = allocation_evaluate(a, plan->held);
    plan->seconds = clock_thread_cpu_s() - start_s;
    plan->bound = known_bound;
    if (effort->bound_steps > 0 && known_bound == -INFINITY &&
        allocation_bound(a, plan->objective, effort->bound_steps, &plan->bound, NULL, err) != 0) {
        return -1;
    }
    if (certify) { /* the bound is part of the method */
        plan->seconds = clock_thread_cpu_s() - start_s;
    }
    plan->bound =
        fmin(fmax(plan->bound, effort->bound_steps > 0 ? 0.0 : -INFINITY), plan->objective);
    plan->gap = plan->objective > 0.0 ? (plan->objective - plan->bound) / plan->objective : 0.0;
    return 0;
}

int allocation_solve(allocation_t *a, allocation_method_t method, const allocation_effort_t *effort,
                     allocation_plan_t *plan, err_t *err)
{
    effort = effort != NULL ? effort : &usual;
    const double start_s = clock_thread_cpu_s() - a->create_s;
    double bound = -INFINITY;
    uint8_t *hold = malloc(allocation_hold_size(a));
    if (hold == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a plan of %d agents", a->agents);
    }
    int code = run(a, method, effort, hold, &bound, err);
    if (code == 0) {
        code = judge(a, method == ALLOCATION_OURS, effort, method == ALLOCATION_FULL ? NULL : hold,
                     bound, start_s, plan, err);
    }
    free(hold);
    return code;
}

int allocation_mend(allocation_t *a, const allocation_effort_t *effort, allocation_plan_t *plan,
                    err_t *err)
{
    effort = effort != NULL ? effort : &usual;
    const double start_s = clock_thread_cpu_s() - a->create_s;
    uint8_t *hold = malloc(allocation_hold_size(a));
    if (hold == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a plan of %d agents", a->agents);
    }
    allocation_reduce(a, plan->held, hold);
    int code = allocation_repair(a, hold, err);
    if (code == 0) {
        code = judge(a, true, effort, hold, -INFINITY, start_s, plan, err);
    }
    free(hold);
    return code;
}
