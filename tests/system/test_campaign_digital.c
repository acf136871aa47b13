/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec=digital in the program: beside image32 in one table, the same for any number of workers. */
#include "campaign_program.h"

#define BOTH_KINDS                                                                                 \
    "source=fashion-mnist:test", "codec=image32,digital", "channel.snr_db=11,17", "images=20",     \
        "judge=none"

static void test_one_table(void)
{
    char out[256];
    say_out(out, sizeof out, "both");
    CHECK_INT(run(BOTH_KINDS, out, "jobs=1", NULL), 0);
    table_t *table = results(in_base("both"));
    size_t mode = (size_t)table_find(table, "mode");
    size_t undecodable = (size_t)table_find(table, "images_undecodable");
    size_t compression = (size_t)table_find(table, "compression");
    static const char *const modes[] = {"", "", "jpeg 64QAM 2/3", "jpeg 64QAM 2/3"};
    static const double lost[] = {0, 0, 20, 0};
    CHECK_INT(table_rows(table), 4);
    for (size_t row = 0; row < 4 && row < table_rows(table); row++) {
        CU_ASSERT_STRING_EQUAL(table_text(table, row, mode), modes[row]);
        CHECK_NEAR(table_number(table, row, undecodable), lost[row], 0);
        CHECK_NEAR(table_number(table, row, compression), 1.0 / 6, 1e-6);
    }
    table_free(table);
}

static void test_jobs(void)
{
    char out[256];
    say_out(out, sizeof out, "jobs");
    CHECK_INT(run(BOTH_KINDS, out, "jobs=3", NULL), 0);
    check_same_results(in_base("both"), in_base("jobs"));
}

static void test_own_pictures(void)
{
    char out[256];
    say_out(out, sizeof out, "own");
    CHECK_INT(run("source=fashion-mnist:test", "codec=digital", "digital.source=best",
                  "digital.calibration=fashion-mnist:test", out, NULL),
              1);
    check_said("holds the source's pictures");
    CHECK_INT(count_points(in_base("own")), 0);
}

static const check_test_t tests[] = {
    {"both kinds of codec stand in one table, at the same k/n", test_one_table},
    {"the results do not depend on the number of workers", test_jobs},
    {"the best mode is not chosen on the pictures it is measured with", test_own_pictures},
};

int main(void)
{
    return check_run_in_base("campaign_digital", tests, CHECK_COUNT(tests));
}
