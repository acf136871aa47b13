/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_sweep: a campaign's point, from pictures to numbers with the whole real receiver,
 * beside the sum of its stages, each run alone in a loop.
 */
#ifndef BENCH_BENCH_SWEEP_H
#define BENCH_BENCH_SWEEP_H

#include "bench.h"

enum { BENCH_SWEEP_MAX_ROWS = 8 };

extern const bench_row_t *const bench_sweep_rows[]; /* NULL after the last */

#endif
