/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_file: the safetensors files of `semradio-align federated`.
 *
 * In: X (d x n), Y0, Y1 ... (m_k x n), H0, H1 ... (n_r x n_t), F0 (M x d) or none; complex ones with
 * a last axis (re, im); F32, F64 or another number.  Scalars of one element: K sigma2 rho P rounds.
 * Other tensors are let be.  A user whose tensor is of no use is kept without it: federated.h then
 * leaves it out by name.
 *
 * Out, F64: F, Z, G{k}, Gdep{k}, obj_round, obj_dep; nmse, nmse_raw (one a user, NaN: left out); energy;
 * the transforms x_mean, x_lower, mean{k}, lower{k} (federated.h); K sigma2 rho P rounds as they were.
 * Notes: method, domain, widely_linear, left_out.{k}.
 */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_FILE_H
#define ALIGNMENT_FEDERATED_FEDERATED_FILE_H

#include "federated/federated.h"

enum { FEDERATED_USERS_MAX = 1024 };

typedef struct {
    federated_input_t input; /* arrays belong to it */
    /* NAN: not in the file. */
    double channel_uses, sigma2, rho, power, rounds;
} federated_file_t;

/* Errors name the file and the tensor. */
federated_file_t *federated_file_load(const char *path, err_t *err);
/* X, under another name, and the scalars alone. */
federated_file_t *federated_file_load_x(const char *path, const char *name, err_t *err);
/* One matrix; free((void *)out->v). */
int federated_file_matrix(const char *path, const char *name, federated_tensor_t *out, err_t *err);
void federated_file_destroy(federated_file_t *file); /* NULL is fine */

int federated_file_save(const char *path, const federated_result_t *result,
                        const federated_config_t *config, err_t *err);

#endif
