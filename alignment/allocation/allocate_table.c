/* SPDX-License-Identifier: GPL-3.0-or-later */
/* allocate_command: methods side by side on many drawn networks. */
#include "allocation/allocate_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { METHODS = 5 };

/* What is told of one method; sums until they are printed. */
typedef struct {
    double loss, saving, gap, most_gap, seconds, most_seconds, above, most_above;
    int proven, compared, worse;
} tally_t;

typedef struct {
    const options_t *options;
    size_t methods;
    allocation_method_t method[METHODS];
    tally_t tally[METHODS];
    allocation_plan_t plan[METHODS];
} table_t;

static int find_method(const table_t *t, allocation_method_t method)
{
    for (size_t m = 0; m < t->methods; m++) {
        if (t->method[m] == method) {
            return (int)m;
        }
    }
    return -1;
}

static void count(table_t *t, double full, int agents)
{
    const int exact = find_method(t, ALLOCATION_EXACT), greedy = find_method(t, ALLOCATION_GREEDY);
    for (size_t m = 0; m < t->methods; m++) {
        const allocation_plan_t *plan = &t->plan[m];
        tally_t *sum = &t->tally[m];
        sum->loss += plan->objective / agents;
        sum->saving += 1.0 - plan->objective / full;
        sum->gap += plan->gap;
        sum->most_gap = fmax(sum->most_gap, plan->gap);
        sum->seconds += plan->seconds;
        sum->most_seconds = fmax(sum->most_seconds, plan->seconds);
        sum->proven += plan->gap <= 1e-6;
        if (exact >= 0 && t->plan[exact].gap <= 1e-6) {
            const double above = plan->objective / t->plan[exact].objective - 1.0;
            sum->above += above;
            sum->most_above = fmax(sum->most_above, above);
            sum->compared++;
        }
        sum->worse += greedy >= 0 && plan->objective > t->plan[greedy].objective * (1.0 + 1e-9);
    }
}

static int one_network(table_t *t, int agents, int index, err_t *err)
{
    const allocation_effort_t effort = allocate_effort(t->options);
    network_t *network = allocate_draw(t->options, agents, index, err);
    allocation_t *problem = network ? allocate_problem(t->options, network, err) : NULL;
    network_destroy(network);
    if (problem == NULL) {
        return -1;
    }
    const size_t size = (size_t)agents * (size_t)allocation_levels(problem);
    allocation_plan_t full = {.held = malloc(size)};
    allocation_effort_t no_bound = effort;
    no_bound.bound_steps = 0;
    int code = full.held == NULL
                   ? err_set(err, ERR_MEMORY, "no memory for the plan")
                   : allocation_solve(problem, ALLOCATION_FULL, &no_bound, &full, err);
    for (size_t m = 0; m < t->methods && code == 0; m++) {
        t->plan[m].held = full.held;
        code = allocation_solve(problem, t->method[m], &effort, &t->plan[m], err);
    }
    if (code == 0) {
        count(t, full.objective, agents);
    }
    free(full.held);
    allocation_destroy(problem);
    return code;
}

static void put_line(const table_t *t, size_t m, int agents, int networks, FILE *out)
{
    const tally_t *sum = &t->tally[m];
    fprintf(out,
            "{\"agents\": %d, \"method\": \"%s\", \"reading\": \"%s\", \"networks\": %d, "
            "\"loss_per_agent\": %.6g, \"saving_to_full\": %.4g, \"gap_mean\": %.3g, "
            "\"gap_max\": %.3g, \"proven\": %d, ",
            agents, options_text_at(t->options, "allocate.method", m),
            options_string(t->options, "allocate.reading"), networks, sum->loss / networks,
            sum->saving / networks, sum->gap / networks, sum->most_gap, sum->proven);
    if (sum->compared > 0) {
        fprintf(out, "\"above_exact_mean\": %.3g, \"above_exact_max\": %.3g, \"compared\": %d, ",
                sum->above / sum->compared, sum->most_above, sum->compared);
    }
    if (find_method(t, ALLOCATION_GREEDY) >= 0) {
        fprintf(out, "\"worse_than_greedy\": %d, ", sum->worse);
    }
    fprintf(out, "\"seconds_mean\": %.3g, \"seconds_max\": %.3g}\n", sum->seconds / networks,
            sum->most_seconds);
    fflush(out);
}

int allocate_table(const options_t *options, FILE *out, err_t *err)
{
    static table_t t;
    t = (table_t){.options = options, .methods = options_count(options, "allocate.method")};
    const int networks = (int)options_int(options, "network.count");
    if (options_positional(options, 0) != NULL || options_string(options, "allocate.previous")[0] ||
        options_string(options, "allocate.out")[0] || options_bool(options, "network.draw_only")) {
        return err_set(
            err, ERR_ARGUMENT,
            "a table is about drawn networks: it takes no file, previous, out, draw_only");
    }
    if (t.methods < 1 || t.methods > METHODS) {
        return err_set(err, ERR_ARGUMENT, "allocate.method: one to %d methods", METHODS);
    }
    for (size_t m = 0; m < t.methods; m++) {
        t.method[m] = allocate_method(options, m);
    }
    for (size_t k = 0; k < options_count(options, "network.agents"); k++) {
        const int agents = (int)options_real_at(options, "network.agents", k);
        memset(t.tally, 0, sizeof(t.tally));
        for (int index = 0; index < networks; index++) {
            if (one_network(&t, agents, index, err) != 0) {
                return -1;
            }
        }
        for (size_t m = 0; m < t.methods; m++) {
            put_line(&t, m, agents, networks, out);
        }
    }
    return 0;
}
