/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * upgrade: what the other end may hold already of an adapter that is to be sent, so that only the
 * rest travels (adapter/adapter_level.h, docs/CONTROL.md):
 *
 *     upgrade_plan(&plan, high, store);                   // what to ask for
 *     args = upgrade_question(&plan);                     // of the command "holds"
 *     int which = upgrade_answer(&plan, result);          // UPGRADE_WHOLE, _HELD, or an index
 *     upgrade_difference(&plan, which, high, store, &bytes, &size, &err);
 *     put bytes, then "upgrade" {"hash":…,"low":…,"difference":…}
 *
 * Candidates are the lower levels that `high` itself can be cut to, whether they lie here or not,
 * and its parent (adapter.parent) when the store has it and `high` contains it.
 */
#ifndef CONTROL_UPGRADE_H
#define CONTROL_UPGRADE_H

#include "adapter/adapter_level.h"
#include "store/store.h"

#include <jansson.h>

enum { UPGRADE_LOWS = ADAPTER_LEVELS_MAX + 1, UPGRADE_WHOLE = -1, UPGRADE_HELD = -2 };

typedef struct {
    digest_t high, low[UPGRADE_LOWS]; /* the highest first; the parent last */
    int level[UPGRADE_LOWS];          /* of `high`, to cut it out anew; 0: the parent */
    int count;                        /* 0: there is nothing to ask for */
} upgrade_plan_t;

/* store: NULL for none.  Never fails: what can't be cut out is no candidate. */
void upgrade_plan(upgrade_plan_t *plan, const adapter_t *high, store_t *store);

/* {"hashes":[high, low, …]} */
json_t *upgrade_question(const upgrade_plan_t *plan);
/* The best that is held there: `high` itself, low[…], or nothing (an answer that makes no sense
 * too). */
int upgrade_answer(const upgrade_plan_t *plan, const json_t *result);

/* high minus low[which]: *bytes[*size], free() it.  The same whenever it is made, so a transfer of
   it resumes by its hash.  ERR_STATE when it is no smaller than the whole. */
int upgrade_difference(const upgrade_plan_t *plan, int which, const adapter_t *high, store_t *store,
                       uint8_t **bytes, size_t *size, err_t *err);

/* Arguments of the command "upgrade"; name "": none. */
json_t *upgrade_order(const upgrade_plan_t *plan, int which, const digest_t *difference,
                      const char *name);

#endif
