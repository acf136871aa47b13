/* SPDX-License-Identifier: GPL-3.0-or-later */
/* allocate_command: options, one network, one plan. */
#include "allocation/allocate_command.h"
#include "allocation/allocate_private.h"
#include "file.h"
#include "log.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>

const option_t network_options[] = {
    {.section = "network",
     .name = "agents",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = ALLOCATION_MAX_AGENTS,
     .flags = OPTION_LIST,
     .help = "draws a network of so many agents instead of reading one (0: reads)"},
    {.section = "network",
     .name = "count",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = 100000,
     .help = "networks drawn for each number of agents; more than one: a table"},
    {.section = "network",
     .name = "seed",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 0,
     .max = 1e15,
     .help = "seed of the first drawn network, the next have the next numbers"},
    {.section = "network",
     .name = "rates",
     .type = OPTION_CHOICE,
     .fallback = "lognormal",
     .choices = "lognormal|square",
     .help = "rates drawn as in the paper, or from distances of agents in a square"},
    {.section = "network",
     .name = "loss",
     .type = OPTION_REAL,
     .fallback = "0.60,0.42,0.30,0.22,0.17",
     .max = 1e9,
     .flags = OPTION_LIST,
     .help = "J_A, the alignment loss of each level (the default is an example)"},
    {.section = "network",
     .name = "eta_a",
     .type = OPTION_REAL,
     .fallback = "1",
     .max = 1e9,
     .help = "weight of the alignment loss"},
    {.section = "network",
     .name = "eta_t",
     .type = OPTION_REAL,
     .fallback = "0.5",
     .max = 1e9,
     .help = "weight of the transmission overhead"},
    {.section = "network",
     .name = "eta_s",
     .type = OPTION_REAL,
     .fallback = "0.1",
     .max = 1e9,
     .help = "weight of the storage"},
    {.section = "network",
     .name = "draw_only",
     .type = OPTION_BOOL,
     .fallback = "false",
     .help = "writes the drawn network and no plan"},
    {0}};

const option_t allocate_options[] = {
    {.section = "allocate",
     .name = "method",
     .type = OPTION_CHOICE,
     .fallback = "ours",
     .choices = "ours|greedy|genetic|full|exact",
     .flags = OPTION_LIST,
     .help = "how the plan is found; several: a table"},
    {.section = "allocate",
     .name = "reading",
     .type = OPTION_CHOICE,
     .fallback = "link",
     .choices = "link|agent",
     .help = "needed levels belong to a link, or to an agent as constraint (12) is printed"},
    {.section = "allocate",
     .name = "rows",
     .type = OPTION_CHOICE,
     .fallback = "one",
     .choices = "one|scale|any",
     .help = "rows of F must sum to one, are scaled to it, or are taken as they are"},
    {.section = "allocate",
     .name = "time_limit_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "60",
     .min = 0.001,
     .max = 1e6,
     .help = "processor time after which exact returns its best plan and bound"},
    {.section = "allocate",
     .name = "search_seed",
     .type = OPTION_INT,
     .fallback = "1",
     .min = 0,
     .max = 1e15,
     .help = "seed of ours and genetic"},
    {.section = "allocate",
     .name = "bound_steps",
     .type = OPTION_INT,
     .fallback = "150",
     .min = 0,
     .max = 100000,
     .help = "ascent steps of the lower bound (0: no bound)"},
    {.section = "allocate",
     .name = "previous",
     .type = OPTION_STRING,
     .help = "mends this plan of the network before the change"},
    {.section = "allocate",
     .name = "out",
     .type = OPTION_STRING,
     .help = "file for the plan (nothing: standard output)"},
    {0}};

network_t *allocate_draw(const options_t *options, int agents, int index, err_t *err)
{
    double loss[ALLOCATION_MAX_LEVELS];
    const size_t levels = options_count(options, "network.loss");
    for (size_t l = 0; l < levels && l < ALLOCATION_MAX_LEVELS; l++) {
        loss[l] = options_real_at(options, "network.loss", l);
    }
    const network_draw_t draw = {
        .kind = options_choice(options, "network.rates") == 1 ? NETWORK_SQUARE : NETWORK_LOGNORMAL,
        .agents = agents,
        .levels = (int)levels,
        .seed = (uint64_t)options_int(options, "network.seed") + (uint64_t)index,
        .eta_a = options_real(options, "network.eta_a"),
        .eta_t = options_real(options, "network.eta_t"),
        .eta_s = options_real(options, "network.eta_s"),
        .loss = loss,
    };
    return network_draw(&draw, err);
}

allocation_t *allocate_problem(const options_t *options, const network_t *network, err_t *err)
{
    static const allocation_rows_t rows[] = {ALLOCATION_ROWS_ONE, ALLOCATION_ROWS_SCALE,
                                             ALLOCATION_ROWS_ANY};
    return allocation_create(network_input(network),
                             options_choice(options, "allocate.reading") == 1 ? ALLOCATION_PER_AGENT
                                                                              : ALLOCATION_PER_LINK,
                             rows[options_choice(options, "allocate.rows")], err);
}

