/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The data set is opened here, before the processes that share its memory.
 * Codec, judge, air and receiver belong to each point's own process: nothing
 * that has threads may be alive in a process that forks.
 */
#include "campaign_run.h"

#include "campaign_check.h"
#include "campaign_run_private.h"
#include "clock.h"
#include "log.h"
#include "pool.h"
#include "strip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double csv_every_s = 1.0; /* once there are many points */

enum { MANY_POINTS = 200 };

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

int run_point(run_t *run, size_t point, pool_progress_t *progress, err_t *err)
{
    result_t result;
    const char *samples = archive_samples_path(run->archive, point); /* selects it */
    trial_config_t trial = campaign_trial(run->campaign);
    trial.calibration = run->calibration;
    trial.on_progress = progress != NULL ? on_progress : NULL;
    trial.context = progress;
    trial.samples_path = samples;
    daemon_link_t link;
    int status = campaign_daemons(run->campaign, &link)
                     ? daemon_trial_run(&trial, &link, run->dataset, &result, err)
                     : trial_run(&trial, run->dataset, &result, err);
    if (status != 0) {
        return -1;
    }
    return archive_save(run->archive, point, &result, err);
}

static int work(void *context, size_t task, pool_progress_t *progress, err_t *err)
{
    run_t *run = context;
    return run_point(run, run->todo[task], progress, err);
}

static int write_csv(run_t *run, err_t *err)
{
    run->csv_ns = clock_now_ns();
    return archive_write_csv(run->archive, dataset_name(run->dataset), err);
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
    if (archive_load(run->archive, point, &result, &run->err) <= 0) {
        return;
    }
    campaign_describe(run->campaign, about, sizeof about);
    describe_result(&result, numbers, sizeof numbers);
    snprintf(text, sizeof text, "%s%s%s", about, about[0] != '\0' ? ": " : "", numbers);
    progress_point(&run->progress, (uint64_t)result.images, text);
}

void run_ended(run_t *run, size_t point, const char *problem, bool again)
{
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

static void on_end(void *context, size_t task, const char *problem, bool again)
{
    run_t *run = context;
    run_ended(run, run->todo[task], problem, again);
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
        int found = archive_load(run->archive, point, &result, &damage);
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

static int run_here(run_t *run, const volatile sig_atomic_t *stop, err_t *err)
{
    pool_config_t pool = {.tasks = run->todo_count,
                          .jobs = campaign_jobs(run->campaign),
                          .context = run,
                          .work = work,
                          .on_end = on_end,
                          .on_tick = on_tick,
                          .stop = stop};
    return pool_run(&pool, err);
}

static int run_points(run_t *run, int argc, char *const argv[], const volatile sig_atomic_t *stop,
                      err_t *err)
{
    if (archive_write_states(run->archive, run->problems, err) != 0) {
        return -1;
    }
    int status = run->todo_count == 0            ? 0
                 : campaign_slurm(run->campaign) ? slurm_run(run, argc, argv, stop, err)
                                                 : run_here(run, stop, err);
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
    return archive_write_states(run->archive, run->problems, err);
}

static int open_sets(run_t *run, err_t *err)
{
    const char *calibration = campaign_calibration(run->campaign);
    run->dataset = dataset_open(campaign_source(run->campaign), err);
    if (run->dataset != NULL && calibration[0] != '\0') {
        run->calibration = dataset_open(calibration, err);
    }
    return run->dataset != NULL && (run->calibration != NULL || calibration[0] == '\0') ? 0 : -1;
}

/* Opens everything; with `join` the folder of a campaign that runs already. */
static int prepare(run_t *run, int argc, char *const argv[], bool join, err_t *err)
{
    if (campaign_out(run->campaign)[0] == '\0') {
        return err_set(err, ERR_ARGUMENT, "where do the results go?  Say out=DIR");
    }
    json_t *contents = open_sets(run, err) == 0
                           ? campaign_check(run->campaign, run->dataset, run->calibration, err)
                           : NULL;
    if (contents != NULL) {
        run->archive = join ? archive_join(run->campaign, contents, err)
                          : archive_open(run->campaign, contents, argc, argv, err);
    }
    json_decref(contents);
    return run->archive != NULL ? 0 : -1;
}

static void close_all(run_t *run)
{
    for (size_t i = 0; run->problems != NULL && i < campaign_points(run->campaign); i++) {
        free(run->problems[i]);
    }
    free(run->problems);
    free(run->todo);
    archive_close(run->archive);
    dataset_close(run->dataset);
    dataset_close(run->calibration);
}

static int save_sent(run_t *run, err_t *err)
{
    campaign_select(run->campaign, 0);
    int samples = campaign_trial(run->campaign).samples;
    return samples == 0 ? 0
                        : strip_save_sent(run->dataset, samples,
                                          archive_path(run->archive, "samples/sent.png"), err);
}

int campaign_run(campaign_t *campaign, int argc, char *const argv[],
                 const volatile sig_atomic_t *stop, campaign_outcome_t *outcome, err_t *err)
{
    uint64_t started = clock_now_ns();
    run_t run = {.campaign = campaign, .err = ERR_INIT};
    int status = prepare(&run, argc, argv, false, err);
    if (status == 0) {
        status = list_todo(&run, err);
    }
    if (status == 0) {
        status = save_sent(&run, err);
    }
    if (status == 0) {
        status = run_points(&run, argc, argv, stop, err);
    }
    size_t points = campaign_points(campaign);
    *outcome = (campaign_outcome_t){.points = points,
                                    .failed = run.failed,
                                    .missing = points - run.progress.points_done,
                                    .wall_s = (double)(clock_now_ns() - started) * 1e-9};
    close_all(&run);
    return status;
}

int campaign_run_task(campaign_t *campaign, err_t *err)
{
    run_t run = {.campaign = campaign, .err = ERR_INIT};
    int status = prepare(&run, 0, NULL, true, err);
    if (status == 0) {
        status = slurm_task(&run, err);
    }
    close_all(&run);
    return status;
}
