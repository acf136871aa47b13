/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the methods share: the problem after reduction.
 *
 * A level that isn't strictly better than all below it is no link's last one.  Its increment is
 * used exactly where the next better level's is, and at equal use the best holders are the same
 * (every cost scales with S), so both are merged: `depth` useful levels remain, with strictly
 * falling losses.  What lies above the last useful level is held by nobody.
 *
 * Held sets of the reduced problem are u8 hold[depth][agents], level first.
 */
#ifndef ALLOCATION_ALLOCATION_PRIVATE_H
#define ALLOCATION_ALLOCATION_PRIVATE_H

#include "allocation/allocation.h"

#include <stdbool.h>
#include <stddef.h>

enum { ALLOCATION_LANES = 8, ALLOCATION_NOBODY = 0xffff };

struct allocation {
    int agents, levels, depth;
    int stride; /* agents rounded up to LANES: rows below are padded with zeros */
    allocation_reading_t reading;
    double eta_s;
    double create_s;                         /* processor time that allocation_create took */
    double loss[ALLOCATION_MAX_LEVELS];      /* eta_A J_A[l] as given */
    double full_size[ALLOCATION_MAX_LEVELS]; /* S[l] as given */
    int merged[ALLOCATION_MAX_LEVELS];       /* the useful level it belongs to; -1: none */
    double base[ALLOCATION_MAX_LEVELS];      /* eta_A J_A of useful levels, strictly falling */
    double size[ALLOCATION_MAX_LEVELS];      /* their sizes */
    double far;      /* stands for an infinite time per size: dearer than all else together */
    double scale;    /* the objective's order of magnitude, for tolerances */
    double *time;    /* [h][stride]: eta_T / R_hi, 0 for h = i, `far` without a way */
    double *fetch;   /* [i][stride]: the same transposed, by fetching agent */
    double *weight;  /* [i][stride]: F_ij + F_ji, 0 on the diagonal */
    double *traffic; /* [stride]: row sums of weight */
    uint16_t *order; /* [i][agents]: the holders h by fetch[i][h], nearest first */
    double *scratch; /* [depth or levels + 2][stride] */
    bool *served;    /* [agents]: has traffic */
    bool *alone;     /* [depth][agents]: this level might pay with this agent as its only holder
                        and nobody holding deeper ones; false: certainly not */
};

/* Names the first thing that is wrong. */
int allocation_check(const allocation_input_t *in, allocation_rows_t rows, err_t *err);

/* Between plans of both shapes. */
void allocation_reduce(const allocation_t *a, const uint8_t *held, uint8_t *hold);
void allocation_expand(const allocation_t *a, const uint8_t *hold, uint8_t *held);
/* Somebody holds level 1, and everyone with traffic can fetch it: adds holders where not. */
void allocation_make_feasible(const allocation_t *a, uint8_t *hold);
size_t allocation_hold_size(const allocation_t *a);

/* Sum over j of weight_ij min_m (own[m] + prefix[m][j]), m < levels; own[m] contains the loss. */
double allocation_row(const allocation_t *a, int levels, int agent, const double *own,
                      const double *prefix);

/* J of a reduced plan, straight from the definition of the problem's reading. */
double allocation_value(allocation_t *a, const uint8_t *hold);
/* PER_AGENT: the depths that go with a plan; returns its J. */
double allocation_plan_depths(allocation_t *a, const uint8_t *hold, int *depth_of);
/* PER_AGENT: the best depths for prefix[levels][stride] (eta_T times summed times) and their
   cost of links; depth_of[agents] may be NULL. */
double allocation_depths(const allocation_t *a, int levels, const double *loss,
                         const double *prefix, int *depth_of);

/* The methods, each in its own file.  hold[depth][agents] in and out; -1: out of memory. */
int allocation_greedy(allocation_t *a, uint8_t *hold, err_t *err);
int allocation_genetic(allocation_t *a, uint64_t seed, uint8_t *hold, err_t *err);
int allocation_search(allocation_t *a, uint64_t seed, uint8_t *hold, err_t *err);
int allocation_search_agent(allocation_t *a, uint64_t seed, uint8_t *hold, err_t *err);
int allocation_repair(allocation_t *a, uint8_t *hold, err_t *err);
int allocation_repair_agent(allocation_t *a, uint8_t *hold, err_t *err);
int allocation_exact(allocation_t *a, double time_limit_s, uint8_t *hold, double *bound,
                     err_t *err);
int allocation_exact_agent(allocation_t *a, double time_limit_s, uint8_t *hold, double *bound,
                           err_t *err);

/*
 * A lower bound of J (of both readings): dual ascent, then `steps` of subgradient ascent towards
 * `target`, a known objective.  price[depth][stride] (may be NULL) receives the dual prices.
 */
int allocation_bound(const allocation_t *a, double target, int steps, double *bound, double *price,
                     err_t *err);

#endif
