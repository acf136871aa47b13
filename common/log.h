/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log: status lines for the person at the keyboard, on standard error.
 *
 *     12:04:31.207 warning: rx: 3 sample blocks dropped (the decoder is behind)
 *
 * Data never goes through here: it goes to standard output or to files.  One
 * call writes one whole line with one write(2); nothing is allocated, and
 * threads need no lock.  A line longer than 1,000 bytes is cut.  A write can
 * block on a slow terminal, so radio threads never log: they count, and a
 * slower thread says so.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { LOG_ERROR = 0, LOG_WARN, LOG_INFO, LOG_DEBUG } log_level_t;

/* Lines above this level are dropped.  Default LOG_INFO. */
void log_set_level(log_level_t level);
log_level_t log_level(void);

/* The level of a name: "error", "warn", "info", "debug"; -1 when unknown. */
int log_level_of(const char *name);

/* "tx" gives "12:04:31.207 info: tx: ...".  Kept by reference; NULL: none. */
void log_set_program(const char *name);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How many lines were written so far (by all threads): who draws on the terminal looks at it. */
uint64_t log_lines(void);

/*
 * At most one line per interval and place.  Zero-initialise; one thread each.
 *
 *     static log_limit_t limit;
 *     uint64_t more;
 *     if (log_limit_allow(&limit, 1.0, &more)) {
 *         log_warn("frame dropped (%llu more since the last line)", more);
 *     }
 */
typedef struct {
    uint64_t next_ns;
    uint64_t suppressed;
} log_limit_t;

/* True when a line may be written now; *suppressed: how many were not since the last one. */
bool log_limit_allow(log_limit_t *limit, double interval_s, uint64_t *suppressed);

#endif
