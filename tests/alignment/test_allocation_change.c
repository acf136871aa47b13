/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks that change, and input that is wrong or at its limits. */
#include "test_allocation_networks.h"

static nets_t net, after;

/* `after` is `net` with the agents of from[]; -1: a newcomer, drawn. */
static void rebuild(const int *from, int agents, rng_t *rng)
{
    const int old = net.input.agents, levels = net.input.levels;
    after = net;
    after.input = net.input;
    after.input.agents = agents;
    after.input.loss = after.loss;
    after.input.size = after.size;
    after.input.frequency = after.frequency;
    after.input.rate = after.rate;
    (void)levels;
    for (int i = 0; i < agents; i++) {
        double sum = 0.0;
        for (int j = 0; j < agents; j++) {
            const bool stayed = from[i] >= 0 && from[j] >= 0;
            float normal;
            rng_normal(rng, &normal, 1);
            after.rate[i * agents + j] =
                stayed ? net.rate[from[i] * old + from[j]] : exp((double)normal);
            after.frequency[i * agents + j] = i == j   ? 0.0
                                              : stayed ? net.frequency[from[i] * old + from[j]]
                                                       : (double)rng_uniform(rng) / old;
            sum += after.frequency[i * agents + j];
        }
        for (int j = 0; j < agents; j++) {
            after.frequency[i * agents + j] /= sum;
        }
    }
}

static void check_mended(const int *from, int agents, allocation_reading_t reading, rng_t *rng)
{
    const int levels = net.input.levels;
    uint8_t old[MOST_AGENTS * 5], fresh_held[MOST_AGENTS * 5], held[MOST_AGENTS * 5] = {0};
    err_t err = ERR_INIT;
    allocation_t *a = nets_problem(&net, reading);
    allocation_plan_t plan = {.held = old}, fresh = {.held = fresh_held}, mended = {.held = held};
    CHECK_INT(allocation_solve(a, ALLOCATION_OURS, NULL, &plan, &err), 0);
    allocation_destroy(a);
    rebuild(from, agents, rng);
    for (int i = 0; i < agents; i++) {
        if (from[i] >= 0) {
            memcpy(held + i * levels, old + from[i] * levels, (size_t)levels);
        }
    }
    allocation_t *b = nets_problem(&after, reading);
    const double start = allocation_evaluate(b, held);
    CHECK_INT(allocation_mend(b, NULL, &mended, &err), 0);
    CHECK_INT(allocation_solve(b, ALLOCATION_OURS, NULL, &fresh, &err), 0);
    CHECK_NEAR(allocation_evaluate(b, held), mended.objective, 0.0);
    CU_ASSERT(isfinite(mended.objective));
    CHECK_AT_MOST(mended.objective, start);
    CHECK_AT_MOST(mended.objective, fresh.objective * 1.02);
    CHECK_AT_MOST(mended.bound, fresh.objective);
    allocation_destroy(b);
}

static void test_join(void)
{
    rng_t rng;
    rng_seed(&rng, 21, 0);
    for (uint64_t seed = 0; seed < 12; seed++) {
        int from[MOST_AGENTS];
        nets_paper(&net, 3 + 2 * (int)seed, 4, seed);
        for (int i = 0; i <= net.input.agents; i++) {
            from[i] = i < net.input.agents ? i : -1;
        }
        check_mended(from, net.input.agents + 1,
                     seed % 3 ? ALLOCATION_PER_LINK : ALLOCATION_PER_AGENT, &rng);
    }
}

static void test_leave(void)
{
    rng_t rng;
    rng_seed(&rng, 22, 0);
    for (uint64_t seed = 0; seed < 12; seed++) {
        int from[MOST_AGENTS];
        nets_paper(&net, 4 + 2 * (int)seed, 4, 50 + seed);
        const int gone = (int)rng_below(&rng, (uint32_t)net.input.agents);
        for (int i = 0; i < net.input.agents - 1; i++) {
            from[i] = i < gone ? i : i + 1;
        }
        check_mended(from, net.input.agents - 1,
                     seed % 3 ? ALLOCATION_PER_LINK : ALLOCATION_PER_AGENT, &rng);
    }
}

