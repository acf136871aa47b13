/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-campaign: zipped sweeps, stopping at a narrow interval, and what the folder records. */
#include "campaign_program.h"

#include <jansson.h>
#include <stdbool.h>

#define CHEAP "source=fashion-mnist:test", "codec=digital", "judge=none"

static const char *field(const table_t *table, size_t row, const char *name)
{
    int column = table_find(table, name);
    CU_ASSERT_FATAL(column >= 0);
    return table_text(table, row, (size_t)column);
}

static void test_zip(void)
{
    char out[256];
    say_out(out, sizeof out, "zip");
    CHECK_INT(run(CHEAP, "channel.model=awgn,rayleigh,rayleigh", "channel.delay_spread_ns=0,30,300",
                  "channel.snr_db=20,25", "zip=channel.model+channel.delay_spread_ns", "images=4",
                  out, NULL),
              0);
    table_t *table = results(in_base("zip"));
    static const char *const spreads[] = {"0", "0", "30", "30", "300", "300"};
    CHECK_INT(table_rows(table), 6);
    for (size_t row = 0; row < 6 && row < table_rows(table); row++) {
        CU_ASSERT_STRING_EQUAL(field(table, row, "channel"), row < 2 ? "awgn" : "rayleigh");
        CU_ASSERT_STRING_EQUAL(field(table, row, "delay_spread_ns"), spreads[row]);
        CU_ASSERT_STRING_EQUAL(field(table, row, "snr_db"), row % 2 == 0 ? "20" : "25");
    }
    table_free(table);
    /* How points are put together is no part of them, but of the campaign. */
    CHECK_INT(run(CHEAP, "channel.model=awgn,rayleigh,rayleigh", "channel.delay_spread_ns=0,30,300",
                  "channel.snr_db=0,5,10",
                  "zip=channel.model+channel.delay_spread_ns+channel.snr_db", "images=4", out,
                  NULL),
              1);
    check_said("campaign.zip");
    CHECK_INT(run(CHEAP, "channel.model=awgn,rayleigh", "channel.snr_db=1,2,3",
                  "zip=channel.model+snr_db", "out=x", NULL),
              1);
    check_said("has 3");
}

#define ADAPTIVE                                                                                   \
    CHEAP, "channel.snr_db=20,30", "stop.psnr_ci_db=0.35", "stop.min_images=64",                   \
        "stop.max_images=640"

static void test_stop(void)
{
    char out[256];
    say_out(out, sizeof out, "stop1");
    CHECK_INT(run(ADAPTIVE, out, "jobs=1", NULL), 0);
    say_out(out, sizeof out, "stop2");
    CHECK_INT(run(ADAPTIVE, out, "jobs=2", NULL), 0);
    check_same_results(in_base("stop1"), in_base("stop2"));
    table_t *table = results(in_base("stop1"));
    for (size_t row = 0; row < table_rows(table); row++) {
        double images = atof(field(table, row, "images"));
        CU_ASSERT(images > 64 && images < 640);
        CU_ASSERT(atof(field(table, row, "psnr_ci_db")) <= 0.35);
        if (row > 0) {
            continue;
        }
        /* The round before was not enough. */
        char fewer[32];
        snprintf(fewer, sizeof fewer, "images=%g", images - 64);
        say_out(out, sizeof out, "fewer");
        CHECK_INT(run(CHEAP, "channel.snr_db=20,30", fewer, "overwrite=yes", out, NULL), 0);
        table_t *less = results(in_base("fewer"));
        CU_ASSERT(atof(field(less, row, "psnr_ci_db")) > 0.35);
        table_free(less);
    }
    table_free(table);
    say_out(out, sizeof out, "stop3");
    CHECK_INT(run(CHEAP, "channel.snr_db=-30", "stop.psnr_ci_db=0.1", "stop.max_images=64",
                  "stop.min_images=1", out, NULL),
              0);
    table = results(in_base("stop3"));
    CHECK_NEAR(atof(field(table, 0, "images")), 64, 0); /* nothing arrives: the most */
    table_free(table);
    CHECK_INT(run(CHEAP, "stop.loss_ci=0.1", "stop.max_images=9", "stop.min_images=10", out, NULL),
              1);
    check_said("stop.min_images = 10");
}

static void test_record(void)
{
    char again[256];
    say_out(again, sizeof again, "again");
    CHECK_INT(run(in_base("zip/campaign.conf"), again, "jobs=1", NULL), 0);
    check_same_results(in_base("zip"), in_base("again"));
    json_t *record = json_load_file(in_base("zip/campaign.json"), 0, NULL);
    static const char *const keys[] = {"version",  "revision", "build",   "started",
                                       "settings", "contents", "command", "points"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        CU_ASSERT_PTR_NOT_NULL(json_object_get(record, keys[i]));
    }
    json_t *first = json_array_get(json_object_get(record, "points"), 0);
    char sample[128];
    snprintf(sample, sizeof sample, "zip/samples/%.40s.png",
             json_string_value(json_object_get(first, "id")));
    CU_ASSERT_EQUAL(access(in_base(sample), F_OK), 0);
    CU_ASSERT_EQUAL(access(in_base("zip/samples/sent.png"), F_OK), 0);
    json_decref(record);
}

/* A point that fails is named with its reason; once the reason is gone, the same command does it.
 */
static void test_states(void)
{
    char out[256], path[300];
    say_out(out, sizeof out, "states");
    CHECK_INT(run(CHEAP, "channel.snr_db=20", "frame.images=3,4", "digital.mosaic=1,4", "images=8",
                  out, NULL),
              1); /* a mosaic of four in frames of three */
    snprintf(path, sizeof path, "%s/points.csv", in_base("states"));
    table_t *states = table_load(path, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(states);
    CHECK_INT(table_rows(states), 4);
    int failed = 0;
    for (size_t row = 0; row < table_rows(states); row++) {
        bool bad = strcmp(field(states, row, "state"), "failed") == 0;
        failed += bad;
        CU_ASSERT(bad == (strlen(field(states, row, "why")) > 0));
        CU_ASSERT(bad || strcmp(field(states, row, "state"), "done") == 0);
    }
    CHECK_INT(failed, 1);
    table_free(states);
    CU_ASSERT_EQUAL(access(in_base("states/failures.txt"), F_OK), 0);
    CHECK_INT(run(CHEAP, "channel.snr_db=20", "frame.images=3,4", "digital.mosaic=1,4", "images=8",
                  out, NULL),
              1);
    check_said("3 of 4 points are there already");
    check_said("FAILED");
}

static const check_test_t tests[] = {
    {"zipped keys make one row for each of their values", test_zip},
    {"a point ends as soon as its interval is narrow, on any number of jobs", test_stop},
    {"the folder's own campaign.conf makes the same results again", test_record},
    {"failed points are visible, and tried again by the same command", test_states},
};

int main(void)
{
    return check_run_in_base("campaign_plan", tests, CHECK_COUNT(tests));
}
