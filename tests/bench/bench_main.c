/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * semradio-bench: speeds beside the peers' and the kernels'.
 *
 *     semradio-bench phy|nn|sweep|federated|allocate [--row NAME,NAME] [--rounds N]
 *
 * One JSON line a row on standard output; a table on standard error when it is a terminal.
 */
#include "bench.h"
#include "bench_allocate.h"
#include "bench_federated.h"
#include "bench_nn.h"
#include "bench_phy.h"
#include "bench_sweep.h"
#include "log.h"
#include "program.h"

#include <string.h>
#include <unistd.h>

enum { MAX_ROWS = (int)BENCH_PHY_MAX_ROWS + (int)BENCH_NN_MAX_ROWS }; /* of either word */

static const option_t bench_options[] = {
    {.section = "bench",
     .name = "row",
     .type = OPTION_STRING,
     .flags = OPTION_LIST,
     .help = "only these rows, by name (nothing: all)"},
    {.section = "bench",
     .name = "rounds",
     .type = OPTION_INT,
     .fallback = "31",
     .min = 1,
     .max = BENCH_MAX_ROUNDS,
     .help = "rounds of ours, peer and limit in turn; medians are over them"},
    {.section = "bench",
     .name = "slice_ms",
     .type = OPTION_REAL,
     .unit = "ms",
     .fallback = "10",
     .min = 0.001,
     .max = 10000,
     .help = "processor time of one side in one round"},
    {.section = "bench",
     .name = "core",
     .type = OPTION_INT,
     .fallback = "-1",
     .min = -1,
     .max = 1023,
     .help = "the core to run on (-1: the last one)"},
    {.section = "bench",
     .name = "threads",
     .type = OPTION_INT,
     .fallback = "0",
     .min = 0,
     .max = 64,
     .help = "nn: threads of the rows that have several (0: the cores there are, at most 2)"},
    {0}};

static const bench_row_t *find_row(const bench_row_t *const rows[], const char *name)
{
    for (size_t i = 0; rows[i] != NULL; i++) {
        if (strcmp(rows[i]->name, name) == 0) {
            return rows[i];
        }
    }
    return NULL;
}

static bool wanted(const options_t *options, const char *name)
{
    size_t count = options_count(options, "bench.row");
    bool found = count == 0;
    for (size_t i = 0; i < count; i++) {
        found |= strcmp(options_text_at(options, "bench.row", i), name) == 0;
    }
    return found;
}

/* Refuses a row that does not exist, and names those that do. */
static bool rows_exist(const options_t *options, const bench_row_t *const rows[])
{
    for (size_t i = 0; i < options_count(options, "bench.row"); i++) {
        const char *name = options_text_at(options, "bench.row", i);
        if (find_row(rows, name) == NULL) {
            char names[1024] = "";
            for (size_t k = 0; rows[k] != NULL; k++) {
                snprintf(names + strlen(names), sizeof(names) - strlen(names), " %s",
                         rows[k]->name);
            }
            log_error("bench.row: there is no row '%s' among:%s", name, names);
            return false;
        }
    }
    return true;
}

static int run(const options_t *options, const bench_row_t *const rows[])
{
    err_t err = ERR_INIT;
    int failed = 0, done = 0;
    static bench_result_t results[MAX_ROWS];
    const bench_row_t *measured[MAX_ROWS];
    bench_effort_t effort = {.rounds = (int)options_int(options, "bench.rounds"),
                             .slice_s = options_real(options, "bench.slice_ms") * 1e-3};
    for (size_t i = 0; rows[i] != NULL; i++) {
        if (!wanted(options, rows[i]->name)) {
            continue;
        }
        if (bench_measure(rows[i], &effort, &results[done], &err) != 0) {
            log_error("%s", err.text);
            failed = 1;
            continue;
        }
        bench_print_json(rows[i], &results[done], stdout);
        measured[done++] = rows[i];
    }
    for (int i = 0; i < done && isatty(STDERR_FILENO); i++) {
        if (i == 0) {
            bench_print_heading(stderr);
        }
        bench_print_line(measured[i], &results[i], stderr);
    }
    if (ferror(stdout)) {
        log_error("standard output takes no more");
        failed = 1;
    }
    return failed ? PROGRAM_FAILED : PROGRAM_OK;
}

static int run_core(const options_t *options, const bench_row_t *const rows[])
{
    err_t err = ERR_INIT;
    if (!rows_exist(options, rows)) {
        return PROGRAM_USAGE;
    }
    if (bench_pin((int)options_int(options, "bench.core"), &err) < 0) {
        log_warn("%s: the rows run unpinned", err.text);
    }
    return run(options, rows);
}

static int run_nn(const options_t *options)
{
    err_t err = ERR_INIT;
    int code = PROGRAM_USAGE;
    if (bench_nn_begin((int)options_int(options, "bench.threads"),
                       (int)options_int(options, "bench.core"), &err) < 0) {
        log_error("%s", err.text);
    } else if (rows_exist(options, bench_nn_rows)) {
        code = run(options, bench_nn_rows);
    }
    bench_nn_end();
    return code;
}

/* Rows of its own shape: times and certified gaps. */
static int run_allocate(void)
{
    err_t err = ERR_INIT;
    if (bench_allocate(stdout, &err) == 0) {
        return PROGRAM_OK;
    }
    log_error("%s", err.text);
    return PROGRAM_FAILED;
}

int main(int argc, char **argv)
{
    static const option_t *const tables[] = {bench_options, program_options, NULL};
    options_t *options;
    int code = program_begin("semradio-bench", "phy|nn|sweep|federated|allocate", "measures speeds beside the peers'",
                             tables, argc, argv, &options);
    if (options == NULL) {
        return code;
    }
    const char *word = options_positional(options, 0);
    bool alone = word != NULL && options_positional(options, 1) == NULL;
    if (alone && strcmp(word, "phy") == 0) {
        code = run_core(options, bench_phy_rows);
    } else if (alone && strcmp(word, "sweep") == 0) {
        code = run_core(options, bench_sweep_rows);
    } else if (alone && strcmp(word, "federated") == 0) {
        code = run_core(options, bench_federated_rows);
    } else if (alone && strcmp(word, "allocate") == 0) {
        code = run_allocate();
    } else if (alone && strcmp(word, "nn") == 0) {
        code = run_nn(options);
    } else {
        log_error("say what to measure: phy, nn, sweep, federated or allocate (semradio-bench --help tells more)");
        code = PROGRAM_USAGE;
    }
    options_destroy(options);
    return code;
}
