/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Means and their intervals, results as JSON and CSV, the figure's lines, the pool of processes. */
#include "check.h"
#include "figure_data.h"
#include "file.h"
#include "gather.h"
#include "pool.h"
#include "result.h"
#include "rng.h"
#include "table.h"

#include <stdlib.h>
#include <unistd.h>

static void test_gather(void)
{
    gather_t gather = GATHER_INIT;
    CU_ASSERT(isnan(gather_mean(&gather)));
    gather_add(&gather, 5.0, 0.0);
    CU_ASSERT(isnan(gather_mean(&gather)));
    gather_add(&gather, 6.0, 2.0);
    CHECK_NEAR(gather_mean(&gather), 3.0, 1e-12);
    CU_ASSERT(isnan(gather_half_width(&gather)));
    gather_add(&gather, 5.0, 1.0);
    gather_add(&gather, 4.0, 1.0);
    /* mean 15/4; deviations of the frames 6 - 7.5, 5 - 3.75, 4 - 3.75; t(2) = 4.303 */
    double variance = 1.5 * (2.25 + 1.5625 + 0.0625) / 16;
    CHECK_NEAR(gather_half_width(&gather), 4.303 * sqrt(variance), 0.15);
}

/* 95 % intervals of frames whose four images share their luck hold the truth 95 times in 100. */
static void test_coverage(void)
{
    rng_t rng;
    rng_seed(&rng, 7, 0);
    int held = 0;
    const int runs = 2000;
    for (int run = 0; run < runs; run++) {
        gather_t gather = GATHER_INIT;
        for (int frame = 0; frame < 20; frame++) {
            float x[5];
            rng_normal(&rng, x, 5);
            gather_add(&gather, (double)(4 * x[0] + 0.5f * (x[1] + x[2] + x[3] + x[4])), 4);
        }
        held += fabs(gather_mean(&gather)) <= gather_half_width(&gather);
    }
    CHECK_NEAR((double)held / runs, 0.95, 0.016);
}

/* Looking again and again until the interval is narrow costs little of its 95 %. */
static void test_stopping(void)
{
    rng_t rng;
    rng_seed(&rng, 8, 0);
    int held = 0;
    const int runs = 2000;
    for (int run = 0; run < runs; run++) {
        gather_t gather = GATHER_INIT;
        do {
            float x[64];
            rng_normal(&rng, x, 64);
            for (int i = 0; i < 64; i++) {
                gather_add(&gather, (double)(x[i] * x[i]), 1); /* skewed, as an MSE is */
            }
        } while (gather.frames < 256 || gather_half_width(&gather) > 0.12);
        held += fabs(gather_mean(&gather) - 1.0) <= gather_half_width(&gather);
    }
    printf("held %d of %d\n", held, runs);
    CHECK_NEAR((double)held / runs, 0.94, 0.02);
}

static void test_wilson(void)
{
    CU_ASSERT(isnan(gather_wilson(0, 0)));
    CHECK_NEAR(gather_wilson(0, 100), 0.01850, 1e-4); /* none of 100 is not never */
    CHECK_NEAR(gather_wilson(50, 100), 0.0962, 1e-3);
    CHECK_NEAR(gather_wilson(100, 100), gather_wilson(0, 100), 1e-12);
}

static void test_json(void)
{
    result_t result, back;
    result_clear(&result);
    result.psnr_mse_db = 26.718281828459045;
    result.images = 10000;
    json_t *json = result_to_json(&result);
    CHECK_INT(result_from_json(json, &back, NULL), 0);
    CU_ASSERT_EQUAL(back.psnr_mse_db, result.psnr_mse_db);
    CU_ASSERT_EQUAL(back.images, 10000.0);
    CU_ASSERT(isnan(back.accuracy));
    CU_ASSERT_EQUAL(result_value(&back, "psnr_mse_db"), result.psnr_mse_db);
    json_object_set_new(json, "ssim", json_string("high"));
    err_t err = ERR_INIT;
    CHECK_INT(result_from_json(json, &back, &err), -1);
    CHECK_ERROR_NAMES(&err, "ssim");
    json_object_del(json, "ssim");
    CHECK_INT(result_from_json(json, &back, &err), -1);
    json_decref(json);
}

static const char *write_file(const char *text)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/test_campaign_results.%d", getpid());
    file_writer_t *writer = file_writer_open(path, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(writer);
    fputs(text, file_writer_stream(writer));
    CHECK_INT(file_writer_commit(writer, NULL), 0);
    return path;
}

