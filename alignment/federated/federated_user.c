/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_user: what user k computes from F, without its samples.
 *
 * With P = F R F^H, D = F T F^H (T = C^H C), both M x M, and H = I_K kron H_k:
 *
 *     S = H P H^H + sigma2 I           covariance of what it receives
 *     gain  = tr(S^-1 H D H^H)         what the MMSE receiver takes off |Y|^2 / n
 *     |G|^2 = tr(S^-1 H D H^H S^-1)
 *     M1 = A^H A = H^H S^-1 H D H^H S^-1 H      A = G H
 *     Q  = A^H C = (H^H S^-1 H) F T
 *
 * so that a round costs one product with T and some of M x M.  Where m is small F T = (F C^H) C is
 * cheaper than T itself.
 */
#include "federated/federated_private.h"

#include <math.h>

int federated_user_create(federated_t *f, federated_user_t *u, err_t *err)
{
    int got = f->rows / f->antennas * u->h.rows;
    int features = u->c.v ? u->c.rows : 1; /* C may be elsewhere */
    return matrix_create(&u->ft, f->rows, f->d, f->real, err) < 0 ||
                   matrix_create(&u->zt, f->rows, f->d, f->real, err) < 0 ||
                   matrix_create(&u->middle, f->rows, features, f->real, err) < 0 ||
                   matrix_create(&u->inverse, got, got, f->real, err) < 0 ||
                   matrix_create(&u->load, f->rows, f->rows, f->real, err) < 0 ||
                   matrix_create(&u->cross, f->rows, f->rows, f->real, err) < 0
               ? -1
               : 0;
}

void federated_user_destroy(federated_user_t *u)
{
    matrix_t *all[] = {&u->h,  &u->c,      &u->t,       &u->samples, &u->ft,   &u->through, &u->detect,
                       &u->zt, &u->middle, &u->inverse, &u->load,    &u->cross};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        matrix_destroy(all[i]);
    }
}

void federated_user_load(federated_user_t *u, const matrix_t *f)
{
    if (u->t.v) {
        matrix_multiply(1.0, f, MATRIX_AS_IS, &u->t, MATRIX_AS_IS, 0.0, &u->ft);
    } else {
        matrix_multiply(1.0, f, MATRIX_AS_IS, &u->c, MATRIX_ADJOINT, 0.0, &u->middle);
        matrix_multiply(1.0, &u->middle, MATRIX_AS_IS, &u->c, MATRIX_AS_IS, 0.0, &u->ft);
    }
}

void federated_power(federated_t *f, const matrix_t *p)
{
    if (!f->basis.v) {
        matrix_gram(f->r, p, &f->power);
        return;
    }
    matrix_copy(&f->rooted, p);
    matrix_scale_columns(&f->rooted, f->root);
    matrix_gram(1.0, &f->rooted, &f->power);
}

/* A scratch square in another shape. */
static matrix_t shaped(const matrix_t *room, int side)
{
    return (matrix_t){side, side, room->real, room->v};
}

int federated_user_evaluate(federated_t *f, federated_user_t *u, const matrix_t *p,
                            const matrix_t *pt, bool whole)
{
    int got = u->inverse.rows;
    matrix_t *half = &f->square[0], *turned = &f->square[1];
    matrix_t d = shaped(&f->square[2], f->rows), heard = shaped(&f->square[3], got);
    matrix_t left = shaped(&f->square[4], got), both = shaped(&f->square[2], got);
    matrix_sandwich(&u->h, MATRIX_AS_IS, &f->power, &u->inverse, half, turned);
    matrix_add_diagonal(&u->inverse, f->sigma2);
    if (matrix_inverse(&u->inverse) < 0) {
        return -1;
    }
    matrix_multiply(1.0, pt, MATRIX_AS_IS, p, MATRIX_ADJOINT, 0.0, &d);
    matrix_sandwich(&u->h, MATRIX_AS_IS, &d, &heard, half, turned);
    u->gain = matrix_dot(&u->inverse, &heard);
    if (!whole) {
        return 0;
    }
    matrix_multiply(1.0, &u->inverse, MATRIX_AS_IS, &heard, MATRIX_AS_IS, 0.0, &left);
    matrix_multiply(1.0, &left, MATRIX_AS_IS, &u->inverse, MATRIX_AS_IS, 0.0, &both);
    u->norm2 = matrix_trace(&both);
    matrix_sandwich(&u->h, MATRIX_ADJOINT, &both, &u->load, half, turned);
    matrix_sandwich(&u->h, MATRIX_ADJOINT, &u->inverse, &u->cross, half, turned);
    return 0;
}

