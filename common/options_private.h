/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the option table share; for no one else. */
#ifndef COMMON_OPTIONS_PRIVATE_H
#define COMMON_OPTIONS_PRIVATE_H

#include "options.h"

typedef struct {
    const option_t *option;
    char *text;         /* as it was set */
    char **values;      /* its elements: one, or those of the list */
    size_t value_count; /* 0 only for an empty list */
    bool given;
} option_entry_t;

struct options {
    const char *program, *summary, *epilog, *synopsis;
    option_entry_t *entries;
    size_t count;
    const char **words; /* positional, pointing into argv */
    size_t word_count;
};

/* --- option_value.c: one value --- */

/* Checks one element.  The message names the option and what it takes. */
int option_check(const option_t *option, const char *text, err_t *err);

int option_read_int(const char *text, int64_t *value);
int option_read_real(const char *text, double *value);
int option_read_fraction(const char *text, double *numerator, double *denominator);

/* The position of a word in "none|awgn|rayleigh", or -1. */
int option_choice_index(const char *choices, const char *word);
/* 1, 0 or -1 for neither. */
int option_read_bool(const char *text);

const char *option_fallback(const option_t *option);

/* --- options.c --- */

option_entry_t *options_entry(const options_t *options, const char *key, err_t *err);
option_entry_t *options_alias(const options_t *options, const char *word);
int options_assign(option_entry_t *entry, const char *value, bool given, err_t *err);

#endif
