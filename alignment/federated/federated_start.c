/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_start: F0.
 *
 * spectral  the leading eigenvectors of sum C_k^H C_k (what the users want to know of x) on those of
 *           sum H_k^H H_k (where the AP is heard best), equal power, and a hundredth of a random F0
 *           so that no direction starts at zero.  It needs T_k or C_k once.
 * random    complex normal, full power; needs nothing, converges later.
 */
#include "federated/federated_private.h"

#include "rng.h"

#include <math.h>
#include <stdlib.h>

/* From the file; in R's basis. */
static int from_file(federated_t *f, const federated_tensor_t *given, err_t *err)
{
    matrix_t plain = {0};
    int parts = f->real ? 1 : 2;
    if (given->rows != f->rows || given->samples != f->d || (f->real && given->is_complex)) {
        return err_set(err, ERR_ARGUMENT, "F0 is %d x %d, not %d x %d%s", given->rows, given->samples,
                       f->rows, f->d, f->real ? " and real" : "");
    }
    if (matrix_create(&plain, f->rows, f->d, f->real, err) < 0) {
        return -1;
    }
    for (int i = 0; i < f->rows; i++) {
        for (int j = 0; j < f->d; j++) {
            size_t at = ((size_t)i * (size_t)f->d + (size_t)j) * (given->is_complex ? 2u : 1u);
            for (int p = 0; p < (given->is_complex ? parts : 1); p++) {
                matrix_at(&plain, i, j)[p] = given->v[at + (size_t)p];
            }
        }
    }
    if (f->basis.v) {
        matrix_multiply(1.0, &plain, MATRIX_AS_IS, &f->basis, MATRIX_AS_IS, 0.0, &f->f0);
    } else {
        matrix_copy(&f->f0, &plain);
    }
    matrix_destroy(&plain);
    double size = matrix_dot(&f->f0, &f->f0);
    return isfinite(size) && size > 0.0 ? 0 : err_set(err, ERR_ARGUMENT, "F0 is all zero or not finite");
}

static void full_power(federated_t *f, double power)
{
    matrix_scale(&f->f0, sqrt(power / matrix_dot(&f->f0, &f->f0)));
}

static void random_start(federated_t *f)
{
    rng_t rng;
    rng_seed(&rng, f->config.seed, 0);
    for (int i = 0; i < f->rows; i++) {
        for (int j = 0; j < f->d; j++) {
            float drawn[2];
            rng_normal(&rng, drawn, 2);
            for (int p = 0; p < (f->real ? 1 : 2); p++) {
                matrix_at(&f->f0, i, j)[p] = (double)drawn[p];
            }
        }
    }
    full_power(f, f->config.power);
}

/* Adds the leading directions to F0; v: eigenvectors of sum T, w: of sum H^H H, both ascending. */
static void lay(federated_t *f, const matrix_t *v, const matrix_t *w)
{
    int streams = f->rows < f->d ? f->rows : f->d, uses = f->config.channel_uses;
    double size = 100.0 * sqrt(f->config.power / streams);
    for (int i = 0; i < streams; i++) {
        for (int j = 0; j < f->d; j++) {
            const double *b = matrix_at(v, j, f->d - 1 - i);
            for (int a = 0; a < f->antennas; a++) {
                const double *c = matrix_at(w, a, f->antennas - 1 - i / uses);
                double *to = matrix_at(&f->f0, i % uses * f->antennas + a, j);
                to[0] += size * (c[0] * b[0] + (f->real ? 0.0 : c[1] * b[1]));
                if (!f->real) {
                    to[1] += size * (c[1] * b[0] - c[0] * b[1]);
                }
            }
        }
    }
    full_power(f, f->config.power);
}

static int spectral_start(federated_t *f, err_t *err)
{
    matrix_t t = {0}, h = {0};
    double *values = calloc((size_t)(f->d > f->antennas ? f->d : f->antennas), sizeof *values);
    int code = -1;
    if (!values) {
        err_set(err, ERR_MEMORY, "no memory for %d features", f->d);
    } else if (matrix_create(&t, f->d, f->d, f->real, err) == 0 &&
               matrix_create(&h, f->antennas, f->antennas, f->real, err) == 0) {
        for (int k = 0; k < f->result.aligned; k++) {
            const federated_user_t *u = &f->user[k];
            if (u->c.v) {
                matrix_multiply(1.0, &u->c, MATRIX_ADJOINT, &u->c, MATRIX_AS_IS, 1.0, &t);
            } else { /* a user elsewhere sent T */
                matrix_add(&t, 1.0, &u->t);
            }
            matrix_multiply(1.0, &u->h, MATRIX_ADJOINT, &u->h, MATRIX_AS_IS, 1.0, &h);
        }
        code = matrix_eigen(&t, values) < 0 || matrix_eigen(&h, values) < 0
                   ? err_set(err, ERR_STATE, "no eigenvectors to start from")
                   : 0;
    }
    if (code == 0) {
        lay(f, &t, &h);
    }
    matrix_destroy(&t);
    matrix_destroy(&h);
    free(values);
    return code;
}

int federated_start(federated_t *f, const federated_tensor_t *given, err_t *err)
{
    if (given->v) {
        return from_file(f, given, err);
    }
    random_start(f);
    return f->config.start == FEDERATED_SPECTRAL ? spectral_start(f, err) : 0;
}
