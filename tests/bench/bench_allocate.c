/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench_allocate.h"
#include "allocation/network.h"

#include <math.h>
#include <stdlib.h>

enum { LEVELS = 5, MOST_NETWORKS = 15 };

typedef struct {
    int agents, networks;
    double asked_ms;
} case_t;

typedef struct {
    double ours_ms[MOST_NETWORKS], greedy_ms[MOST_NETWORKS];
    double ours, greedy, bound, most_gap, greedy_gap;
} sums_t;

static int by_value(const void *left, const void *right)
{
    const double l = *(const double *)left, r = *(const double *)right;
    return (l > r) - (l < r);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), by_value);
    return values[count / 2];
}

static int measure(int agents, int index, sums_t *sums, err_t *err)
{
    static const double loss[LEVELS] = {0.60, 0.42, 0.30, 0.22, 0.17};
    const network_draw_t draw = {.kind = NETWORK_LOGNORMAL,
                                 .agents = agents,
                                 .levels = LEVELS,
                                 .seed = (uint64_t)index + 1,
                                 .eta_a = 1.0,
                                 .eta_t = 0.5,
                                 .eta_s = 0.1,
                                 .loss = loss};
    network_t *network = network_draw(&draw, err);
    allocation_t *a = network == NULL
                          ? NULL
                          : allocation_create(network_input(network), ALLOCATION_PER_LINK,
                                              ALLOCATION_ROWS_ONE, err);
    network_destroy(network);
    uint8_t *held = malloc((size_t)agents * LEVELS);
    allocation_plan_t ours = {.held = held}, greedy = ours;
    const allocation_effort_t effort = ALLOCATION_EFFORT_DEFAULT;
    int code = a == NULL || held == NULL ? -1 : 0;
    if (code == 0 && (allocation_solve(a, ALLOCATION_GREEDY, &effort, &greedy, err) != 0 ||
                      allocation_solve(a, ALLOCATION_OURS, &effort, &ours, err) != 0)) {
        code = -1;
    }
    if (code == 0 &&
        (ours.objective > greedy.objective * (1.0 + 1e-9) || ours.bound > ours.objective ||
         fabs(allocation_evaluate(a, held) - ours.objective) > 1e-9)) {
        code = err_set(err, ERR_STATE, "a plan of %d agents is wrong", agents);
    }
    sums->ours_ms[index] = 1e3 * ours.seconds;
    sums->greedy_ms[index] = 1e3 * greedy.seconds;
    sums->ours += ours.objective;
    sums->greedy += greedy.objective;
    sums->bound += ours.bound;
    sums->most_gap = fmax(sums->most_gap, ours.gap);
    sums->greedy_gap += greedy.objective - ours.bound;
    free(held);
    allocation_destroy(a);
    return code;
}

int bench_allocate(FILE *out, err_t *err)
{
    static const case_t cases[] = {{50, 15, 20.0}, {200, 7, 0.0}, {1000, 3, 5000.0}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        sums_t sums = {.ours = 0.0};
        for (int index = 0; index < cases[c].networks; index++) {
            if (measure(cases[c].agents, index, &sums, err) != 0) {
                return -1;
            }
        }
        fprintf(out,
                "{\"name\": \"allocate-%d\", \"unit\": \"ms\", \"ours\": %.4g, \"peer\": %.4g, "
                "\"peer_name\": \"paper's greedy\", \"asked_ms\": %.4g, \"networks\": %d, "
                "\"gap\": %.4g, \"gap_max\": %.4g, \"greedy_gap\": %.4g, \"ours_over_greedy\": "
                "%.5f}\n",
                cases[c].agents, median(sums.ours_ms, cases[c].networks),
                median(sums.greedy_ms, cases[c].networks), cases[c].asked_ms, cases[c].networks,
                1.0 - sums.bound / sums.ours, sums.most_gap, sums.greedy_gap / sums.greedy,
                sums.ours / sums.greedy);
        fflush(out);
    }
    return 0;
}
