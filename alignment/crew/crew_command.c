/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crew_command: "semradio-align network": options, and the order of things. */
#include "crew/crew_private.h"

#include "allocation/allocate_command.h"
#include "allocation/allocate_private.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NOT_IN_TIME = 5 };

const option_t crew_options[] = {
    {.section = "run",
     .name = "folder",
     .type = OPTION_STRING,
     .help = "starts the agents of the network here, each in FOLDER/NAME, and again when one dies"},
    {.section = "run",
     .name = "agents",
     .type = OPTION_STRING,
     .help = "agents that run already: file with [{\"name\", \"endpoint\", \"key\"}, ...]; key: "
             "public, off this machine"},
    {.section = "run",
     .name = "key",
     .type = OPTION_STRING,
     .help = "our own key pair, towards agents with a key"},
    {.section = "run",
     .name = "knowledge",
     .type = OPTION_STRING,
     .flags = OPTION_LIST,
     .help = "AGENT:TASK=FILE: experts among the agents that are started, and their adapters"},
    {.section = "run",
     .name = "words",
     .type = OPTION_STRING,
     .help =
         "more options for the agents that are started, separated by spaces: --skill.codec=deka"},
    {.section = "run",
     .name = "leaving",
     .type = OPTION_STRING,
     .flags = OPTION_LIST,
     .help = "agents that are not in the network any more, but still here to be fetched from"},
    {.section = "run",
     .name = "rate_bytes_s",
     .type = OPTION_REAL,
     .unit = "B/s",
     .fallback = "0",
     .max = 1e12,
     .help = "emulates the links: R = 1 is so many bytes a second (0: as fast as it goes)"},
    {.section = "run",
     .name = "deadline_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "600",
     .min = 0.1,
     .max = 1e6,
     .help = "all must be in place by then; what came stays for the next run"},
    {.section = "run",
     .name = "patience_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "10",
     .min = 0.1,
     .max = 1e5,
     .help = "for agents to be there at first, and for increments that nobody can give"},
    {.section = "run",
     .name = "losses",
     .type = OPTION_BOOL,
     .help = "measures J_A and S of the levels first and plans with them"},
    {.section = "run",
     .name = "measure",
     .type = OPTION_BOOL,
     .help = "measures the network's loss over every link when the plan is in place"},
    {.section = "run",
     .name = "images",
     .type = OPTION_INT,
     .fallback = "4",
     .min = 1,
     .max = 100000,
     .help = "pictures for each measured link and level"},
    {.section = "run",
     .name = "via",
     .type = OPTION_CHOICE,
     .fallback = "control",
     .choices = "control|ofdm",
     .help = "how features travel when the loss is measured: as they are, or as frames over the "
             "OFDM waveform and an emulated air"},
    {.section = "run",
     .name = "snr_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "20",
     .min = -30,
     .max = 60,
     .help = "ofdm: Es/N0 of the air (AWGN)"},
    {.section = "run",
     .name = "report",
     .type = OPTION_STRING,
     .help = "file for the report as JSON (nothing: a table on standard output)"},
    {0}};

/* A plan out of a file may be for another network. */
static int check_plan(const crew_t *crew, err_t *err)
{
    allocation_t *problem = allocate_problem(crew->options, crew->network, err);
    if (problem == NULL) {
        return -1;
    }
    const bool works = isfinite(allocation_evaluate(problem, crew->planned));
    allocation_destroy(problem);
    return works ? 0
                 : err_set(err, ERR_STATE, "the plan leaves an agent with traffic without level 1");
}

static int planned(crew_t *crew, err_t *err)
{
    const options_t *o = crew->options;
    const bool anew = options_given(o, "allocate.method") || options_bool(o, "run.losses") ||
                      *options_string(o, "allocate.previous") != 0;
    if ((anew || network_held(crew->network) == NULL) &&
        allocate_plan(o, crew->network, err) != 0) {
        return -1;
    }
    crew->planned = network_held(crew->network);
    if (check_plan(crew, err) != 0) {
        return -1;
    }
    return *options_string(o, "allocate.out") != 0 ? allocate_write(o, crew->network, err) : 0;
}

