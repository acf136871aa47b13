/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * campaign_run: runs the points of a campaign that its folder does not hold
 * yet, on all processors or on Slurm's, and keeps results.csv up to date.
 */
#ifndef FLOWGRAPHS_CAMPAIGN_RUN_H
#define FLOWGRAPHS_CAMPAIGN_RUN_H

#include "campaign.h"

#include <signal.h>

typedef struct {
    size_t points, failed, missing; /* missing: stopped before they were done */
    double wall_s;
} campaign_outcome_t;

/*
 * `stop` is set by a signal handler (may be NULL).  0: every point was tried
 * or the run was stopped, and `outcome` tells; -1: it could not run at all.
 * The command line goes into campaign.json.
 */
int campaign_run(campaign_t *campaign, int argc, char *const argv[],
                 const volatile sig_atomic_t *stop, campaign_outcome_t *outcome, err_t *err);

/*
 * Inside a task of launcher=slurm: runs the points that fall to this task, in the folder of the
 * campaign that submitted it.  Points that fail leave their reason there; -1: one did.
 */
int campaign_run_task(campaign_t *campaign, err_t *err);

#endif
