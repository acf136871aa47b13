/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_package: what the AP and its users send each other, as safetensors bytes
 * (docs/FEDERATED.md, "The protocol").  Everything read is hostile: names, shapes, number formats
 * and values are checked.
 *
 *     task    X (d x n, as it came), scalars [K sigma2 rho P rounds antennas]; notes method domain
 *             complexify whiten widely_linear start wire
 *     F       a pre-equaliser, M x d
 *     share   H (n_r x n_t), energy, and T (packed) or C (m x d) or neither
 *     answer  M1 (packed), Q (M x d), norms [|G|^2, gain]
 *
 * Matrices are rows first, complex ones with a last axis (re, im).  A Hermitian matrix is packed:
 * complex [side][side], real parts on and below the diagonal, the imaginary part of (i, j), i > j,
 * at (j, i); real [side (side + 1) / 2], the lower triangle row by row.  M1, Q, T, C and F are F32
 * or F64 as the wire says; H, energy, norms and scalars always F64.
 */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_PACKAGE_H
#define ALIGNMENT_FEDERATED_FEDERATED_PACKAGE_H

#include "federated/federated_split.h"

#include <stddef.h>
#include <stdint.h>

typedef enum { FEDERATED_WIRE_F32, FEDERATED_WIRE_F64 } federated_wire_t;
#define FEDERATED_WIRE_CHOICES "f32|f64"

enum { FEDERATED_PACKAGE_MAX = 1 << 28 }; /* bytes */

typedef struct {
    federated_tensor_t x; /* v belongs to the task */
    federated_config_t config;
    int antennas;
    federated_wire_t wire;
} federated_task_t;

/* What a share or answer must fit. */
typedef struct {
    int rows, features; /* M, d */
    bool real;
} federated_shape_t;

typedef struct {
    uint8_t *bytes; /* free() */
    size_t size;
} federated_package_t;

/* 0, or -1 with ERR_MEMORY. */
int federated_package_task(const federated_task_t *task, federated_package_t *out, err_t *err);
int federated_package_f(const matrix_t *f, federated_wire_t wire, federated_package_t *out,
                        err_t *err);
int federated_package_share(const federated_share_t *share, federated_wire_t wire,
                            federated_package_t *out, err_t *err);
int federated_package_answer(const federated_answer_t *answer, federated_wire_t wire,
                             federated_package_t *out, err_t *err);

/* 0 and *out made, or -1 with ERR_FORMAT, ERR_MEMORY, and nothing made. */
int federated_read_task(const void *bytes, size_t size, federated_task_t *out, err_t *err);
int federated_read_f(const void *bytes, size_t size, const federated_shape_t *shape, matrix_t *out,
                     err_t *err);
int federated_read_share(const void *bytes, size_t size, const federated_shape_t *shape,
                         federated_share_t *out, err_t *err);
int federated_read_answer(const void *bytes, size_t size, const federated_shape_t *shape,
                          federated_answer_t *out, err_t *err);

/* No package of these kinds can be longer. */
size_t federated_package_most(const federated_shape_t *shape);

#endif
