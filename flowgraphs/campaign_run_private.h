/* SPDX-License-Identifier: GPL-3.0-or-later */
/* campaign_run_private: what campaign_run.c and campaign_slurm*.c share. */
#ifndef FLOWGRAPHS_CAMPAIGN_RUN_PRIVATE_H
#define FLOWGRAPHS_CAMPAIGN_RUN_PRIVATE_H

#include "campaign_run.h"
#include "pool.h"
#include "progress.h"
#include "archive.h"

typedef struct {
    campaign_t *campaign;
    dataset_t *dataset, *calibration;
    archive_t *archive;
    size_t *todo; /* [todo_count] the points to do */
    size_t todo_count;
    char **problems; /* [points] NULL or why it failed */
    size_t failed;
    progress_t progress;
    uint64_t csv_ns; /* when results.csv was last written */
    err_t err;       /* of the first file that could not be written */
} run_t;

/* One point, here and now; its result goes into the archive.  `progress` may be NULL. */
int run_point(run_t *run, size_t point, pool_progress_t *progress, err_t *err);

/* A point has ended: tells it, counts it.  `problem` NULL: its result is in the archive. */
void run_ended(run_t *run, size_t point, const char *problem, bool again);

/* All of todo as job arrays.  0: all have ended; 1: stopped; -1: it could not run. */
int slurm_run(run_t *run, int argc, char *const argv[], const volatile sig_atomic_t *stop,
              err_t *err);
int slurm_task(run_t *run, err_t *err);

#endif