allocation_effort_t allocate_effort(const options_t *options)
{
    return (allocation_effort_t){
        .time_limit_s = options_real(options, "allocate.time_limit_s"),
        .seed = (uint64_t)options_int(options, "allocate.search_seed"),
        .bound_steps = (int)options_int(options, "allocate.bound_steps"),
    };
}

allocation_method_t allocate_method(const options_t *options, size_t index)
{
    static const struct {
        const char *word;
        allocation_method_t method;
    } methods[] = {{"ours", ALLOCATION_OURS},
                   {"greedy", ALLOCATION_GREEDY},
                   {"genetic", ALLOCATION_GENETIC},
                   {"full", ALLOCATION_FULL},
                   {"exact", ALLOCATION_EXACT}};
    const char *word = options_text_at(options, "allocate.method", index);
    size_t k = 0;
    while (k < 4 && strcmp(methods[k].word, word) != 0) {
        k++;
    }
    return methods[k].method;
}

network_t *allocate_network(const options_t *options, err_t *err)
{
    const char *path = options_positional(options, 0);
    const int agents = (int)options_int(options, "network.agents");
    if (path != NULL && options_positional(options, 1) != NULL) {
        err_set(err, ERR_ARGUMENT, "one NETWORK.json at a time");
    } else if (path != NULL && agents > 0) {
        err_set(err, ERR_ARGUMENT, "a file or network.agents, not both");
    } else if (path != NULL) {
        return network_read(path, err);
    } else if (agents > 0) {
        return allocate_draw(options, agents, 0, err);
    } else {
        err_set(err, ERR_ARGUMENT, "give a NETWORK.json, or network.agents to draw one");
    }
    return NULL;
}

int allocate_write(const options_t *options, const network_t *network, err_t *err)
{
    const char *path = options_string(options, "allocate.out");
    if (path[0] == '\0') {
        return network_write(network, stdout, err);
    }
    file_writer_t *writer = file_writer_open(path, err);
    if (writer == NULL) {
        return -1;
    }
    if (network_write(network, file_writer_stream(writer), err) != 0) {
        file_writer_abort(writer);
        return err_prefix(err, "%s", path);
    }
    return file_writer_commit(writer, err);
}

static int solve_or_mend(const options_t *options, const network_t *network, allocation_t *problem,
                         allocation_plan_t *plan, err_t *err)
{
    const allocation_effort_t effort = allocate_effort(options);
    const char *path = options_string(options, "allocate.previous");
    if (path[0] == '\0') {
        return allocation_solve(problem, allocate_method(options, 0), &effort, plan, err);
    }
    network_t *previous = network_read(path, err);
    if (previous == NULL) {
        return -1;
    }
    int code = network_carry_over(network, previous, plan->held, err);
    network_destroy(previous);
    return code == 0 ? allocation_mend(problem, &effort, plan, err) : err_prefix(err, "%s", path);
}

int allocate_plan(const options_t *options, network_t *network, err_t *err)
{
    const bool mended = options_string(options, "allocate.previous")[0] != '\0';
    if (mended && options_given(options, "allocate.method")) {
        return err_set(err, ERR_ARGUMENT, "allocate.previous mends: it takes no method");
    }
    allocation_t *problem = allocate_problem(options, network, err);
    if (problem == NULL) {
        return -1;
    }
    const size_t size = (size_t)allocation_agents(problem) * (size_t)allocation_levels(problem);
    allocation_plan_t plan = {.held = malloc(size)};
    int code = plan.held == NULL ? err_set(err, ERR_MEMORY, "no memory for the plan")
                                 : solve_or_mend(options, network, problem, &plan, err);
    if (code == 0) {
        code = network_set_plan(network,
                                mended ? "mended" : options_text_at(options, "allocate.method", 0),
                                options_string(options, "allocate.reading"), &plan, err);
    }
    free(plan.held);
    allocation_destroy(problem);
    return code;
}

static int run(const options_t *options, err_t *err)
{
    if (options_int(options, "network.count") > 1 || options_count(options, "network.agents") > 1 ||
        options_count(options, "allocate.method") > 1) {
        return allocate_table(options, stdout, err);
    }
    network_t *network = allocate_network(options, err);
    if (network == NULL) {
        return -1;
    }
    int code = 0;
    if (!options_bool(options, "network.draw_only")) {
        code = allocate_plan(options, network, err);
    }
    code = code == 0 ? allocate_write(options, network, err) : code;
    network_destroy(network);
    return code;
}

int align_allocate_command(int argc, char *const argv[])
{
    static const option_t *const tables[] = {allocate_options, network_options, program_options,
                                             NULL};
    options_t *options;
    int code = program_begin("semradio-align allocate", "[NETWORK.json]",
                             "decides which agent stores which level of distilled knowledge",
                             tables, argc, argv, &options);
    if (options == NULL) {
        return code;
    }
    err_t err = ERR_INIT;
    code = PROGRAM_OK;
    if (run(options, &err) != 0) {
        log_error("%s", err.text);
        code = PROGRAM_FAILED;
    }
    options_destroy(options);
    return code;
}
