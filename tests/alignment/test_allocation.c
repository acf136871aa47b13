/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "allocation/link_cut.h"
#include "test_allocation_networks.h"

static nets_t net;

static void draw_plan(rng_t *rng, uint8_t *held, int count)
{
    for (int c = 0; c < count; c++) {
        held[c] = rng_bits(rng) & 1u;
    }
}

static void same_value(double value, double expected)
{
    if (isinf(expected)) {
        CU_ASSERT(isinf(value));
    } else {
        CHECK_NEAR(value, expected, 1e-9 * (1.0 + fabs(expected)));
    }
}

static void test_link_value(void)
{
    uint8_t held[8 * 4];
    rng_t rng;
    rng_seed(&rng, 1, 0);
    for (uint64_t seed = 0; seed < 200; seed++) {
        nets_nasty(&net, 1 + (int)rng_below(&rng, 8), 1 + (int)rng_below(&rng, 4), seed);
        allocation_t *a = nets_problem(&net, ALLOCATION_PER_LINK);
        for (int k = 0; k < 10; k++) {
            draw_plan(&rng, held, net.input.agents * net.input.levels);
            same_value(allocation_evaluate(a, held), nets_link_value(&net, held));
        }
        allocation_destroy(a);
    }
}

static void test_agent_value(void)
{
    uint8_t held[5 * 3];
    rng_t rng;
    rng_seed(&rng, 2, 0);
    for (uint64_t seed = 0; seed < 100; seed++) {
        nets_nasty(&net, 1 + (int)rng_below(&rng, 5), 1 + (int)rng_below(&rng, 3), seed);
        allocation_t *a = nets_problem(&net, ALLOCATION_PER_AGENT);
        for (int k = 0; k < 10; k++) {
            draw_plan(&rng, held, net.input.agents * net.input.levels);
            same_value(allocation_evaluate(a, held), nets_agent_value(&net, held));
        }
        allocation_destroy(a);
    }
}

/* Few hold level 2 and fetching it costs about what it saves: going deep pays for some groups of
   agents only together, so best answers from above and from below end apart. */
static void test_groups(void)
{
    uint8_t held[6 * 3];
    rng_t rng;
    rng_seed(&rng, 3, 0);
    for (uint64_t seed = 0; seed < 60; seed++) {
        nets_paper(&net, 6, 3, seed);
        memset(held, 0, sizeof(held));
        for (int i = 0; i < 6; i++) {
            held[3 * i] = 1;
            for (int j = 0; j < 6; j++) {
                const double spread = 0.5 + (double)rng_uniform(&rng);
                net.rate[6 * i + j] = (seed % 3 == 0 ? 4.0 : 8.0) * spread;
                net.frequency[6 * i + j] *= rng_below(&rng, 3) ? 0.2 : 3.0;
            }
        }
        held[3 * (seed % 6) + 1] = held[3 * (seed % 5) + 2] = 1;
        allocation_t *a = nets_problem(&net, ALLOCATION_PER_AGENT);
        same_value(allocation_evaluate(a, held), nets_agent_value(&net, held));
        allocation_destroy(a);
    }
}

/* The least of all 2^(N L) plans. */
static double brute_force(allocation_t *a)
{
    const int bits = allocation_agents(a) * allocation_levels(a);
    uint8_t held[12];
    double least = INFINITY;
    for (unsigned set = 0; set < 1u << bits; set++) {
        for (int b = 0; b < bits; b++) {
            held[b] = set >> b & 1u;
        }
        least = fmin(least, allocation_evaluate(a, held));
    }
    return least;
}

static void check_exact(allocation_reading_t reading, uint64_t seed)
{
    uint8_t held[12];
    err_t err = ERR_INIT;
    allocation_t *a = nets_problem(&net, reading);
    const double least = brute_force(a);
    allocation_plan_t plan = {.held = held};
    CHECK_INT(allocation_solve(a, ALLOCATION_EXACT, NULL, &plan, &err), 0);
    CHECK_NEAR(plan.objective, least, 1e-7 * (1.0 + least));
    CHECK_NEAR(plan.bound, least, 1e-6 * (1.0 + least));
    CHECK_NEAR(allocation_evaluate(a, held), plan.objective, 0.0);
    CHECK_INT(allocation_solve(a, ALLOCATION_OURS, NULL, &plan, &err), 0);
    CHECK_AT_LEAST(plan.objective, least - 1e-9);
    CHECK_AT_MOST(plan.bound, least + 1e-9);
    if (plan.objective > least + 1e-9) {
        fprintf(stderr, "  network %llu: ours %.6f, optimum %.6f\n", (unsigned long long)seed,
                plan.objective, least);
    }
    allocation_destroy(a);
}

static void test_exact_link(void)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        nets_nasty(&net, 1 + (int)(seed % 4), 1 + (int)(seed / 4 % 3), seed);
        check_exact(ALLOCATION_PER_LINK, seed);
    }
}

static void test_exact_agent(void)
{
    for (uint64_t seed = 0; seed < 30; seed++) {
        nets_nasty(&net, 1 + (int)(seed % 4), 1 + (int)(seed / 4 % 3), seed);
        check_exact(ALLOCATION_PER_AGENT, seed);
    }
}

