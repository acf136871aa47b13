/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * err: how every function of the project reports a failure.
 *
 * A function that can fail takes an `err_t *` as its last argument and
 * returns 0 or a negative number (int functions) or NULL (creators).  On
 * failure it has written one sentence for the person at the keyboard that
 * names what failed and where (file, line, option, address).  On success the
 * err_t is untouched.  `err` may be NULL: the sentence is then dropped.
 *
 * Errors are for input and for the world; our own mistakes are asserts.
 */
#ifndef COMMON_ERR_H
#define COMMON_ERR_H

#include <stddef.h>

typedef enum {
    ERR_NONE = 0,
    ERR_ARGUMENT,    /* a value out of range, an unknown name */
    ERR_IO,          /* the system refused: open, read, write, disk full */
    ERR_FORMAT,      /* a file or message is malformed */
    ERR_MEMORY,      /* allocation failed */
    ERR_STATE,       /* called in the wrong order, or already in use */
    ERR_TIMEOUT,     /* nothing came in time */
    ERR_CLOSED,      /* the other side has gone, or we were stopped */
    ERR_UNSUPPORTED, /* right in principle, not available in this build */
} err_code_t;

typedef struct {
    err_code_t code;
    char text[512]; /* one sentence, no newline, NUL-terminated */
} err_t;

#define ERR_INIT {ERR_NONE, ""}

/* Records a failure.  Always returns -1, so that `return err_set(...)` reads well. */
int err_set(err_t *err, err_code_t code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, and adds ": " and the text of the errno value `errnum`. */
int err_set_errno(err_t *err, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of a failure that a deeper call recorded.  Returns -1. */
int err_prefix(err_t *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A short name for a code: "format", "timeout" …  Never NULL. */
const char *err_code_name(err_code_t code);

#endif
