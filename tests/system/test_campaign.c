/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-campaign, the program: its results, and what kills and crashes do to them. */
#include "campaign_program.h"

#define SIX_POINTS                                                                                 \
    "source=fashion-mnist:test", "codec.rate=1/12,1/6", "channel.snr_db=0:10:20", "images=100"
#define LONG_POINTS                                                                                \
    "source=fashion-mnist:test", "codec.rate=1/6", "channel.snr_db=0:5:25", "images=400",          \
        "frame.images=4", "channel.model=rayleigh"

static char clean[256], clean_long[256]; /* undisturbed results to compare with */

static void test_results(void)
{
    char out[256];
    say_out(out, sizeof out, "clean");
    snprintf(clean, sizeof clean, "%s", in_base("clean"));
    CHECK_INT(run(SIX_POINTS, out, "jobs=1", NULL), 0);
    table_t *table = results(clean);
    static const char *const columns[] = {
        "source",  "codec",       "rate",           "channel",     "snr_db",      "delay_spread_ns",
        "seed",    "images",      "frames_sent",    "frames_lost", "psnr_mse_db", "psnr_mean_db",
        "ssim",    "accuracy",    "evm_db",         "cpu_s",       "psnr_all_db", "psnr_ci_db",
        "loss_ci", "accuracy_ci", "snr_measured_db"};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        CU_ASSERT(table_find(table, columns[i]) >= 0);
    }
    CHECK_INT(table_rows(table), 6);
    static const char *const rates[] = {"1/12", "1/12", "1/12", "1/6", "1/6", "1/6"};
    static const double snrs[] = {0, 10, 20, 0, 10, 20};
    size_t snr = (size_t)table_find(table, "snr_db");
    for (size_t row = 0; row < 6 && row < table_rows(table); row++) {
        CU_ASSERT_STRING_EQUAL(table_text(table, row, (size_t)table_find(table, "rate")),
                               rates[row]);
        CHECK_NEAR(table_number(table, row, snr), snrs[row], 0);
        CHECK_NEAR(table_number(table, row, (size_t)table_find(table, "snr_measured_db")),
                   snrs[row], 0.3);
        CHECK_NEAR(table_number(table, row, (size_t)table_find(table, "images")), 100, 0);
    }
    table_free(table);
    CU_ASSERT_EQUAL(access(in_base("clean/campaign.json"), F_OK), 0);
    CU_ASSERT_EQUAL(access(in_base("clean/figure.png"), F_OK), 0);
}

static void test_jobs(void)
{
    char out[256];
    say_out(out, sizeof out, "jobs");
    CHECK_INT(run(SIX_POINTS, out, "jobs=4", NULL), 0);
    check_same_results(clean, in_base("jobs"));
}

/* No process of the campaign's folder may be left: nobody holds its lock. */
static void check_nobody_left(const char *out)
{
    char word[256];
    snprintf(word, sizeof word, "out=%s", out);
    for (int i = 0; i < 100; i++) {
        int code = run(LONG_POINTS, word, "seed=2", NULL); /* other settings: refused, if free */
        CHECK_INT(code, 1);
        if (strstr(said, "another campaign is running") == NULL) {
            return;
        }
        usleep(20000);
    }
    CU_FAIL("somebody still holds the folder");
}

static void test_kill(void)
{
    char out[256];
    say_out(out, sizeof out, "clean_long");
    snprintf(clean_long, sizeof clean_long, "%s", in_base("clean_long"));
    CHECK_INT(run(LONG_POINTS, out, NULL), 0);
    say_out(out, sizeof out, "killed");
    for (int points = 1; points <= 3; points += 2) {
        pid_t process = start_in((surroundings_t){0}, LONG_POINTS, out, "jobs=2", NULL);
        CU_ASSERT(wait_for_points(process, in_base("killed"), points));
        kill(process, SIGKILL);
        CHECK_INT(end(process), -SIGKILL);
        check_nobody_left(in_base("killed"));
    }
    CU_ASSERT(count_points(in_base("killed")) < 6);
    CHECK_INT(run(LONG_POINTS, out, NULL), 0);
    check_said("are there already");
    check_same_results(clean_long, in_base("killed"));
}