/* min over depths of loss and fetches, for quantile u of each level's share. */
static double quantile_cost(const allocation_t *a, int i, int j, const double *share, double u)
{
    double least = INFINITY, sum = 0.0;
    for (int m = 0; m < a->depth; m++) {
        for (int end = 0; end < 2; end++) {
            const int agent = end ? i : j, n = a->agents;
            double seen = 0.0, cost = INFINITY;
            for (int k = 0; k < n && isinf(cost); k++) {
                const int h = a->order[agent * n + k];
                seen += share[m * n + h];
                cost = seen > u ? a->size[m] * a->fetch[agent * a->stride + h] : INFINITY;
            }
            sum += cost;
        }
        least = fmin(least, a->base[m] + sum);
    }
    return least;
}

static void test_cuts(void)
{
    enum { AGENTS = 6, STEPS = 64 };
    rng_t rng;
    rng_seed(&rng, 5, 0);
    for (uint64_t seed = 0; seed < 60; seed++) {
        nets_paper(&net, AGENTS, 3, seed);
        allocation_t *a = nets_problem(&net, ALLOCATION_PER_LINK);
        double share[AGENTS * 3];
        for (int c = 0; c < AGENTS * 3; c++) { /* multiples of 1/STEPS: the integral is a sum */
            share[c] =
                seed % 3 == 0 ? rng_below(&rng, 2) : rng_below(&rng, STEPS / 2) / (double)STEPS;
        }
        share[2] = 1.0;
        link_cut_t cut;
        link_cut_make(a, 0, 1, share, &cut);
        double mean = 0.0;
        for (int k = 0; k < STEPS; k++) {
            mean += quantile_cost(a, 0, 1, share, (k + 0.5) / STEPS) / STEPS;
        }
        CHECK_NEAR(cut.value, mean, 1e-9);
        for (int k = 0; k < 50; k++) {
            double value = cut.constant;
            for (int c = 0; c < AGENTS * 3; c++) {
                share[c] = c == 3 ? 1.0 : rng_below(&rng, 2);
                value -= share[c] * link_cut_slope(a, 0, 1, &cut, c / AGENTS, c % AGENTS);
            }
            CHECK_AT_MOST(value, quantile_cost(a, 0, 1, share, 0.5) + 1e-9);
        }
        allocation_destroy(a);
    }
}

/* Algorithm 1 as it stands: all sets of one agent, each judged by J. */
static double textbook_greedy(allocation_t *a)
{
    const int agents = allocation_agents(a), levels = allocation_levels(a);
    uint8_t held[MOST_AGENTS * ALLOCATION_MAX_LEVELS];
    memset(held, 1, sizeof(held));
    double value = allocation_evaluate(a, held);
    for (int unchanged = 0, i = 0; unchanged < agents; i = (i + 1) % agents) {
        uint8_t *own = held + i * levels, best[ALLOCATION_MAX_LEVELS];
        bool moved = false;
        memcpy(best, own, (size_t)levels);
        for (unsigned set = 0; set < 1u << levels; set++) {
            for (int l = 0; l < levels; l++) {
                own[l] = set >> l & 1u;
            }
            const double v = allocation_evaluate(a, held);
            if (v < value - 1e-11) {
                value = v;
                moved = true;
                memcpy(best, own, (size_t)levels);
            }
        }
        memcpy(own, best, (size_t)levels);
        unchanged = moved ? 0 : unchanged + 1;
    }
    return value;
}

static void test_greedy(void)
{
    uint8_t held[MOST_AGENTS * ALLOCATION_MAX_LEVELS];
    err_t err = ERR_INIT;
    for (uint64_t seed = 0; seed < 12; seed++) {
        nets_paper(&net, 4 + (int)seed, 2 + (int)(seed % 4), seed);
        net.input.eta_s = 0.03 * (double)(1 + seed);
        allocation_t *a = nets_problem(&net, seed % 3 ? ALLOCATION_PER_LINK : ALLOCATION_PER_AGENT);
        allocation_plan_t plan = {.held = held};
        CHECK_INT(allocation_solve(a, ALLOCATION_GREEDY, NULL, &plan, &err), 0);
        CHECK_NEAR(plan.objective, textbook_greedy(a), 1e-9 * plan.objective);
        allocation_destroy(a);
    }
}

static void check_order(allocation_reading_t reading)
{
    uint8_t held[MOST_AGENTS * ALLOCATION_MAX_LEVELS];
    err_t err = ERR_INIT;
    allocation_t *a = nets_problem(&net, reading);
    allocation_plan_t greedy = {.held = held}, ours = greedy, full = greedy, genetic = greedy;
    CHECK_INT(allocation_solve(a, ALLOCATION_GREEDY, NULL, &greedy, &err), 0);
    CHECK_INT(allocation_solve(a, ALLOCATION_FULL, NULL, &full, &err), 0);
    CHECK_INT(allocation_solve(a, ALLOCATION_GENETIC, NULL, &genetic, &err), 0);
    CHECK_INT(allocation_solve(a, ALLOCATION_OURS, NULL, &ours, &err), 0);
    CHECK_NEAR(allocation_evaluate(a, held), ours.objective, 0.0);
    CHECK_AT_MOST(ours.objective, greedy.objective * (1.0 + 1e-9) + 1e-12);
    CHECK_AT_MOST(ours.objective, full.objective * (1.0 + 1e-9) + 1e-12);
    const allocation_plan_t *plans[] = {&greedy, &full, &genetic, &ours};
    for (int p = 0; p < 4; p++) {
        CHECK_AT_MOST(plans[p]->bound, ours.objective + 1e-9);
        CU_ASSERT(plans[p]->gap >= 0.0 && plans[p]->gap <= 1.0);
    }
    allocation_destroy(a);
}

