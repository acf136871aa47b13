/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tdl: the tapped delay lines of 3GPP TR 38.901 V17 ("Study on channel model for
 * frequencies from 0.5 to 100 GHz"), tables 7.7.2-1 … 7.7.2-5.
 */
#ifndef AIR_TDL_H
#define AIR_TDL_H

#include <stdbool.h>
#include <stddef.h>

#define TDL_MAX_PATHS 24

typedef struct {
    float delay;    /* of unit rms delay spread, about */
    float power_db; /* as printed; the sum is not 0 dB */
} tdl_path_t;

typedef struct {
    const char *name; /* "TDL-A" */
    bool sight;       /* path 0 is the line of sight; path 1 its scattered part */
    size_t count;
    tdl_path_t path[TDL_MAX_PATHS];
} tdl_t;

/* 0 … 4 for A … E. */
const tdl_t *tdl_table(int index);

#endif
