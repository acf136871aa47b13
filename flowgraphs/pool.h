/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pool: many tasks, a few at a time, each in a process of its own.
 *
 * A task that crashes takes nothing with it: it is tried once more, and its
 * death is told in words.  A task that ends with an error is not tried again.
 * When this process dies, however it dies, the kernel ends its tasks.
 */
#ifndef FLOWGRAPHS_POOL_H
#define FLOWGRAPHS_POOL_H

#include "err.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint64_t pool_progress_t;

typedef struct {
    size_t tasks;
    int jobs; /* tasks at once, at least 1 */
    void *context;
    /* In the task's process: does the work and counts it in *progress.  0, or -1 and an error. */
    int (*work)(void *context, size_t task, pool_progress_t *progress, err_t *err);
    /* Here, when a task has ended; `problem` is NULL when it went well.  With `again` it will be
       tried once more. */
    void (*on_end)(void *context, size_t task, const char *problem, bool again);
    /* Here, some ten times a second; `under_way`: the progress of the running tasks. */
    void (*on_tick)(void *context, uint64_t under_way);
    /* Set by a signal handler: running tasks are ended, none is started.  May be NULL. */
    const volatile sig_atomic_t *stop;
} pool_config_t;

/* Runs all tasks, in order.  0: all have ended; 1: stopped; -1: the system refused. */
int pool_run(const pool_config_t *config, err_t *err);

#endif
