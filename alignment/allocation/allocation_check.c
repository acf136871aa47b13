/* SPDX-License-Identifier: GPL-3.0-or-later */
/* allocation: what the input must be. */
#include "allocation/allocation_private.h"

#include <math.h>

static int check_scalars(const allocation_input_t *in, err_t *err)
{
    if (in->agents < 1 || in->agents > ALLOCATION_MAX_AGENTS) {
        return err_set(err, ERR_ARGUMENT, "N is %d: allowed are 1 to %d agents", in->agents,
                       ALLOCATION_MAX_AGENTS);
    }
    if (in->levels < 1 || in->levels > ALLOCATION_MAX_LEVELS) {
        return err_set(err, ERR_ARGUMENT, "L is %d: allowed are 1 to %d levels", in->levels,
                       ALLOCATION_MAX_LEVELS);
    }
    const double eta[3] = {in->eta_a, in->eta_t, in->eta_s};
    for (int k = 0; k < 3; k++) {
        if (!(eta[k] >= 0.0 && eta[k] <= 1e9)) {
            return err_set(err, ERR_ARGUMENT, "eta_%c is %g: it must lie in 0 ... 1e9", "ATS"[k],
                           eta[k]);
        }
    }
    for (int l = 0; l < in->levels; l++) {
        if (!(in->loss[l] >= 0.0 && in->loss[l] <= 1e9)) {
            return err_set(err, ERR_ARGUMENT, "J_A[%d] is %g: it must lie in 0 ... 1e9", l,
                           in->loss[l]);
        }
        if (!(in->size[l] >= 1e-9 && in->size[l] <= 1e9)) {
            return err_set(err, ERR_ARGUMENT, "S[%d] is %g: it must lie in 1e-9 ... 1e9", l,
                           in->size[l]);
        }
    }
    return 0;
}

static int check_matrices(const allocation_input_t *in, allocation_rows_t rows, err_t *err)
{
    const size_t n = (size_t)in->agents;
    for (size_t i = 0; i < n; i++) {
        double sum = 0.0;
        for (size_t j = 0; j < n; j++) {
            const double f = in->frequency[i * n + j], r = in->rate[i * n + j];
            if (i == j) {
                continue;
            }
            if (!(f >= 0.0 && f <= 1e9)) {
                return err_set(err, ERR_ARGUMENT, "F[%zu][%zu] is %g: it must lie in 0 ... 1e9", i,
                               j, f);
            }
            /* A rate that isn't a number says, as 0 does, that there is no way. */
            if (!isnan(r) && r != 0.0 && !(r >= 1e-9 && r <= 1e9)) {
                return err_set(err, ERR_ARGUMENT,
                               "R[%zu][%zu] is %g: it must be 0 (no way) or lie in 1e-9 ... 1e9", i,
                               j, r);
            }
            sum += f;
        }
        if (rows == ALLOCATION_ROWS_ONE && n > 1 && fabs(sum - 1.0) > 1e-3) {
            return err_set(err, ERR_ARGUMENT, "row %zu of F sums to %.6g, not to 1", i, sum);
        }
    }
    return 0;
}

int allocation_check(const allocation_input_t *in, allocation_rows_t rows, err_t *err)
{
    return check_scalars(in, err) == 0 && check_matrices(in, rows, err) == 0 ? 0 : -1;
}