static void test_rate(void)
{
    rng_t rng;
    rng_seed(&rng, 23, 0);
    for (uint64_t seed = 0; seed < 12; seed++) {
        uint8_t held[40 * 5], fresh_held[40 * 5];
        err_t err = ERR_INIT;
        nets_paper(&net, 10 + 2 * (int)seed, 5, 90 + seed);
        const int n = net.input.agents;
        allocation_plan_t plan = {.held = held}, fresh = {.held = fresh_held};
        allocation_t *a = nets_problem(&net, ALLOCATION_PER_LINK);
        CHECK_INT(allocation_solve(a, ALLOCATION_OURS, NULL, &plan, &err), 0);
        allocation_destroy(a);
        for (int h = 0; h < n; h++) { /* agent 0 is cut off as a source, 1 gets fast */
            net.rate[h] = 0.0;
            net.rate[n + h] *= 20.0;
        }
        allocation_t *b = nets_problem(&net, ALLOCATION_PER_LINK);
        CHECK_INT(allocation_mend(b, NULL, &plan, &err), 0);
        CHECK_INT(allocation_solve(b, ALLOCATION_OURS, NULL, &fresh, &err), 0);
        CHECK_AT_MOST(plan.objective, fresh.objective * 1.02);
        allocation_destroy(b);
    }
}

static void test_keeps(void)
{
    uint8_t held[40 * 5], before[40 * 5];
    err_t err = ERR_INIT;
    nets_paper(&net, 40, 5, 7);
    allocation_t *a = nets_problem(&net, ALLOCATION_PER_LINK);
    allocation_plan_t plan = {.held = held};
    CHECK_INT(allocation_solve(a, ALLOCATION_OURS, NULL, &plan, &err), 0);
    memcpy(before, held, sizeof(held));
    CHECK_INT(allocation_mend(a, NULL, &plan, &err), 0);
    CHECK_INT(memcmp(before, held, sizeof(held)), 0);
    allocation_destroy(a);
}

typedef struct {
    const char *names; /* in the message */
    int agents, levels;
    double *place, value;
} wrong_t;

static void test_wrong_input(void)
{
    double *const eta_a = &net.input.eta_a, *const eta_t = &net.input.eta_t,
                  *const eta_s = &net.input.eta_s;
    const wrong_t wrongs[] = {
        {"N is 0", 0, 3, NULL, 0.0},
        {"N is -4", -4, 3, NULL, 0.0},
        {"N is 5000: allowed are 1 to 2048", 5000, 3, NULL, 0.0},
        {"L is 0", 4, 0, NULL, 0.0},
        {"L is 11", 4, 11, NULL, 0.0},
        {"eta_A is nan", 4, 3, eta_a, (double)NAN},
        {"eta_T is -1", 4, 3, eta_t, -1.0},
        {"eta_S is inf", 4, 3, eta_s, (double)INFINITY},
        {"J_A[1] is -0.1", 4, 3, &net.loss[1], -0.1},
        {"J_A[2] is nan", 4, 3, &net.loss[2], (double)NAN},
        {"S[0] is 0", 4, 3, &net.size[0], 0.0},
        {"S[1] is nan", 4, 3, &net.size[1], (double)NAN},
        {"F[0][1] is -0.2", 4, 3, &net.frequency[1], -0.2},
        {"F[1][2] is nan", 4, 3, &net.frequency[6], (double)NAN},
        {"row 2 of F sums to", 4, 3, &net.frequency[8], 0.9},
        {"R[0][3] is -1", 4, 3, &net.rate[3], -1.0},
        {"R[3][0] is inf", 4, 3, &net.rate[12], (double)INFINITY},
    };
    for (size_t k = 0; k < sizeof(wrongs) / sizeof(wrongs[0]); k++) {
        err_t err = ERR_INIT;
        nets_paper(&net, 4, 3, 1);
        net.input.agents = wrongs[k].agents;
        net.input.levels = wrongs[k].levels;
        if (wrongs[k].place != NULL) {
            *wrongs[k].place = wrongs[k].value;
        }
        CU_ASSERT_PTR_NULL(
            allocation_create(&net.input, ALLOCATION_PER_LINK, ALLOCATION_ROWS_ONE, &err));
        CHECK_INT(err.code, ERR_ARGUMENT);
        CHECK_ERROR_NAMES(&err, wrongs[k].names);
    }
}

