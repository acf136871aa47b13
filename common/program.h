/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * program: what every program of the project does the same way: options, exit
 * codes, Ctrl-C, and threads that stand back for others.
 *
 *     int main(int argc, char **argv) {
 *         options_t *options;
 *         int code = program_begin("semradio-tx", NULL, "sends images", tables, argc, argv,
 *                                &options);
 *         if (options == NULL) return code;
 *         while (!program_stopped(0.1)) ...
 *     }
 *
 * Exit codes: 0 done (also after Ctrl-C), 1 it could not go on, 2 a wrong option.
 */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

#include "options.h"

enum { PROGRAM_OK = 0, PROGRAM_FAILED = 1, PROGRAM_USAGE = 2 };

/* The table of section "log": level.  For daemons the same, changeable while they run. */
extern const option_t program_options[];
extern const option_t daemon_options[];

/*
 * Joins the tables, reads the command line, sets the log level.  `synopsis` names the positional
 * words (NULL: there are none).  *options is NULL when the program
 * should exit at once with the returned code (--help was answered, or an error was logged).
 */
int program_begin(const char *program, const char *synopsis, const char *summary,
                  const option_t *const tables[], int argc, char *const argv[],
                  options_t **options);

/*
 * From here on SIGINT and SIGTERM ask for an orderly end instead of killing, and SIGPIPE is an
 * error of write().  Call before any thread is started.
 */
void program_catch_signals(void);

/* Waits up to timeout_s for a signal.  True: one came (now or earlier), end. */
bool program_stopped(double timeout_s);
/* How many signals came: a second one means "at once". */
int program_stop_count(void);

/* Lowers the calling thread's priority (nice 0 … 19), so that radio threads come first. */
void program_stand_back(int nice);

/* The calling thread runs before all ordinary ones where the system allows it (root, or an rtprio
   limit); for threads that mostly wait, as radio threads do.  False: not allowed, nothing changed. */
bool program_come_first(void);

/* Names the calling thread (15 letters) for top -H and debuggers. */
void program_name_thread(const char *name);

#endif