static void test_table(void)
{
    const char *path = write_file("a,b,c\n1,\"x, \"\"y\"\"\",\n,2.5,\"\"\r\n");
    err_t err = ERR_INIT;
    table_t *table = table_load(path, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    CHECK_INT(table_columns(table), 3);
    CHECK_INT(table_rows(table), 2);
    CU_ASSERT_STRING_EQUAL(table_text(table, 0, 1), "x, \"y\"");
    CU_ASSERT(isnan(table_number(table, 0, 1)));
    CU_ASSERT(isnan(table_number(table, 1, 0)));
    CHECK_NEAR(table_number(table, 1, 1), 2.5, 0);
    CHECK_INT(table_find(table, "c"), 2);
    CHECK_INT(table_find(table, "d"), -1);
    table_free(table);
    static const char *const bad[] = {"", "a,b\n1\n", "a,b\n1,2", "a,b\n1,\"2\n", "a\n\"1\"2\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_PTR_NULL(table_load(write_file(bad[i]), &err));
        CHECK_ERROR_NAMES(&err, "test_campaign_results");
    }
    CU_ASSERT_PTR_NULL(table_load("/no/such/file", &err));
    unlink(path);
}

static const char head[] =
    "source,codec,rate,channel,snr_db,delay_spread_ns,seed,images,frames_sent,frames_lost,"
    "psnr_mse_db,psnr_mean_db,ssim,accuracy,evm_db,snr_measured_db,cpu_s,receiver,frame_images,"
    "psnr_ci_db,accuracy_ci,loss_ci,on_air,frame.gap_samples\n";

static const figure_choice_t automatic = {"", "auto"};

static void test_figure(void)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", head,
             "m,i,1/6,awgn,5,0,1,9,9,0,20,20,1,,1,1,1,real,1,0.3,,0.1,1,7\n"
             "m,i,1/6,awgn,0,0,1,9,9,0,10,10,1,,1,1,1,real,1,0.3,,0.1,1,7\n"
             "m,i,1/6,awgn,5,0,2,9,9,0,22,22,1,,1,1,1,real,1,0.4,,0.1,1,7\n"
             "m,i,1/12,awgn,5,0,1,9,9,3,15,15,1,,1,1,1,real,1,,,0.2,1,7\n");
    err_t err = ERR_INIT;
    figure_data_t *data = figure_data_load(write_file(text), &automatic, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    CHECK_INT(data->series_count, 2);
    CU_ASSERT_STRING_EQUAL(data->series[0].label, "rate 1/6");
    CHECK_INT(data->series[0].count, 2);
    CHECK_NEAR(data->series[0].points[0].x, 0, 0);
    CHECK_NEAR(data->series[0].points[1].value[FIGURE_PSNR], 21, 1e-12); /* of two seeds */
    CHECK_NEAR(data->series[0].points[1].half_width[FIGURE_PSNR], 0.25, 1e-12);
    CHECK_NEAR(data->series[1].points[0].value[FIGURE_LOSS], 1.0 / 3, 1e-12);
    CU_ASSERT(data->has[FIGURE_PSNR] && data->has[FIGURE_LOSS] && !data->has[FIGURE_ACCURACY]);
    figure_data_free(data);
    CU_ASSERT_PTR_NULL(figure_data_load(write_file(head), &automatic, &err));
    CHECK_ERROR_NAMES(&err, "no rows");
    CU_ASSERT_PTR_NULL(figure_data_load(write_file("a,b\n1,2\n"), &automatic, &err));
    CHECK_ERROR_NAMES(&err, "snr_db");
    unlink(write_file(""));
}

/* Zipped settings are no lines of their own; a choice of axis is found by either name. */
static void test_figure_choice(void)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", head,
             "m,i,1/6,awgn,5,0,1,9,9,0,20,20,1,,1,1,1,real,1,0.3,,0.1,1,7\n"
             "m,i,1/12,awgn,5,0,1,9,9,0,21,20,1,,1,1,1,real,1,0.3,,0.1,1,8\n"
             "m,i,1/6,awgn,9,0,1,9,9,0,22,20,1,,1,1,1,real,1,0.3,,0.1,1,7\n"
             "m,i,1/12,awgn,9,0,1,9,9,0,23,20,1,,1,1,1,real,1,0.3,,0.1,1,8\n");
    err_t err = ERR_INIT;
    figure_data_t *data = figure_data_load(write_file(text), &automatic, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    CHECK_INT(data->series_count, 2); /* the gap says nothing beside the rate */
    CU_ASSERT_STRING_EQUAL(data->series[0].label, "rate 1/6");
    figure_data_free(data);
    const figure_choice_t by_rate = {"codec.rate", "psnr"};
    data = figure_data_load(write_file(text), &by_rate, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    CHECK_INT(data->series_count, 2);
    CU_ASSERT_STRING_EQUAL(data->series[0].label, "snr_db 5");
    CHECK_NEAR(data->series[0].points[0].x, 1.0 / 12, 1e-12);
    figure_data_free(data);
    const figure_choice_t bad[] = {{"nothing", ""}, {"channel", ""}, {"", "beauty"}};
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_PTR_NULL(figure_data_load(write_file(text), &bad[i], &err));
    }
    CHECK_ERROR_NAMES(&err, "beauty");
    unlink(write_file(""));
}

