/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_write: a few matrices, numbers and notes as a safetensors file, F64. */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_WRITE_H
#define ALIGNMENT_FEDERATED_FEDERATED_WRITE_H

#include "federated/federated_matrix.h"

typedef struct {
    const char *name;
    const matrix_t *m;
} federated_matrix_name_t;

typedef struct {
    const char *name;
    double value;
} federated_number_name_t;

/* Rows first, complex matrices with a last axis (re, im); numbers of one element; notes {key,
   value}. At most 8 of each. */
int federated_write(const char *path, const federated_matrix_name_t *matrices, int matrix_count,
                    const federated_number_name_t *numbers, int number_count,
                    const char *const notes[][2], int note_count, err_t *err);

#endif