int federated_user_equaliser(federated_t *f, federated_user_t *u, const matrix_t *p, matrix_t *g,
                             err_t *err)
{
    matrix_t b = {0}, cb = {0};
    int got = u->inverse.rows, code = -1;
    federated_power(f, p);
    federated_user_load(u, p);
    if (federated_user_evaluate(f, u, p, &u->ft, true) < 0) {
        return err_set(err, ERR_STATE, "user %d: the numbers of its receiver broke down", u->index);
    }
    matrix_destroy(g);
    if (matrix_create(&b, got, f->d, f->real, err) == 0 &&
        matrix_create(&cb, u->c.rows, got, f->real, err) == 0 &&
        matrix_create(g, u->c.rows, got, f->real, err) == 0) {
        matrix_channel(&u->h, MATRIX_AS_IS, p, &b);
        matrix_multiply(1.0, &u->c, MATRIX_AS_IS, &b, MATRIX_ADJOINT, 0.0, &cb);
        matrix_multiply(1.0, &cb, MATRIX_AS_IS, &u->inverse, MATRIX_AS_IS, 0.0, g);
        code = 0;
    }
    matrix_destroy(&b);
    matrix_destroy(&cb);
    return code;
}

/*
 * What G = C B^H S^-1 takes off the raw latents' energy: the best estimate of L y is L times the best
 * estimate of y, so tr(L C B^H S^-1 B C^H L^H) = tr(L G S G^H L^H).
 */
static int raw_nmse(federated_user_t *u, const federated_user_result_t *out, double *nmse, err_t *err)
{
    matrix_t lg = {0}, s = {0}, lgs = {0};
    const matrix_t *g = &out->g_dep;
    int code = -1;
    if (matrix_create(&lg, g->rows, g->cols, g->real, err) == 0 &&
        matrix_create(&lgs, g->rows, g->cols, g->real, err) == 0 &&
        matrix_create(&s, g->cols, g->cols, g->real, err) == 0) {
        matrix_copy(&s, &u->inverse);
        code = matrix_inverse(&s) < 0 ? err_set(err, ERR_STATE, "user %d: singular", u->index) : 0;
        matrix_multiply(1.0, &out->lower, MATRIX_AS_IS, g, MATRIX_AS_IS, 0.0, &lg);
        matrix_multiply(1.0, &lg, MATRIX_AS_IS, &s, MATRIX_AS_IS, 0.0, &lgs);
        *nmse = 1.0 - matrix_dot(&lgs, &lg) / u->raw_energy;
    }
    matrix_destroy(&lg);
    matrix_destroy(&s);
    matrix_destroy(&lgs);
    return code;
}

int federated_finish(federated_t *f, double round_scale, err_t *err)
{
    for (int k = 0; k < f->result.aligned; k++) {
        federated_user_t *u = &f->user[k];
        federated_user_result_t *out = &f->out[u->index];
        if (federated_user_equaliser(f, u, &f->before, &out->g, err) < 0 ||
            federated_user_equaliser(f, u, &f->z, &out->g_dep, err) < 0 ||
            raw_nmse(u, out, &out->nmse_raw, err) < 0) {
            return -1;
        }
        matrix_scale(&out->g, round_scale);
        out->nmse = 1.0 - u->gain / u->energy;
    }
    return 0;
}
