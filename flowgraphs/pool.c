/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each job has a slot in memory shared with its process: progress and, at the
 * end, the error.  The parent looks at its children every few milliseconds;
 * points take seconds, so nothing is lost by not being woken.
 */
#include "pool.h"

#include "clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOKS_PER_TICK = 10 };

static const double look_s = 0.01;

typedef struct {
    pool_progress_t progress;
    err_t err;
} shared_t;

typedef struct {
    pid_t process; /* 0: free */
    size_t task;
    bool second; /* this is the second try */
    shared_t *shared;
} slot_t;

typedef struct {
    const pool_config_t *config;
    slot_t *slots;
    size_t next; /* first task that was not started */
    size_t running;
} pool_t;

static void task_main(const pool_config_t *config, const slot_t *slot, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(1); /* it died before the line above */
    }
    /* An interrupt from the keyboard is the parent's to handle. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    err_t err = ERR_INIT;
    int status = config->work(config->context, slot->task, &slot->shared->progress, &err);
    slot->shared->err = err;
    fflush(NULL);
    _exit(status == 0 ? 0 : 1);
}

static int slot_start(pool_t *pool, slot_t *slot, size_t task, bool second, err_t *err)
{
    memset(slot->shared, 0, sizeof *slot->shared);
    slot->task = task;
    slot->second = second;
    fflush(NULL); /* or the child would write our buffered text again */
    pid_t parent = getpid(), process = fork();
    if (process < 0) {
        return err_set_errno(err, errno, "cannot start a process for point %zu", task + 1);
    }
    if (process == 0) {
        task_main(pool->config, slot, parent);
    }
    slot->process = process;
    pool->running++;
    return 0;
}

static bool stopped(const pool_t *pool)
{
    return pool->config->stop != NULL && *pool->config->stop;
}

/* Tells how a task ended; starts it again after a first crash. */
static int slot_end(pool_t *pool, slot_t *slot, int status, err_t *err)
{
    slot->process = 0;
    pool->running--;
    if (stopped(pool)) {
        return 0;
    }
    char problem[sizeof slot->shared->err.text + 64];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        pool->config->on_end(pool->config->context, slot->task, NULL, false);
        return 0;
    }
    bool crashed = WIFSIGNALED(status) || slot->shared->err.code == ERR_NONE;
    if (WIFSIGNALED(status)) {
        snprintf(problem, sizeof problem, "its process died of signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    } else if (crashed) {
        snprintf(problem, sizeof problem, "its process ended with code %d", WEXITSTATUS(status));
    } else {
        snprintf(problem, sizeof problem, "%s", slot->shared->err.text);
    }
    bool again = crashed && !slot->second;
    pool->config->on_end(pool->config->context, slot->task, problem, again);
    return again ? slot_start(pool, slot, slot->task, true, err) : 0;
}

/* Looks at every job once: takes the ended ones and starts the next tasks. */
static int look(pool_t *pool, uint64_t *under_way, err_t *err)
{
    *under_way = 0;
    for (int i = 0; i < pool->config->jobs; i++) {
        slot_t *slot = &pool->slots[i];
        int status;
        if (slot->process != 0 && waitpid(slot->process, &status, WNOHANG) == slot->process &&
            slot_end(pool, slot, status, err) != 0) {
            return -1;
        }
        if (slot->process == 0 && pool->next < pool->config->tasks && !stopped(pool) &&
            slot_start(pool, slot, pool->next++, false, err) != 0) {
            return -1;
        }
        if (slot->process != 0) {
            *under_way += atomic_load(&slot->shared->progress);
        }
    }
    return 0;
}

static void end_all(pool_t *pool)
{
    for (int i = 0; i < pool->config->jobs; i++) {
        if (pool->slots[i].process != 0) {
            kill(pool->slots[i].process, SIGKILL);
            waitpid(pool->slots[i].process, NULL, 0);
            pool->slots[i].process = 0;
        }
    }
}

static int run(pool_t *pool, err_t *err)
{
    uint64_t under_way;
    for (unsigned looks = 0;; looks++) {
        if (look(pool, &under_way, err) != 0) {
            return -1;
        }
        if (stopped(pool)) {
            return 1;
        }
        if (pool->running == 0 && pool->next == pool->config->tasks) {
            return 0;
        }
        if (looks % LOOKS_PER_TICK == 0) {
            pool->config->on_tick(pool->config->context, under_way);
        }
        clock_sleep_s(look_s);
    }
}

int pool_run(const pool_config_t *config, err_t *err)
{
    size_t jobs = (size_t)config->jobs;
    shared_t *shared = mmap(NULL, jobs * sizeof *shared, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        return err_set_errno(err, errno, "no shared memory for %zu jobs", jobs);
    }
    pool_t pool = {.config = config, .slots = calloc(jobs, sizeof *pool.slots)};
    int status = -1;
    if (pool.slots == NULL) {
        err_set(err, ERR_MEMORY, "no memory for %zu jobs", jobs);
    } else {
        for (size_t i = 0; i < jobs; i++) {
            pool.slots[i].shared = &shared[i];
        }
        status = run(&pool, err);
        end_all(&pool);
    }
    free(pool.slots);
    munmap(shared, jobs * sizeof *shared);
    return status;
}
