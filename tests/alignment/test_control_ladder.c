/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which adapter suits the channel. */
#include "check.h"
#include "control/ladder.h"
#include "rng.h"

static ladder_t make(double hysteresis_db, double dwell_s, double smooth_s)
{
    ladder_t ladder = {.hysteresis_db = hysteresis_db, .dwell_s = dwell_s, .smooth_s = smooth_s};
    err_t err = ERR_INIT;
    CHECK_INT(ladder_parse(&ladder, "g0:1/4, 7.5, g1:1/6, 17.5, g2", &err), 0);
    return ladder;
}

static void test_parse(void)
{
    ladder_t ladder = make(1, 0, 0);
    CHECK_INT(ladder.count, 3);
    CU_ASSERT_STRING_EQUAL(ladder.rung[0].name, "g0");
    CU_ASSERT_STRING_EQUAL(ladder.rung[0].rate, "1/4");
    CU_ASSERT_STRING_EQUAL(ladder.rung[2].rate, "");
    CHECK_NEAR(ladder.edge_db[1], 17.5, 0);
    CU_ASSERT(isnan(ladder.rung[0].design_snr_db));
    ladder_t modes = {0};
    CHECK_INT(ladder_parse(&modes, "base@-1,2.5,a:1/6@10", NULL), 0);
    CU_ASSERT_STRING_EQUAL(modes.rung[0].name, "base");
    CU_ASSERT_STRING_EQUAL(modes.rung[0].rate, "");
    CHECK_NEAR(modes.rung[0].design_snr_db, -1, 0);
    CU_ASSERT_STRING_EQUAL(modes.rung[1].rate, "1/6");
    CHECK_NEAR(modes.rung[1].design_snr_db, 10, 0);
    static const char *const bad[] = {"",     "a,5",  "a,b,c",   "a,5,b,5,c", "a,9,b,5,c",
                                      ":1/4", "a:",   "a,inf,b", "a,nan,b",   "a@",
                                      "@5",   "a:@5", "a@x",     "a@5x",      "a@inf"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        err_t err = ERR_INIT;
        CHECK_INT(ladder_parse(&ladder, bad[i], &err), -1);
        CU_ASSERT(err.text[0] != 0);
    }
    CHECK_INT(ladder.count, 3); /* as it was */
}

/* Up and down a ramp: each rung once, changed `hysteresis` beyond the edge. */
static void test_ramp(void)
{
    ladder_t ladder = make(1, 0, 0);
    double up_db = -1, down_db = -1;
    int changes = 0;
    for (int i = 0; i <= 500; i++) {
        const double snr_db = 0.1 * (i <= 250 ? i : 500 - i);
        if (ladder_measure(&ladder, snr_db, (uint64_t)i * 1000000)) {
            changes++;
            up_db = i > 0 && up_db < 0 ? snr_db : up_db;
            down_db = i > 250 && down_db < 0 ? snr_db : down_db;
        }
    }
    CHECK_INT(changes, 5); /* the first, two up, two down */
    CHECK_NEAR(up_db, 8.5, 0.2);
    CHECK_NEAR(down_db, 16.5, 0.2);
    CHECK_INT(ladder.now, 0);
}

static void test_noise(void)
{
    ladder_t ladder = make(1, 1, 0.5);
    rng_t rng;
    int changes = 0;
    rng_seed(&rng, 1, 1);
    for (int i = 0; i < 100000; i++) { /* 100 s at 1000 frames a second around an edge */
        changes += ladder_measure(&ladder, 7.5 + 4 * ((double)rng_uniform(&rng) - 0.5),
                                  (uint64_t)i * 1000000);
    }
    CHECK_INT(changes, 1);
}

static void test_dwell(void)
{
    ladder_t ladder = make(0, 2, 0);
    CU_ASSERT(ladder_measure(&ladder, 0, 0));
    CU_ASSERT(!ladder_measure(&ladder, 30, 1000000000));
    CU_ASSERT(ladder_measure(&ladder, 30, 2000000000));
    CHECK_INT(ladder.now, 2); /* at once over two edges */
    CU_ASSERT(!ladder_measure(&ladder, NAN, 9000000000));
    CU_ASSERT(!ladder_measure(&ladder, INFINITY, 9000000000));
    CHECK_INT(ladder.now, 2);
}

static const check_test_t tests[] = {
    {"a ladder is read, and a bad one named", test_parse},
    {"a ramp takes each rung once, beyond the edge", test_ramp},
    {"noise around an edge changes nothing", test_noise},
    {"no change comes before its time, and one may go over two edges", test_dwell},
};

int main(void)
{
    return check_run("control_ladder", tests, CHECK_COUNT(tests));
}