static void test_diagonal(void)
{
    uint8_t held[6 * 3];
    rng_t rng;
    rng_seed(&rng, 4, 0);
    nets_paper(&net, 6, 3, 2);
    allocation_t *plain = nets_problem(&net, ALLOCATION_PER_LINK);
    for (int i = 0; i < 6; i++) {
        net.frequency[7 * i] = (double)NAN;
        net.rate[7 * i] = -3.0;
    }
    err_t err = ERR_INIT;
    allocation_t *a = allocation_create(&net.input, ALLOCATION_PER_LINK, ALLOCATION_ROWS_ONE, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    for (int k = 0; k < 20; k++) {
        for (int c = 0; c < 18; c++) {
            held[c] = rng_bits(&rng) & 1u;
        }
        const double value = allocation_evaluate(a, held);
        CU_ASSERT(value == allocation_evaluate(plain, held));
    }
    allocation_destroy(a);
    allocation_destroy(plain);
}

static void test_rows(void)
{
    uint8_t held[5 * 2];
    memset(held, 1, sizeof(held));
    err_t err = ERR_INIT;
    nets_paper(&net, 5, 2, 3);
    for (int c = 0; c < 25; c++) {
        net.frequency[c] *= 3.0;
    }
    allocation_t *scaled =
        allocation_create(&net.input, ALLOCATION_PER_LINK, ALLOCATION_ROWS_SCALE, &err);
    allocation_t *any = nets_problem(&net, ALLOCATION_PER_LINK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scaled);
    CHECK_NEAR(allocation_evaluate(scaled, held), 5 * net.loss[1] + 1.0, 1e-9);
    CHECK_NEAR(allocation_evaluate(any, held), 15 * net.loss[1] + 1.0, 1e-9);
    allocation_destroy(scaled);
    allocation_destroy(any);
}

/* One agent has no links: it keeps level 1, so that the knowledge isn't lost. */
static void test_one_agent(void)
{
    const double alone = 0.1;
    for (int m = ALLOCATION_OURS; m <= ALLOCATION_EXACT; m++) {
        for (int reading = 0; reading < 2; reading++) {
            uint8_t held[3];
            err_t err = ERR_INIT;
            nets_paper(&net, 1, 3, 1);
            allocation_t *a = nets_problem(&net, (allocation_reading_t)reading);
            allocation_plan_t plan = {.held = held};
            CHECK_INT(allocation_solve(a, (allocation_method_t)m, NULL, &plan, &err), 0);
            CHECK_NEAR(plan.objective, m == ALLOCATION_FULL ? 3 * alone : alone, 1e-12);
            CHECK_NEAR(plan.bound, alone, 1e-9);
            CHECK_INT(held[0], 1);
            allocation_destroy(a);
        }
    }
}

/* Islands without any way between them each hold what they use. */
static void test_islands(void)
{
    uint8_t held[6 * 2];
    err_t err = ERR_INIT;
    nets_paper(&net, 6, 2, 9);
    for (int c = 0; c < 36; c++) {
        net.rate[c] = c % 2 ? 0.0 : (double)NAN;
    }
    for (int m = ALLOCATION_OURS; m <= ALLOCATION_EXACT; m++) {
        for (int reading = 0; reading < 2; reading++) {
            allocation_t *a = nets_problem(&net, (allocation_reading_t)reading);
            allocation_plan_t plan = {.held = held};
            CHECK_INT(allocation_solve(a, (allocation_method_t)m, NULL, &plan, &err), 0);
            for (int i = 0; i < 6; i++) {
                CHECK_INT(held[2 * i], 1);
            }
            CU_ASSERT(isfinite(plan.objective));
            held[4] = 0;
            CU_ASSERT(isinf(allocation_evaluate(a, held)));
            allocation_destroy(a);
        }
    }
}

/* A level that loses more than a lower one is never a link's last: nobody keeps it above the best.
 */
static void test_rising_loss(void)
{
    uint8_t held[10 * 4];
    err_t err = ERR_INIT;
    nets_paper(&net, 10, 4, 6);
    const double loss[4] = {0.5, 0.6, 0.1, 0.2};
    memcpy(net.loss, loss, sizeof(loss));
    allocation_t *a = nets_problem(&net, ALLOCATION_PER_LINK);
    allocation_plan_t plan = {.held = held};
    CHECK_INT(allocation_solve(a, ALLOCATION_OURS, NULL, &plan, &err), 0);
    CHECK_NEAR(plan.objective, nets_link_value(&net, held), 1e-9);
    for (int i = 0; i < 10; i++) {
        CHECK_INT(held[4 * i + 1], held[4 * i + 2]); /* one is of use only with the other */
        CHECK_INT(held[4 * i + 3], 0);
    }
    allocation_destroy(a);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"an agent joins: the mended plan is within 2 % of a fresh one", test_join},
        {"an agent leaves: the mended plan is within 2 % of a fresh one", test_leave},
        {"rates change: the mended plan is within 2 % of a fresh one", test_rate},
        {"nothing changed: nothing moves", test_keeps},
        {"wrong input is refused by name and place", test_wrong_input},
        {"diagonals are ignored, whatever they hold", test_diagonal},
        {"rows of F are scaled or taken as they are, as asked", test_rows},
        {"one agent keeps level 1", test_one_agent},
        {"agents out of reach hold what they use", test_islands},
        {"a level worse than a lower one is never a link's last", test_rising_loss},
    };
    return check_run("allocation_change", tests, CHECK_COUNT(tests));
}
