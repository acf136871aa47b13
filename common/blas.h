/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * blas: one thread at a time in OpenBLAS.
 *
 * Debian's serial OpenBLAS (0.3.21, libopenblas0-serial) gives the same work memory to two threads
 * that call it at once; their results are then silently wrong (alignment/test_federated has a test
 * that fails without this).  A program in which two threads may call CBLAS or LAPACK holds this
 * around each call.  Not recursive.  A call that nobody competes for costs some 20 ns.
 */
#ifndef COMMON_BLAS_H
#define COMMON_BLAS_H

void blas_enter(void);
void blas_leave(void);

#endif
