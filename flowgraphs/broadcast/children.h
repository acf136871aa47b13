/* SPDX-License-Identifier: GPL-3.0-or-later */
/* children: programs of this build that run beside ours, in a folder for what they write. */
#ifndef BROADCAST_CHILDREN_H
#define BROADCAST_CHILDREN_H

#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    char folder[64]; /* temporary */
    char programs[400];
} children_t;

int children_open(children_t *children, err_t *err);
/* Removes the folder with all files in it. */
void children_close(const children_t *children);
/* folder/NAME; eight texts in turn. */
const char *children_path(const children_t *children, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "semradio-PROGRAM" and words separated by single spaces; its output and log go to folder/LOG. -1:
 * err. */
pid_t children_start(const children_t *children, const char *program, const char *log, err_t *err,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Exit code, -signal, or -1000: it did not end in time, and was killed. */
int children_wait(pid_t pid, double timeout_s);

#endif
