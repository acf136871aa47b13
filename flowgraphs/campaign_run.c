/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data set is opened here, before the processes that share its memory.
 * Codec, judge, air and receiver belong to each point's own process: nothing
 * that has threads may be alive in a process that forks.
 */
#include "campaign_run.h"

#include "campaign_check.h"
#include "clock.h"
#include "log.h"
#include "pool.h"
#include "progress.h"
#include "store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double csv_every_s = 1.0; /* once there are many points */

enum { MANY_POINTS = 200 };

typedef struct {
    campaign_t *campaign;
    dataset_t *dataset, *calibration;
    store_t *store;
    size_t *todo; /* [todo_count] the points to do */
    size_t todo_count;
    char **problems; /* [points] NULL or why it failed */
    size_t failed;
    progress_t progress;
    uint64_t csv_ns; /* when results.csv was last written */
    err_t err;       /* of the first file that could not be written */
} run_t;

static uint64_t point_images(run_t *run, size_t point)
{
    campaign_select(run->campaign, point);
    return campaign_trial(run->campaign).images;
}

static void on_progress(void *context, uint64_t images_done)
{
    pool_progress_t *progress = context;
    atomic_store(progress, images_done);
}

static int work(void *context, size_t task, pool_progress_t *progress, err_t *err)
{
    run_t *run = context;
    result_t result;
    campaign_select(run->campaign, run->todo[task]);
    trial_config_t trial = campaign_trial(run->campaign);
    trial.calibration = run->calibration;
    trial.on_progress = on_progress;
    trial.context = progress;
    if (trial_run(&trial, run->dataset, &result, err) != 0) {
        return -1;
    }
    return store_save(run->store, run->todo[task], &result, err);
}

static int write_csv(run_t *run, err_t *err)
{
    run->csv_ns = clock_now_ns();
    return store_write_csv(run->store, dataset_name(run->dataset), err);
}

/* A point's numbers in words. */
static void describe_result(const result_t *result, char *text, size_t size)
{
    int used = 0;
    if (result->images_received > 0) {
        used = snprintf(text, size, "PSNR %.2f dB, ", result->psnr_mse_db);
        if (isfinite(result->accuracy)) {
            used += snprintf(text + used, size - (size_t)used, "accuracy %.3f, ", result->accuracy);
        }
        used +=
            snprintf(text + used, size - (size_t)used, "SNR %.2f dB, ", result->snr_measured_db);
    }
    used += snprintf(text + used, size - (size_t)used, "%.0f of %.0f frames lost",
                     result->frames_lost, result->frames_sent);
    if (result->mode[0] != '\0') {
        snprintf(text + used, size - (size_t)used, "; %s, %.0f undecodable, %.0f over budget",
                 result->mode, result->images_undecodable, result->images_over_budget);
    }
}

static void tell_result(run_t *run, size_t point)
{
    char about[512], numbers[256], text[800];
    result_t result;
    if (store_load(run->store, point, &result, &run->err) <= 0) {
        return;
    }
    campaign_describe(run->campaign, about, sizeof about);
    describe_result(&result, numbers, sizeof numbers);
    snprintf(text, sizeof text, "%s%s%s", about, about[0] != '\0' ? ": " : "", numbers);
    progress_point(&run->progress, (uint64_t)result.images, text);
}

static void on_end(void *context, size_t task, const char *problem, bool again)
{
    run_t *run = context;
    size_t point = run->todo[task];
    char about[512], text[1200];
    campaign_select(run->campaign, point);
    campaign_describe(run->campaign, about, sizeof about);
    if (problem == NULL) {
        tell_result(run, point);
        double since = (double)(clock_now_ns() - run->csv_ns) * 1e-9;
        if (campaign_points(run->campaign) < MANY_POINTS || since > csv_every_s) {
            (void)write_csv(run, &run->err);
        }
        return;
    }
    snprintf(text, sizeof text, "%s%s%s: %s", about, about[0] != '\0' ? " " : "",
             again ? "crashed, trying once more" : "FAILED", problem);
    if (again) {
        progress_clear(&run->progress);
        log_warn("%s", text);
        return;
    }
    run->failed++;
    free(run->problems[point]);
    run->problems[point] = strdup(problem);
    progress_point(&run->progress, point_images(run, point), text);
}

