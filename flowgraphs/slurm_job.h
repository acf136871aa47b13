/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * slurm_job: a job array, by sbatch: submitted, waited for, cancelled.
 *
 *     slurm_job_t *job = slurm_job_submit(&config, &err);
 *     while (slurm_job_runs(job)) …
 *     slurm_job_close(job);
 */
#ifndef FLOWGRAPHS_SLURM_JOB_H
#define FLOWGRAPHS_SLURM_JOB_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct slurm_job slurm_job_t;

typedef struct {
    const char *folder;  /* for job.sh, job, log; it is there */
    size_t tasks;        /* at least 1 */
    int at_once;         /* tasks that run at the same time, 0: as Slurm likes */
    const char *options; /* more words for sbatch, blanks between */
    int argc;            /* each task runs this program as `argv[0] task argv[1] …` ... */
    char *const *argv;   /* ... in this process's folder */
} slurm_job_config_t;

/* Cancels the array that an earlier submission left in `folder`.  ERR_UNSUPPORTED: there is no
   sbatch; ERR_STATE: sbatch refused, in its words. */
slurm_job_t *slurm_job_submit(const slurm_job_config_t *config, err_t *err);

const char *slurm_job_id(const slurm_job_t *job);

/* False once all tasks have ended, well or not. */
bool slurm_job_runs(slurm_job_t *job);

/* Ends all tasks. */
void slurm_job_cancel(slurm_job_t *job);
void slurm_job_close(slurm_job_t *job); /* NULL is fine; a job that runs goes on */

#endif
