/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: who stores which level of distilled knowledge (DeKAP, problem (12)).
 *
 * N agents exchange features over semantic links; link i -> j is used with frequency F_ij.  One
 * task's knowledge comes in L levels, each an increment of size S[l] on the one below; a link that
 * uses the levels 1 ... l loses J_A[l].  An agent that doesn't store an increment fetches it for
 * each use from the fastest agent that does: S[l]/R_hi.  Storing costs S[l].  With
 * T_i[l] = min over holders h of S[l]/R_hi (0 for a holder, infinite without one):
 *
 *   J(s) = sum_{i!=j} F_ij min_l { eta_A J_A[l] + eta_T sum_{l'<=l} (T_i[l'] + T_j[l']) }
 *          + eta_S sum_{i,l} S[l] s_i[l]
 *
 * That is the reading ALLOCATION_PER_LINK.  In ALLOCATION_PER_AGENT constraint (12) is taken as
 * printed: tau_i[l] belongs to the agent, so every link of agent i fetches down to the agent's one
 * depth D_i, and a link uses min(D_i, D_j):
 *
 *   J(s) = min_D sum_{i!=j} F_ij { eta_A J_A[min(D_i,D_j)] + eta_T sum_{l<=D_i} T_i[l]
 *                                  + eta_T sum_{l<=D_j} T_j[l] } + eta_S sum S[l] s_i[l]
 *
 * Level 1 must be held by somebody.  docs/ALLOCATION.md tells the methods.
 *
 *     allocation_t *a = allocation_create(&input, ALLOCATION_PER_LINK, ALLOCATION_ROWS_ONE, &err);
 *     allocation_plan_t plan = {.held = s};                     // u8 s[N][L]
 *     allocation_solve(a, ALLOCATION_OURS, NULL, &plan, &err);
 *
 * Results depend on the input and the seed only, not on the machine's speed (but for EXACT, which
 * has a time limit).  One thread at a time per problem.
 */
#ifndef ALLOCATION_ALLOCATION_H
#define ALLOCATION_ALLOCATION_H

#include "err.h"

#include <stdint.h>

enum { ALLOCATION_MAX_AGENTS = 2048, ALLOCATION_MAX_LEVELS = 10 };

typedef enum { ALLOCATION_PER_LINK, ALLOCATION_PER_AGENT } allocation_reading_t;

typedef enum {
    ALLOCATION_ROWS_ONE,   /* each row of F sums to one within 1e-3 (the paper's condition) */
    ALLOCATION_ROWS_SCALE, /* rows are scaled to sum to one; a row of zeros stays so */
    ALLOCATION_ROWS_ANY,   /* F as given */
} allocation_rows_t;

typedef enum {
    ALLOCATION_OURS, /* collapse, local search, never worse than the greedy; bound without solver */
    ALLOCATION_GREEDY,  /* the paper's Algorithm 1 */
    ALLOCATION_GENETIC, /* the usual heuristic for integer programmes */
    ALLOCATION_FULL,    /* every agent stores every level */
    ALLOCATION_EXACT,   /* branch and cut with GLPK */
} allocation_method_t;

/* Plain arrays, copied at create; the diagonals of F and R are ignored. */
typedef struct {
    int agents, levels;         /* N: 1 ... 2048, L: 1 ... 10 */
    double eta_a, eta_t, eta_s; /* weights, >= 0 */
    const double *loss;         /* J_A[L], >= 0; a level that isn't better than a lower one is
                                   never a link's last */
    const double *size;         /* S[L], > 0 */
    const double *frequency;    /* F[N][N], >= 0, i sends to j */
    const double *rate;         /* R[N][N], from h to i; 0 or NaN: no way from h to i */
} allocation_input_t;

typedef struct {
    double time_limit_s; /* EXACT: > 0 */
    uint64_t seed;       /* OURS, GENETIC */
    int bound_steps;     /* steps of the bound's ascent; 0: none, the bound is then -inf */
} allocation_effort_t;

#define ALLOCATION_EFFORT_DEFAULT                                                                  \
    {                                                                                              \
        60.0, 1, 150                                                                               \
    }

typedef struct {
    uint8_t *held;    /* the caller's [N][L], 0 or 1 */
    double objective; /* J(held) */
    double bound;     /* no plan is below it */
    double gap;       /* (objective - bound) / objective; 0 for 0/0 */
    double seconds;   /* processor time */
} allocation_plan_t;

typedef struct allocation allocation_t;

/* ERR_ARGUMENT names the array, the place and what is wrong; ERR_MEMORY. */
allocation_t *allocation_create(const allocation_input_t *input, allocation_reading_t reading,
                                allocation_rows_t rows, err_t *err);
void allocation_destroy(allocation_t *a); /* NULL is fine */

int allocation_agents(const allocation_t *a);
int allocation_levels(const allocation_t *a);

/* J of u8 held[N][L]; INFINITY when a used link can't get level 1, or nobody holds it. */
double allocation_evaluate(allocation_t *a, const uint8_t *held);

/* Fills *plan, whose `held` the caller gives.  `effort` NULL: the default.  EXACT stopped by its
   time limit returns the best plan found and the bound proven so far.  -1: ERR_MEMORY, or
   ERR_UNSUPPORTED when GLPK fails. */
int allocation_solve(allocation_t *a, allocation_method_t method, const allocation_effort_t *effort,
                     allocation_plan_t *plan, err_t *err);

/*
 * Mends a plan after a change: plan->held holds the old plan's rows for the agents that stayed and
 * zeros for those that joined.  Local search from there; nothing starts over, so most of what is
 * stored stays.  Never returns a plan worse than the old rows made feasible.
 */
int allocation_mend(allocation_t *a, const allocation_effort_t *effort, allocation_plan_t *plan,
                    err_t *err);

#endif
