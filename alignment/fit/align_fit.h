/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * align_fit: `semradio-align fit`: pilots.safetensors in, an adapter out, to a file, a store, or
 * both.
 */
#ifndef ALIGNMENT_FIT_ALIGN_FIT_H
#define ALIGNMENT_FIT_ALIGN_FIT_H

#include "fit/fit.h"
#include "options.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    const char *pilots; /* path (fit/pilots.h) */
    const char *out;    /* path of the adapter; NULL or "": none */
    const char *store;  /* folder of a store (store/store.h); NULL or "": none */
    fit_options_t fit;
    int channels; /* complex channels of the codec at its highest rate; 0: those of the pilots */
    adapter_info_t info; /* base, rate (0: those of the pilots), SNR group, author, created, parent;
                            a name is also set in the store */
    bool json;
} align_fit_options_t;

/*
 * Fits, saves, and writes to `text`: JSON, one object on one line, or some lines for people.
 * Keys: method, pairs, places, kernel, ridge, steps, folds, nmse_before_db, nmse_fit_db, nmse_db
 * (validated), kind, id, bytes; those that do not apply are left out.
 */
int align_fit_command(const align_fit_options_t *options, FILE *text, err_t *err);

/* The table of section "fit", and the options from it (strings by reference). */
extern const option_t align_fit_table[];
int align_fit_read(const options_t *options, align_fit_options_t *out, err_t *err);

/*
 * The whole subcommand: argv[0] is its name, options follow, PILOTS is the word without dashes.
 * Returns an exit code (program.h).
 */
int align_fit_main(int argc, char *const argv[]);

#endif
