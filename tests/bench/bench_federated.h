/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bench_federated: 30 Wiener rounds for three users, beside numpy on the same statistics. */
#ifndef BENCH_BENCH_FEDERATED_H
#define BENCH_BENCH_FEDERATED_H

#include "bench.h"

enum { BENCH_FEDERATED_MAX_ROWS = 8 };

extern const bench_row_t *const bench_federated_rows[]; /* NULL after the last */

#endif
