/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * launcher=slurm: the points that are left become one job array; each task runs this program
 * again, as `semradio-campaign task WORDS`, on its share of the points, and puts their results
 * into the campaign's folder, which must be the same everywhere (a network file system).
 *
 *     DIR/slurm/todo      the points, one number a line; task t takes lines t, t + tasks, …
 *     DIR/slurm/job.sh    what each task runs
 *     DIR/slurm/job       the array's number; a campaign that was killed leaves it running, and
 *                         the next one cancels it
 *     DIR/slurm/log       what the tasks said
 *     DIR/points/ID.why   why a point failed
 *
 * A point without result and without reason was cut off with its task: it is submitted once more.
 */
#include "campaign_run_private.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "slurm_job.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TASKS_MOST = 1000 }; /* Slurm's MaxArraySize is 1001 unless it was raised */

static const double look_s = 0.5;

static void why_path(run_t *run, size_t point, char *path, size_t size)
{
    char id[CAMPAIGN_ID_SIZE];
    campaign_select(run->campaign, point);
    campaign_id(run->campaign, id);
    snprintf(path, size, "%s/points/%s.why", campaign_out(run->campaign), id);
}

/* What a task said about a point that failed; NULL: nothing. */
static char *read_why(run_t *run, size_t point)
{
    char path[4096];
    uint8_t *text = NULL;
    size_t size;
    why_path(run, point, path, sizeof path);
    if (access(path, F_OK) != 0 || file_read_all(path, 1 << 16, &text, &size, NULL) != 0) {
        return NULL;
    }
    unlink(path);
    return (char *)text;
}

static int write_why(run_t *run, size_t point, const char *why, err_t *err)
{
    char path[4096];
    why_path(run, point, path, sizeof path);
    file_writer_t *writer = file_writer_open(path, err);
    if (writer == NULL) {
        return -1;
    }
    fputs(why, file_writer_stream(writer));
    return file_writer_commit(writer, err);
}

/* ---- in a task ---- */

int slurm_task(run_t *run, err_t *err)
{
    const char *id = getenv("SLURM_ARRAY_TASK_ID"), *count = getenv("SLURM_ARRAY_TASK_COUNT");
    if (id == NULL || count == NULL) {
        return err_set(err, ERR_STATE,
                       "this is no task of a job array: SLURM_ARRAY_TASK_ID is "
                       "not set");
    }
    size_t task = strtoul(id, NULL, 10), tasks = strtoul(count, NULL, 10), point, failed = 0;
    FILE *todo = fopen(archive_path(run->archive, "slurm/todo"), "r");
    if (todo == NULL) {
        return err_set(err, ERR_IO, "cannot open %s", archive_path(run->archive, "slurm/todo"));
    }
    for (size_t line = 0; fscanf(todo, "%zu", &point) == 1; line++) {
        err_t why = ERR_INIT;
        if (tasks == 0 || line % tasks != task || point >= campaign_points(run->campaign)) {
            continue;
        }
        if (run_point(run, point, NULL, &why) != 0) {
            failed++;
            log_error("%s", why.text);
            (void)write_why(run, point, why.text, err);
        }
    }
    fclose(todo);
    return failed == 0 ? 0 : err_set(err, ERR_STATE, "%zu points failed", failed);
}

/* ---- at the campaign ---- */

static int write_todo(run_t *run, const bool *ended, size_t *count, err_t *err)
{
    file_writer_t *writer = file_writer_open(archive_path(run->archive, "slurm/todo"), err);
    *count = 0;
    if (writer == NULL) {
        return -1;
    }
    for (size_t i = 0; i < run->todo_count; i++) {
        if (!ended[i]) {
            fprintf(file_writer_stream(writer), "%zu\n", run->todo[i]);
            ++*count;
        }
    }
    return file_writer_commit(writer, err);
}

/* Looks which points have got a result or a reason since the last look. */
static void gather(run_t *run, bool *ended)
{
    for (size_t i = 0; i < run->todo_count; i++) {
        result_t result;
        if (ended[i]) {
            continue;
        }
        char *why = NULL;
        if (archive_load(run->archive, run->todo[i], &result, NULL) > 0 ||
            (why = read_why(run, run->todo[i])) != NULL) {
            ended[i] = true;
            run_ended(run, run->todo[i], why, false);
        }
        free(why);
    }
}

static int wait_for_tasks(run_t *run, slurm_job_t *job, bool *ended,
                          const volatile sig_atomic_t *stop)
{
    while (slurm_job_runs(job)) {
        if (stop != NULL && *stop) {
            slurm_job_cancel(job);
            return 1;
        }
        gather(run, ended);
        progress_draw(&run->progress, 0);
        clock_sleep_s(look_s);
    }
    gather(run, ended);
    return 0;
}

/* One array for all that has not ended. */
static int submit(run_t *run, int argc, char *const argv[], bool *ended,
                  const volatile sig_atomic_t *stop, err_t *err)
{
    size_t left;
    if (write_todo(run, ended, &left, err) != 0) {
        return -1;
    }
    if (left == 0) {
        return 0;
    }
    slurm_job_config_t config = {.folder = archive_path(run->archive, "slurm"),
                                 .tasks = left < TASKS_MOST ? left : TASKS_MOST,
                                 .at_once = campaign_jobs_asked(run->campaign),
                                 .options = campaign_slurm_options(run->campaign),
                                 .argc = argc,
                                 .argv = argv};
    slurm_job_t *job = slurm_job_submit(&config, err);
    if (job == NULL) {
        return -1;
    }
    fprintf(stderr, "Slurm's job %s: %zu points in %zu tasks\n", slurm_job_id(job), left,
            config.tasks);
    int status = wait_for_tasks(run, job, ended, stop);
    slurm_job_close(job);
    return status;
}

int slurm_run(run_t *run, int argc, char *const argv[], const volatile sig_atomic_t *stop,
              err_t *err)
{
    bool *ended = calloc(run->todo_count, sizeof *ended);
    if (ended == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu points", run->todo_count);
    }
    int status = file_make_folder(archive_path(run->archive, "slurm"), err);
    for (size_t i = 0; i < run->todo_count; i++) {
        free(read_why(run, run->todo[i])); /* of an earlier run: these points are tried again */
    }
    for (int attempt = 0; status == 0 && attempt < 2; attempt++) {
        status = submit(run, argc, argv, ended, stop, err);
        for (size_t i = 0; status == 0 && i < run->todo_count; i++) {
            if (!ended[i]) {
                run_ended(run, run->todo[i], "its task ended without a result: slurm/log says more",
                          attempt == 0);
            }
        }
    }
    free(ended);
    return status;
}
