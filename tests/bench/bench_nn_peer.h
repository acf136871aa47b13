/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_nn_peer: PyTorch, in a process of its own.  One line to it (words
 * apart by tabs), one line back:
 *
 *     version                                              ok 1.13.1
 *     make NETWORK TASK TYPE THREADS WEIGHTS DATA          ok VARIANT   (TYPE: fp32, bf16)
 *     run TIMES                                            ok SECONDS
 *     output FILE                                          ok
 *
 * or "error TEXT".  It keeps the work made last, and ends when the pipe does.
 */
#ifndef BENCH_BENCH_NN_PEER_H
#define BENCH_BENCH_NN_PEER_H

#include "bench_nn_side.h"

typedef struct nn_peer nn_peer_t;

/* NULL and ERR_UNSUPPORTED when /usr/bin/python3 has no torch. */
nn_peer_t *nn_peer_open(err_t *err);
void nn_peer_close(nn_peer_t *peer); /* NULL is fine */

const char *nn_peer_version(const nn_peer_t *peer); /* "1.13.1" */

/* `data_path`: safetensors with "pictures" and "received".  `variant` gets which of several ways
   was the fastest. */
int nn_peer_make(nn_peer_t *peer, const nn_job_t *job, const nn_data_t *data, const char *data_path,
                 char *variant, size_t size, err_t *err);
/* Seconds that it took, by its clock: processor time with one thread, else true time.  NaN: it
   failed, and stays so. */
double nn_peer_run(nn_peer_t *peer, int times);
/* Writes "output" into a safetensors file. */
int nn_peer_output(nn_peer_t *peer, const char *path, err_t *err);

#endif