/* ---- pool ---- */

typedef struct {
    int ended[8], failed[8], again[8];
    char problem[8][256];
    volatile sig_atomic_t stop;
    int stop_after;
} ends_t;

/* Task 1 fails, task 2 crashes always, task 3 only the first time. */
static int work(void *context, size_t task, pool_progress_t *progress, err_t *err)
{
    char path[64];
    (void)context;
    atomic_store(progress, task + 1);
    switch (task) {
    case 1:
        return err_set(err, ERR_IO, "no luck");
    case 2:
        raise(SIGKILL);
        break;
    case 3:
        snprintf(path, sizeof path, "/tmp/test_campaign_pool.%d", getppid());
        if (access(path, F_OK) != 0) {
            fclose(fopen(path, "w"));
            raise(SIGKILL);
        }
        unlink(path);
        break;
    case 4:
        usleep(200000);
        break;
    default:
        break;
    }
    return 0;
}

static void on_end(void *context, size_t task, const char *problem, bool again)
{
    ends_t *ends = context;
    ends->ended[task] += !again;
    ends->again[task] += again;
    ends->failed[task] = problem != NULL;
    if (problem != NULL) {
        snprintf(ends->problem[task], sizeof ends->problem[task], "%s", problem);
    }
    ends->stop = ends->stop_after > 0 && --ends->stop_after == 0;
}

static void on_tick(void *context, uint64_t under_way)
{
    (void)context;
    (void)under_way;
}

static pool_config_t pool_of(ends_t *ends, size_t tasks, int jobs)
{
    return (pool_config_t){.tasks = tasks,
                           .jobs = jobs,
                           .context = ends,
                           .work = work,
                           .on_end = on_end,
                           .on_tick = on_tick,
                           .stop = &ends->stop};
}

static void test_pool(void)
{
    for (int jobs = 1; jobs <= 3; jobs++) {
        ends_t ends = {.stop_after = 0};
        pool_config_t pool = pool_of(&ends, 6, jobs);
        CHECK_INT(pool_run(&pool, NULL), 0);
        static const int failed[] = {0, 1, 1, 0, 0, 0}, again[] = {0, 0, 1, 1, 0, 0};
        for (int task = 0; task < 6; task++) {
            CHECK_INT(ends.ended[task], 1);
            CHECK_INT(ends.failed[task], failed[task]);
            CHECK_INT(ends.again[task], again[task]);
        }
        CU_ASSERT_STRING_EQUAL(ends.problem[1], "no luck");
        CU_ASSERT(strstr(ends.problem[2], "signal 9") != NULL);
    }
}

static void test_pool_stop(void)
{
    ends_t ends = {.stop_after = 1};
    pool_config_t pool = pool_of(&ends, 6, 1);
    CHECK_INT(pool_run(&pool, NULL), 1);
    CHECK_INT(ends.ended[0], 1);
    CHECK_INT(ends.ended[1] + ends.ended[5], 0);
}

static const check_test_t tests[] = {
    {"a mean over frames is over their images, its interval between frames", test_gather},
    {"95 % intervals hold the truth 95 times in 100, images of a frame not being independent",
     test_coverage},
    {"stopping at a narrow interval leaves it nearly 95 % (92 at the least)", test_stopping},
    {"no losses among 100 is no proof of none", test_wilson},
    {"a result survives its file to the last bit, a damaged one is refused", test_json},
    {"a CSV file comes back field by field, a cut one is refused", test_table},
    {"a figure has a line per swept setting, seeds averaged", test_figure},
    {"a figure's axes can be chosen, and zipped settings make no lines", test_figure_choice},
    {"a crashed task is tried once more, a failed one is not, the others go on", test_pool},
    {"a stopped pool ends its tasks and says so", test_pool_stop},
};

int main(void)
{
    return check_run("campaign_results", tests, CHECK_COUNT(tests));
}