static void test_interrupt(void)
{
    char out[256];
    say_out(out, sizeof out, "interrupted");
    pid_t process = start_in((surroundings_t){0}, LONG_POINTS, out, "jobs=1", NULL);
    CU_ASSERT(wait_for_points(process, in_base("interrupted"), 1));
    kill(process, SIGINT);
    CHECK_INT(end(process), 130);
    check_said("the same command goes on");
    CHECK_INT(run(LONG_POINTS, out, NULL), 0);
    check_same_results(clean_long, in_base("interrupted"));
}

/* The first child of a process, 0 when it has none. */
static pid_t child_of(pid_t process)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", process, process);
    FILE *file = fopen(path, "r");
    int child = 0;
    if (file != NULL && fscanf(file, "%d", &child) != 1) {
        child = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return child;
}

static void test_crash(void)
{
    char out[256];
    say_out(out, sizeof out, "crashed");
    pid_t process = start_in((surroundings_t){0}, LONG_POINTS, out, "jobs=1", NULL);
    pid_t child = 0;
    for (int i = 0; i < 5000 && child == 0; i++) {
        usleep(1000);
        child = child_of(process);
    }
    CU_ASSERT_FATAL(child > 0);
    kill(child, SIGKILL);
    CHECK_INT(end(process), 0);
    check_said("trying once more");
    check_said("signal 9");
    check_same_results(clean_long, in_base("crashed"));
}

static void test_damage(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/points", clean);
    DIR *points = opendir(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(points);
    int damaged = 0;
    for (struct dirent *entry; (entry = readdir(points)) != NULL && damaged < 2;) {
        if (strstr(entry->d_name, ".json") != NULL) {
            snprintf(path, sizeof path, "%s/points/%.255s", clean, entry->d_name);
            CHECK_INT(truncate(path, damaged == 0 ? 0 : 200), 0);
            damaged++;
        }
    }
    closedir(points);
    char out[256];
    say_out(out, sizeof out, "clean");
    CHECK_INT(run(SIX_POINTS, out, NULL), 0);
    check_said("measuring this point again");
    check_same_results(clean, in_base("jobs"));
}

static void test_changed(void)
{
    char out[256];
    say_out(out, sizeof out, "jobs");
    CHECK_INT(run("source=fashion-mnist:test", "channel.snr_db=3", "images=20", out, NULL), 1);
    check_said("another campaign");
    check_said("overwrite=yes");
    check_same_results(clean, in_base("jobs"));
    FILE *mine = fopen(in_base("jobs/notes.txt"), "w");
    fclose(mine);
    CHECK_INT(run("source=fashion-mnist:test", "channel.snr_db=3", "images=20", out,
                  "overwrite=yes", NULL),
              0);
    table_t *table = results(in_base("jobs"));
    CHECK_INT(table_rows(table), 1);
    table_free(table);
    CHECK_INT(count_points(in_base("jobs")), 1);
    CU_ASSERT_EQUAL(access(in_base("jobs/notes.txt"), F_OK), 0);
}

static void test_busy(void)
{
    char out[256];
    say_out(out, sizeof out, "busy");
    pid_t process = start_in((surroundings_t){0}, LONG_POINTS, out, "jobs=1", NULL);
    CU_ASSERT(wait_for_points(process, in_base("busy"), 1));
    CHECK_INT(run(LONG_POINTS, out, NULL), 1);
    check_said("another campaign is running");
    kill(process, SIGTERM);
    CHECK_INT(end(process), 130);
}

static const check_test_t tests[] = {
    {"one row per point in the order of the sweep, with the promised columns", test_results},
    {"any number of jobs gives the same results", test_jobs},
    {"a killed campaign leaves no process and goes on to the same results", test_kill},
    {"Ctrl-C ends it cleanly, and the same command goes on", test_interrupt},
    {"a point whose process dies is tried once more, visibly", test_crash},
    {"two campaigns do not share a folder", test_busy},
    {"a damaged point is measured again", test_damage},
    {"other settings in the same folder are refused, or replace its results alone", test_changed},
};

int main(void)
{
    return check_run_in_base("campaign", tests, CHECK_COUNT(tests));
}