static void on_tick(void *context, uint64_t under_way)
{
    const run_t *run = context;
    progress_draw(&run->progress, under_way);
}

/* Lists the points that have no result yet. */
static int list_todo(run_t *run, err_t *err)
{
    size_t points = campaign_points(run->campaign);
    uint64_t images = 0;
    run->todo = calloc(points, sizeof *run->todo);
    run->problems = calloc(points, sizeof *run->problems);
    if (run->todo == NULL || run->problems == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu points", points);
    }
    for (size_t point = 0; point < points; point++) {
        result_t result;
        err_t damage = ERR_INIT;
        int found = store_load(run->store, point, &result, &damage);
        if (found < 0) {
            log_warn("%s: measuring this point again", damage.text);
        }
        if (found <= 0) {
            run->todo[run->todo_count++] = point;
            images += point_images(run, point);
        }
    }
    progress_start(&run->progress, points, points - run->todo_count, images);
    if (run->todo_count < points) {
        fprintf(stderr, "%zu of %zu points are there already\n", points - run->todo_count, points);
    }
    return 0;
}

static int run_points(run_t *run, const volatile sig_atomic_t *stop, err_t *err)
{
    pool_config_t pool = {.tasks = run->todo_count,
                          .jobs = campaign_jobs(run->campaign),
                          .context = run,
                          .work = work,
                          .on_end = on_end,
                          .on_tick = on_tick,
                          .stop = stop};
    int status = pool_run(&pool, err);
    progress_clear(&run->progress);
    if (status < 0) {
        return -1;
    }
    if (write_csv(run, err) != 0) {
        return -1;
    }
    if (run->err.code != ERR_NONE) {
        return err_set(err, run->err.code, "%s", run->err.text);
    }
    return store_write_failures(run->store, run->problems, err);
}

static int prepare(run_t *run, int argc, char *const argv[], err_t *err)
{
    if (campaign_out(run->campaign)[0] == '\0') {
        return err_set(err, ERR_ARGUMENT, "where do the results go?  Say out=DIR");
    }
    const char *calibration = campaign_calibration(run->campaign);
    run->dataset = dataset_open(campaign_source(run->campaign), err);
    if (run->dataset != NULL && calibration[0] != '\0') {
        run->calibration = dataset_open(calibration, err);
    }
    bool open = run->dataset != NULL && (run->calibration != NULL || calibration[0] == '\0');
    json_t *contents =
        open ? campaign_check(run->campaign, run->dataset, run->calibration, err) : NULL;
    if (contents != NULL) {
        run->store = store_open(run->campaign, contents, argc, argv, err);
    }
    json_decref(contents);
    return run->store != NULL ? list_todo(run, err) : -1;
}

int campaign_run(campaign_t *campaign, int argc, char *const argv[],
                 const volatile sig_atomic_t *stop, campaign_outcome_t *outcome, err_t *err)
{
    uint64_t started = clock_now_ns();
    run_t run = {.campaign = campaign, .err = ERR_INIT};
    int status = prepare(&run, argc, argv, err);
    if (status == 0) {
        status = run_points(&run, stop, err);
    }
    size_t points = campaign_points(campaign);
    *outcome = (campaign_outcome_t){.points = points,
                                    .failed = run.failed,
                                    .missing = points - run.progress.points_done,
                                    .wall_s = (double)(clock_now_ns() - started) * 1e-9};
    for (size_t i = 0; run.problems != NULL && i < points; i++) {
        free(run.problems[i]);
    }
    free(run.problems);
    free(run.todo);
    store_close(run.store);
    dataset_close(run.dataset);
    dataset_close(run.calibration);
    return status;
}
