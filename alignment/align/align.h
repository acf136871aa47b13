/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * align: the words of the program semradio-align.  Each word is one row of align_words; --help and
 * the shell completion are made from that table and from the option table.
 */
#ifndef ALIGN_ALIGN_H
#define ALIGN_ALIGN_H

#include "control/control_client.h"
#include "options.h"

/* Exit codes; what scripts look at. */
typedef enum {
    ALIGN_OK = 0,
    ALIGN_FAILED = 1,  /* the other end said no, or a file could not be read or written */
    ALIGN_USAGE = 2,   /* a wrong word or option */
    ALIGN_NOBODY = 3,  /* nobody listens there */
    ALIGN_REFUSED = 4, /* somebody does, and the keys do not fit */
    ALIGN_TIMEOUT = 5, /* no answer in time */
} align_exit_t;

typedef struct {
    options_t *options;
    control_client_t *client; /* NULL until align_connect */
    bool json;
    double timeout_s;
    const char *target; /* "": whom we are connected to */
} align_t;

typedef align_exit_t align_run_t(align_t *align);

typedef struct {
    const char *name;
    const char *takes; /* of its arguments, "KEY=VALUE ..." */
    const char *help;
    align_run_t *run;
    const char *completes; /* its arguments: "keys", "topics", "files", "adapters", "sections", "" */
} align_word_t;

/* A program of its own under this roof; it has its own command line. */
typedef struct {
    const char *name, *usage, *help;
    int (*run)(int argc, char *const argv[]);
    const option_t *tables[2];
} align_tool_t;

extern const align_tool_t align_tools[]; /* ends with {0} */

extern const align_word_t align_words[]; /* ends with {0} */
extern const option_t align_options[];

/* The i-th argument after the word, or NULL. */
const char *align_argument(const align_t *align, size_t i);

/* Connects unless it has: words call it once their arguments are right.  Prints an error. */
align_exit_t align_connect(align_t *align);

/* Connects, asks, and prints an error.  ALIGN_OK: *result is to be freed.  Takes args (NULL: none). */
align_exit_t align_ask(align_t *align, const char *command, json_t *args, control_result_t *result);
align_exit_t align_error(const err_t *err, bool from_peer);
align_exit_t align_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One line of JSON on standard output. */
void align_print_json(const json_t *object);
/* "name  value" lines; inner objects as name.inner. */
void align_print_fields(const json_t *object, const char *prefix);

/* align_ask.c */
align_run_t align_get, align_set, align_list, align_status, align_ping;
/* align_watch.c */
align_run_t align_watch;
/* align_store.c */
align_run_t align_put, align_fetch, align_adapters;
/* align_swap.c */
align_run_t align_stage, align_arm, align_revert;
/* align_keys.c, align_complete.c */
align_run_t align_keys, align_completion;
/* align_hub.c */
align_run_t align_hub;

#endif
