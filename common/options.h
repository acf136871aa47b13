/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options: the one option table.
 *
 * Each room declares its options once, as an array that ends with {0}:
 *
 *     const option_t channel_options[] = {
 *         {.section = "channel", .name = "snr_db", .type = OPTION_REAL, .unit = "dB",
 *          .fallback = "20", .min = -30, .max = 60, .flags = OPTION_RUNTIME,
 *          .help = "Es/N0 per data sub-carrier after the FFT"},
 *         {.section = "channel", .name = "model", .type = OPTION_CHOICE, .fallback = "awgn",
 *          .choices = "none|awgn|rayleigh", .help = "fading model"},
 *         {0}};
 *
 * A program joins the tables it needs.  From them come the INI file
 *
 *     [channel]
 *     snr_db = 20        ; a comment
 *
 * the command line (`--channel.snr_db=20`, `--channel.snr_db 20`, `--snr_db=20` where only one
 * section has that name, the alias `--snr 20`), --help, --version, the sweep keys of the
 * campaign, the control plane's get and set, and docs/OPTIONS.md.  An unknown key, a value out
 * of range or a truncated line is an error that names file and line, or the word.
 *
 * Later beats earlier: default, then each --config FILE in order, then the command line.
 *
 * Not thread-safe: set and read from one thread, hand plain values to the others.
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
    OPTION_STRING, /* any text on one line; "" is allowed */
    OPTION_INT,    /* 64-bit, decimal or 0x...; min..max */
    OPTION_REAL,   /* finite; min..max; suffix k, M or G multiplies: 3.5G */
    OPTION_BOOL,   /* true/false, yes/no, on/off, 1/0; alone on the command line: true */
    OPTION_CHOICE, /* one of `choices` */
    OPTION_RATIO,  /* "1/6" or "0.25"; value in min..max */
} option_type_t;

enum {
    OPTION_RUNTIME = 1u << 0, /* may change while the program runs */
    OPTION_LIST = 1u << 1,    /* takes "0,5,10", and for numbers "0:5:25" (first:step:last) */
};

typedef struct {
    const char *section;  /* "radio" */
    const char *name;     /* "tx_gain_db"; a-z 0-9 _ */
    option_type_t type;
    const char *unit;     /* "dB", "Hz"; NULL: none */
    const char *fallback; /* the default as text; NULL: "" for strings, else 0 / false / first */
    double min, max;      /* range of INT, REAL, RATIO; both 0: no limit */
    const char *choices;  /* CHOICE: "none|awgn|rayleigh" */
    const char *help;     /* one line, no full stop */
    unsigned flags;       /* OPTION_RUNTIME, OPTION_LIST */
    const char *alias;    /* another command-line word without the dashes: "freq"; NULL: none */
} option_t;

typedef struct options options_t;

/*
 * Joins `tables` (an array of pointers to tables, ended by NULL) into one set with every option
 * at its default.  `program` and `summary` (one line) and the tables are kept by reference.
 * ERR_ARGUMENT when two options share a key or an alias, or a default is not valid.
 */
options_t *options_create(const char *program, const char *summary,
                          const option_t *const tables[], err_t *err);
void options_destroy(options_t *options);

/* Text for the end of --help (exit codes, examples).  By reference. */
void options_set_epilog(options_t *options, const char *text);
/* What --help shows for words without dashes: "[KEY=VALUES ...]".  NULL (the default): such words
   are an error. */
void options_set_positional(options_t *options, const char *synopsis);

/* Reads an INI file.  On an error nothing after the named line was taken. */
int options_load_file(options_t *options, const char *path, err_t *err);

/* The same from memory; `name` stands for the file in messages.  text[length] may hold anything. */
int options_load_text(options_t *options, const char *name, const char *text, size_t length,
                      err_t *err);

/*
 * Reads the command line.  0: go on.  1: done, the program should exit with 0 (--help,
 * --version, --options-markdown or --print-config was answered on standard output).  -1: error.
 */
int options_parse(options_t *options, int argc, char *const argv[], err_t *err);

/* Sets one option from text.  `key`: "channel.snr_db", or "snr_db" where that is unambiguous. */
int options_set(options_t *options, const char *key, const char *value, err_t *err);

/* As options_set, for a running program: refuses options without OPTION_RUNTIME (ERR_STATE). */
int options_set_runtime(options_t *options, const char *key, const char *value, err_t *err);

/*
 * Several at once, for a running program: all are set, or none.  keys[count] and values[count]; a
 * later one of the same key wins.  When all were taken (each checked as options_set_runtime does),
 * accept(context, options, err) may still refuse what they mean together (NULL: nobody asks).
 */
typedef int option_accept_t(void *context, const options_t *options, err_t *err);
int options_set_runtime_all(options_t *options, const char *const keys[],
                            const char *const values[], size_t count, option_accept_t *accept,
                            void *context, err_t *err);

/* The declaration of a key, or NULL with "did you mean". */
const option_t *options_find(const options_t *options, const char *key, err_t *err);
/* True when a table with this key was joined (no message). */
bool options_has(const options_t *options, const char *key);
/* True when the file or command line gave it; false while it is at its default. */
bool options_given(const options_t *options, const char *key);
/* The i-th option in table order, NULL after the last. */
const option_t *options_at(const options_t *options, size_t index);

/*
 * Values.  The key must exist and have that type (an assert: it is our own mistake).  The value
 * is valid and in range, as checked when it was set.  With OPTION_LIST: the first element.
 */
const char *options_string(const options_t *options, const char *key); /* until the next set */
int64_t options_int(const options_t *options, const char *key);
double options_real(const options_t *options, const char *key);
bool options_bool(const options_t *options, const char *key);
double options_ratio(const options_t *options, const char *key);
/* "1/6" as 1 and 6; "0.25" as 1 and 4 (lowest terms, denominator at most 10,000). */
void options_fraction(const options_t *options, const char *key, int *numerator, int *denominator);
/* CHOICE: the position in `choices`, 0 first.  (options_string gives the word.) */
int options_choice(const options_t *options, const char *key);
/* The value of any type as the text it was set with. */
const char *options_text(const options_t *options, const char *key);

/* Lists (OPTION_LIST): the number of elements (0 for an empty string) and each of them. */
size_t options_count(const options_t *options, const char *key);
const char *options_text_at(const options_t *options, const char *key, size_t index);
double options_real_at(const options_t *options, const char *key, size_t index); /* INT, REAL, RATIO */

/* "string", "int", "real", "bool", "choice", "ratio"; and "-30 to 60 dB" in words. */
const char *option_type_name(option_type_t type);
void option_describe(const option_t *option, char *text, size_t size);

/* Positional words of options_parse, in order; NULL after the last. */
const char *options_positional(const options_t *options, size_t index);

/*
 * Sweeps: the values of "0:5:25", "1,2,3" or "awgn,rayleigh" as texts that options_set takes,
 * each checked against the option, which need not be an OPTION_LIST.  At most 100,000.
 * Free with option_values_free.
 */
int option_expand(const option_t *option, const char *text, char ***values, size_t *count,
                  err_t *err);
void option_values_free(char **values, size_t count);

/* --help, docs/OPTIONS.md, and an INI file with every present value. */
void options_help(const options_t *options, FILE *out);
void options_markdown(const options_t *options, FILE *out);
void options_print(const options_t *options, FILE *out);

#endif