static void test_order(void)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        nets_nasty(&net, 2 + (int)(seed % 14), 1 + (int)(seed % 5), 1000 + seed);
        check_order(seed % 4 ? ALLOCATION_PER_LINK : ALLOCATION_PER_AGENT);
    }
}

static void test_near_optimum(void)
{
    uint8_t held[30 * 5];
    err_t err = ERR_INIT;
    double above = 0.0;
    int proven = 0;
    for (uint64_t seed = 0; seed < 12; seed++) {
        nets_paper(&net, 8 + 2 * (int)seed, 5, seed);
        allocation_t *a = nets_problem(&net, ALLOCATION_PER_LINK);
        allocation_plan_t ours = {.held = held}, exact = ours;
        const allocation_effort_t effort = {20.0, 1, 150};
        CHECK_INT(allocation_solve(a, ALLOCATION_OURS, &effort, &ours, &err), 0);
        CHECK_INT(allocation_solve(a, ALLOCATION_EXACT, &effort, &exact, &err), 0);
        CHECK_AT_MOST(ours.bound, exact.objective + 1e-9);
        CHECK_AT_MOST(exact.objective, ours.objective + 1e-9);
        CHECK_AT_MOST(ours.gap, 0.03);
        if (exact.gap < 1e-6) {
            above += ours.objective / exact.objective - 1.0;
            proven++;
        }
        allocation_destroy(a);
    }
    CHECK_AT_LEAST(proven, 8);
    CHECK_AT_MOST(above / proven, 0.005);
}

static void test_repeatable(void)
{
    uint8_t first[20 * 5], second[20 * 5];
    err_t err = ERR_INIT;
    nets_paper(&net, 20, 5, 3);
    for (int m = ALLOCATION_OURS; m <= ALLOCATION_FULL; m++) {
        allocation_t *a = nets_problem(&net, ALLOCATION_PER_LINK);
        allocation_plan_t one = {.held = first}, two = {.held = second};
        CHECK_INT(allocation_solve(a, (allocation_method_t)m, NULL, &one, &err), 0);
        CHECK_INT(allocation_solve(a, (allocation_method_t)m, NULL, &two, &err), 0);
        CHECK_INT(memcmp(first, second, sizeof(first)), 0);
        CU_ASSERT(one.objective == two.objective && one.bound == two.bound);
        allocation_destroy(a);
    }
}

/* One link prices: level 2 is worth it only when both ends have it; the paper's greedy sees that,
   but not that all could drop it together. */
static void test_collective_drop(void)
{
    uint8_t held[12 * 2];
    err_t err = ERR_INIT;
    nets_paper(&net, 12, 2, 5);
    net.loss[0] = 0.30;
    net.loss[1] = 0.24;
    net.input.eta_s = 0.09;
    for (int c = 0; c < 144; c++) {
        net.rate[c] = 0.1; /* nobody fetches */
    }
    allocation_t *a = nets_problem(&net, ALLOCATION_PER_LINK);
    allocation_plan_t greedy = {.held = held}, ours = greedy;
    CHECK_INT(allocation_solve(a, ALLOCATION_GREEDY, NULL, &greedy, &err), 0);
    CHECK_NEAR(greedy.objective, 12 * (0.24 + 0.18), 1e-9);
    CHECK_INT(allocation_solve(a, ALLOCATION_OURS, NULL, &ours, &err), 0);
    CHECK_NEAR(ours.objective, 12 * (0.30 + 0.09), 1e-9);
    CHECK_NEAR(ours.bound, ours.objective, 1e-6);
    allocation_destroy(a);
}

int main(void)
{
    static const check_test_t tests[] = {
        {"J per link is the definition's", test_link_value},
        {"J per agent is the least over all depths", test_agent_value},
        {"J per agent finds the groups for which going deep pays", test_groups},
        {"a link's cut is below its cost everywhere and tight where it was made", test_cuts},
        {"exact per link is brute force's optimum", test_exact_link},
        {"exact per agent is brute force's optimum", test_exact_agent},
        {"the fast greedy ends where Algorithm 1 does", test_greedy},
        {"ours is never worse than the greedy, bounds are below", test_order},
        {"ours is within 0.5 % of the proven optimum", test_near_optimum},
        {"the same input and seed give the same plan", test_repeatable},
        {"all drop a level together where the greedy is stuck", test_collective_drop},
    };
    return check_run("allocation", tests, CHECK_COUNT(tests));
}
