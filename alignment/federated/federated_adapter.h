/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_adapter: a pre-equaliser or equaliser as an adapter of kind linear (adapter.h,
 * equaliser.h), so that it is stored, staged, armed and applied like any other.
 *
 * Latents as complex channels: channel i of real latents is feature i + j feature i + half (half =
 * (features + 1) / 2; the last imaginary part is 0 where features is odd), of complex ones feature
 * i. Symbols: channel use k, antenna a is channel k * antennas + a.  C is the larger of both; what
 * is left over is 0.
 *
 *     pre-equaliser   s = Z L_x^-1 (x - mean_x)
 *     equaliser       y = L_y G scale v + mean_y
 */
#ifndef ALIGNMENT_FEDERATED_FEDERATED_ADAPTER_H
#define ALIGNMENT_FEDERATED_FEDERATED_ADAPTER_H

#include "adapter/adapter.h"
#include "federated/federated.h"

typedef struct {
    uint64_t base;    /* whose latents: of the access point's task */
    const char *name; /* store_name_check, or "" */
    int antennas;     /* n_t of Z, n_r of G */
} federated_adapter_info_t;

/* `x` has x_mean and x_lower.  ERR_MEMORY, ERR_FORMAT (not finite). */
adapter_t *federated_adapter_z(const matrix_t *z, const federated_result_t *x,
                               const federated_adapter_info_t *info, err_t *err);
adapter_t *federated_adapter_g(const federated_user_result_t *user, double scale,
                               const federated_adapter_info_t *info, err_t *err);

#endif
