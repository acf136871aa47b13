/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bench_allocate: the level allocation of DeKAP, ours and the paper's greedy, by size of network.
 */
#ifndef BENCH_BENCH_ALLOCATE_H
#define BENCH_BENCH_ALLOCATE_H

#include "err.h"

#include <stdio.h>

/*
 * One JSON line for N = 50, 200 and 1000 with the paper's weights: processor time (create, search
 * and bound) in ms, greedy's time, certified gaps, ours over greedy.  Fails when a plan is wrong
 * (worse than the greedy, below its bound), never for being slow.
 */
int bench_allocate(FILE *out, err_t *err);

#endif
