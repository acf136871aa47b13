/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sweep_private: what sweep*.c share. */
#ifndef FLOWGRAPHS_SWEEP_PRIVATE_H
#define FLOWGRAPHS_SWEEP_PRIVATE_H

#include "sweep.h"

typedef struct {
    char *key;
    char *origin;
    char **values;
    size_t count;
    unsigned layer;
    size_t leader; /* the first axis of its group; itself when it is not zipped */
} axis_t;

struct sweep {
    options_t *options;
    const char *home;
    const char *const *whole;
    axis_t *axes;
    size_t count;
    unsigned layer;
};

/* The option that key[length] means, looked for in the home section first, or NULL. */
const option_t *sweep_option(const sweep_t *sweep, const char *key, size_t length, err_t *err);

#endif
