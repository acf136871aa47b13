/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A campaign of 200 points that is killed five times. */
#include "campaign_program.h"
#include "rng.h"

#define POINTS                                                                                     \
    "source=fashion-mnist:test", "codec=digital", "judge=none", "images=2",                        \
        "channel.snr_db=-5:1:34", "seed=1:1:5", "jobs=2"

enum { ALL = 200, KILLS = 5 };

/* Every byte but cpu_s. */
static void test_killed(void)
{
    char out[256], killed[256];
    say_out(out, sizeof out, "whole");
    CHECK_INT(run(POINTS, out, NULL), 0);
    CHECK_INT(count_points(in_base("whole")), ALL);
    say_out(killed, sizeof killed, "killed");
    rng_t rng;
    rng_seed(&rng, 5, 0);
    int before = 0;
    for (int kills = 0; kills < KILLS; kills++) {
        int more = 1 + (int)rng_below(&rng, 2 * ALL / (KILLS + 1) - 1);
        int until = before + more < ALL - KILLS + kills ? before + more : ALL - KILLS + kills;
        pid_t process = start_in((surroundings_t){0}, POINTS, killed, NULL);
        CU_ASSERT(wait_for_points(process, in_base("killed"), until));
        usleep(rng_below(&rng, 30000)); /* anywhere within a point */
        kill(process, SIGKILL);
        CHECK_INT(end(process), -SIGKILL);
        before = count_points(in_base("killed"));
        printf("killed at %d points\n", before);
        CU_ASSERT(before >= until && before < ALL);
    }
    CHECK_INT(run(POINTS, killed, NULL), 0);
    check_said("are there already");
    check_same_results(in_base("whole"), in_base("killed"));
    table_t *table = results(in_base("killed"));
    CHECK_INT(table_rows(table), ALL);
    table_free(table);
}

static const check_test_t tests[] = {
    {"200 points killed five times end with the results of an uninterrupted run", test_killed},
};

int main(void)
{
    return check_run_in_base("campaign_kill", tests, CHECK_COUNT(tests));
}
