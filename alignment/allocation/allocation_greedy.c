/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * allocation: the paper's Algorithm 1.  All store all; agent after agent takes the best of its 2^L
 * sets while the others stay fixed, until a whole round changes nothing.  Ties leave the set as it
 * is.  An agent that drops a level alone makes links in both directions dearer, all together pay
 * that once: the algorithm stops short of such drops.
 */
#include "allocation/allocation_state.h"

#include <stdlib.h>
#include <string.h>

static bool best_set_by_value(allocation_t *a, uint8_t *hold, int agent, double least,
                              double *value)
{
    unsigned now = 0, best = 0;
    double best_value = *value;
    for (int l = 0; l < a->depth; l++) {
        now |= (unsigned)hold[l * a->agents + agent] << l;
    }
    best = now;
    for (unsigned set = 0; set < 1u << a->depth; set++) {
        for (int l = 0; l < a->depth; l++) {
            hold[l * a->agents + agent] = set >> l & 1u;
        }
        const double v = set == now ? *value : allocation_value(a, hold);
        if (v < best_value - least) {
            best_value = v;
            best = set;
        }
    }
    for (int l = 0; l < a->depth; l++) {
        hold[l * a->agents + agent] = best >> l & 1u;
    }
    *value = best_value;
    return best != now;
}

static void greedy_by_value(allocation_t *a, uint8_t *hold, double least)
{
    double value = allocation_value(a, hold);
    for (int unchanged = 0, i = 0; unchanged < a->agents; i = (i + 1) % a->agents) {
        unchanged = best_set_by_value(a, hold, i, least, &value) ? 0 : unchanged + 1;
    }
}

int allocation_greedy(allocation_t *a, uint8_t *hold, err_t *err)
{
    const double least = 1e-12 * a->scale;
    memset(hold, 1, allocation_hold_size(a));
    if (a->reading == ALLOCATION_PER_AGENT) {
        greedy_by_value(a, hold, least);
        allocation_make_feasible(a, hold);
        return 0;
    }
    allocation_state_t *st = allocation_state_create(a, err);
    if (st == NULL) {
        return -1;
    }
    allocation_state_load(st, hold);
    for (int unchanged = 0, i = 0; unchanged < a->agents; i = (i + 1) % a->agents) {
        unchanged = allocation_state_best_set(st, i, least) ? 0 : unchanged + 1;
    }
    memcpy(hold, st->hold, allocation_hold_size(a));
    const bool failed = st->failed;
    allocation_state_destroy(st);
    allocation_make_feasible(a, hold);
    return failed ? err_set(err, ERR_MEMORY, "no memory for the greedy's steps") : 0;
}
