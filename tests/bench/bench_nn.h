/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_nn: the rows of the codecs: latency of one picture, pictures a second in
 * batches, and training, beside the same networks in PyTorch.
 *
 * PyTorch runs in a process of its own (bench_nn_peer.py) that gets weights and
 * inputs in files, and its turn by a line on a pipe.  Where /usr/bin/python3 has
 * no torch the rows have no peer.
 */
#ifndef BENCH_BENCH_NN_H
#define BENCH_BENCH_NN_H

#include "bench.h"

enum { BENCH_NN_MAX_ROWS = 40 };

/* NULL after the last; known after bench_nn_begin. */
extern const bench_row_t *bench_nn_rows[];

/*
 * `threads` of the training rows; 0: as many as this process may use cores, at most 2.  Rows with
 * more than one thread exist only where that is more than one; else all runs on `core` (bench_pin).
 * Returns the threads, or -1.
 */
int bench_nn_begin(int threads, int core, err_t *err);
void bench_nn_end(void);

#endif
