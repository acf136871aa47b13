/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation_state: a plan under change, with its value (per link) at hand.
 *
 *     allocation_state_t *st = allocation_state_create(a, &err);
 *     allocation_state_load(st, hold);
 *     allocation_state_flip(st, agent, level);      // st->value follows
 *     allocation_state_undo(st);                    // back to the last load or keep
 *     allocation_state_keep(st);
 *
 * A flip changes the nearest holder of a few agents; for each of them the cost of its links is
 * summed before and after: O(N depth) an agent instead of O(N^2 depth).
 */
#ifndef ALLOCATION_ALLOCATION_STATE_H
#define ALLOCATION_ALLOCATION_STATE_H

#include "allocation/allocation_private.h"

typedef struct {
    const allocation_t *a;
    double value;
    uint8_t *hold;  /* [depth][agents] */
    double *near;   /* [depth][stride]: time per size from the nearest holder, `far` without one */
    uint16_t *by;   /* [depth][agents]: that holder, ALLOCATION_NOBODY */
    double *prefix; /* [depth][stride]: near times size, summed over levels */
    int count[ALLOCATION_MAX_LEVELS]; /* holders */
    /* the rest is the state's own */
    int row_agent; /* whose row was summed last, and nothing has changed since */
    double row_value, kept_value;
    struct allocation_change *journal;
    size_t changes, capacity;
    bool failed; /* the journal found no memory: the state is no longer to be trusted */
} allocation_state_t;

allocation_state_t *allocation_state_create(const allocation_t *a, err_t *err);
void allocation_state_destroy(allocation_state_t *st);

void allocation_state_load(allocation_state_t *st, const uint8_t *hold);
void allocation_state_flip(allocation_state_t *st, int agent, int level);
void allocation_state_undo(allocation_state_t *st);
void allocation_state_keep(allocation_state_t *st);

/* demand[depth][stride]: traffic of each agent's links that use the level. */
void allocation_state_demand(const allocation_state_t *st, double *demand);

/* Tries every set of levels for one agent, the others fixed; takes the best if it is lower by more
   than `least`.  True when it changed something. */
bool allocation_state_best_set(allocation_state_t *st, int agent, double least);

#endif