static int look_at_all(crew_t *crew, err_t *err)
{
    int code = 0;
    crew->deadline_ns = clock_now_ns() + 5000000000u; /* a late report is better than none */
    for (int i = 0; i < crew->mates; i++) {
        mate_t *mate = &crew->mate[i];
        code = mate_alive(mate) && mate_look(mate, &mate->last, err) != 0 ? -1 : code;
        if (mate->last == NULL) {
            mate->last = json_incref(mate->first);
        }
    }
    return code;
}

static int write_report(const crew_t *crew, json_t *report, err_t *err)
{
    const char *path = options_string(crew->options, "run.report");
    char *text =
        report != NULL ? json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    int code = text != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for the report");
    if (code == 0 && *path == 0) {
        crew_print(report);
    } else if (code == 0) {
        file_writer_t *writer = file_writer_open(path, err);
        code = writer != NULL && file_writer_write(writer, text, strlen(text), err) == 0
                   ? file_writer_commit(writer, err)
                   : -1;
    }
    free(text);
    json_decref(report);
    return code;
}

/* Everything before the report.  What went wrong is in crew->error. */
static int work(crew_t *crew, crew_links_t *links, crew_measured_t *measured, bool *has_measured)
{
    const options_t *o = crew->options;
    err_t *err = &crew->error;
    if (crew_gather(crew, err) != 0 ||
        (options_bool(o, "run.losses") && crew_measure_levels(crew, err) != 0) ||
        planned(crew, err) != 0 || crew_links(crew->network, crew->planned, links, err) != 0) {
        return -1;
    }
    int code = crew_settle(crew, err);
    const double settle_s = crew->settle_s;
    if (code == 0 && options_bool(o, "run.measure")) {
        *has_measured = true;
        code = crew_measure(crew, links, measured, err);
        code = code == 0 ? crew_settle(crew, err) : code; /* what was for a use goes again */
        crew->settle_s = settle_s;
    }
    return code;
}

static int run(crew_t *crew)
{
    crew_links_t links = {0};
    crew_measured_t measured = {0};
    bool has_measured = false;
    err_t late = ERR_INIT;
    crew->begun_ns = clock_now_ns();
    crew->deadline_ns =
        crew->begun_ns + (uint64_t)(options_real(crew->options, "run.deadline_s") * 1e9);
    (void)work(crew, &links, &measured, &has_measured);
    const err_t error = crew->error;
    crew->error = (err_t)ERR_INIT; /* or the looks would end at once */
    (void)look_at_all(crew, &late);
    crew->error = error;
    if (write_report(crew,
                     crew_report(crew, links.depth != NULL ? &links : NULL,
                                 has_measured && error.code == ERR_NONE ? &measured : NULL),
                     &late) != 0) {
        log_error("%s", late.text);
    }
    crew_links_free(&links);
    crew_measured_free(&measured);
    if (error.code != ERR_NONE) {
        log_error("%s", error.text);
    }
    return error.code == ERR_NONE      ? PROGRAM_OK
           : error.code == ERR_TIMEOUT ? NOT_IN_TIME
                                       : PROGRAM_FAILED;
}

int crew_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {crew_options, allocate_options, network_options,
                                             program_options, NULL};
    options_t *options;
    int code = program_begin("semradio-align network", "[NETWORK.json]",
                             "brings the agents of a network to the state that a plan wants, and "
                             "measures what the network loses",
                             tables, argc, argv, &options);
    if (options == NULL) {
        return code;
    }
    crew_t *crew = calloc(1, sizeof *crew);
    err_t err = ERR_INIT;
    if (crew == NULL) {
        options_destroy(options);
        return PROGRAM_FAILED;
    }
    crew->options = options;
    program_catch_signals();
    crew->network = allocate_network(options, &err);
    crew->agents = crew->network != NULL ? network_input(crew->network)->agents : 0;
    if (crew->network == NULL) {
        code = PROGRAM_FAILED;
    } else if (crew_mates_open(crew, &err) != 0) {
        code = err.code == ERR_ARGUMENT ? PROGRAM_USAGE : PROGRAM_FAILED;
    } else {
        code = run(crew);
    }
    if (err.code != ERR_NONE) {
        log_error("%s", err.text);
    }
    crew_mates_close(crew);
    network_destroy(crew->network);
    free(crew);
    options_destroy(options);
    return code;
}
