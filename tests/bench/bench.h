/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench: how fast ours does a piece of work, beside a peer that does the same
 * work in the same process, and beside the kernel that bounds it.
 *
 *     static const bench_row_t row = {.name = "transmit", .unit = BENCH_MS, ...};
 *     bench_result_t result;
 *     bench_pin(-1, &err);
 *     bench_measure(&row, &effort, &result, &err);
 *     bench_print_json(&row, &result, stdout);
 *
 * Ours, peer and limit run in turn, one slice each, round after round; what
 * disturbs the machine for longer than a round disturbs all of them.  Times
 * are the thread's processor time.  A bench tells; it never fails for being slow.
 * It does fail when a side has not done its work (`verify`).
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One pass of the work; returns how much it was: samples, symbols, calls. */
typedef double bench_pass_t(void *state);

typedef enum {
    BENCH_MS,     /* "MS/s": millions of samples (or symbols, see `what`) in a second */
    BENCH_US,     /* "us": microseconds for one; less is better */
    BENCH_IMAGES, /* "images/s": pictures in a second */
} bench_unit_t;

typedef struct {
    const char *name, *what; /* --row's word; a line for the reader */
    bench_unit_t unit;
    const char *peer_name, *limit_name; /* NULL: there is none */
    double asked;                       /* the ratio that the project wants; 0: none named */
    void *(*create)(err_t *err);        /* all that the passes need; NULL: the row cannot run */
    void (*destroy)(void *state);
    /* After the passes: has every one of them done its work?  May be NULL. */
    int (*verify)(void *state, err_t *err);
    bench_pass_t *ours, *peer, *limit; /* the last two may be NULL */
    double (*clock_s)(void *state); /* what times the passes; NULL: the thread's processor time */
} bench_row_t;

typedef struct {
    int rounds;     /* 1 … BENCH_MAX_ROUNDS */
    double slice_s; /* processor time of one side in one round */
} bench_effort_t;

enum { BENCH_MAX_ROUNDS = 1001 };

/*
 * Medians over the rounds; NaN where there is no such side.  ratio: ours over
 * peer (peer over ours for BENCH_US), so more than 1 is faster than the peer.
 * low, high: quartiles of the rounds' own ratios.  of_limit: likewise ours and limit.
 */
typedef struct {
    double ours, peer, limit;
    double ratio, low, high, of_limit;
    int rounds;
} bench_result_t;

/* The calling thread runs on this core only; -1: the last one it may use.  Returns the core, or -1.
 */
int bench_pin(int core, err_t *err);

/* 0, or -1: the row could not be set up, or a side did not do its work. */
int bench_measure(const bench_row_t *row, const bench_effort_t *effort, bench_result_t *result,
                  err_t *err);

/* One line with the keys name unit ours peer peer_name ratio, and more.  No such side: null. */
void bench_print_json(const bench_row_t *row, const bench_result_t *result, FILE *out);

/* For people: the heading, and a line for each row. */
void bench_print_heading(FILE *out);
void bench_print_line(const bench_row_t *row, const bench_result_t *result, FILE *out);

#endif
