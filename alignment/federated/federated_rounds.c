/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_rounds: the rounds that end in one F for everybody.
 *
 * The published ones (ADMM, step rho, Z on the power ball, dual V):
 *     mean    M1_k F_k R + rho F_k = Q_k + rho (Z - V),  F = mean of F_k
 *     joint   sum(M1_k) F R + rho F = sum(Q_k) + rho (Z - V)
 *     Z = (F + V) min(1, sqrt(P / tr)), V += F - Z
 * V stays a multiple of Z, for both are multiples of F + V: V = c Z.  So Z T = s (F T + c Z_before T)
 * comes without another product, and the deployed objective is cheap.
 *
 * Wiener (the transmit Wiener filter of Joham, Utschick and Nossek, 2005, over all users): the
 * receivers share a gain 1/a with the power constraint, J(a F, G/a) has its minimum over F and a at
 *     sum(M1_k) F R + sigma2 sum|G_k|^2 / P F = sum(Q_k),  a = sqrt(P / tr(F F^H))
 * which always lies on the power sphere; then J = |Y|^2/n - Re tr(Q F^H), and neither this step nor
 * the receivers' can raise J.
 *
 * R = r I makes each solve one Cholesky factor of M x M; else the basis of R makes it diagonal, and
 * eigenvectors of M1 decouple the equation.
 */
#include "federated/federated_private.h"

#include <math.h>

/* out = the solution of sum F R + load F = right; f->sum is used up. */
static int solve(federated_t *f, const matrix_t *right, double load, matrix_t *out, err_t *err)
{
    if (!f->basis.v) {
        matrix_scale(&f->sum, f->r);
        matrix_add_diagonal(&f->sum, load);
        if (matrix_inverse(&f->sum) < 0) {
            return err_set(err, ERR_STATE, "the equation of the pre-equaliser is singular");
        }
        matrix_multiply(1.0, &f->sum, MATRIX_AS_IS, right, MATRIX_AS_IS, 0.0, out);
        return 0;
    }
    if (matrix_eigen(&f->sum, f->values) < 0) {
        return err_set(err, ERR_STATE, "no eigenvectors for the pre-equaliser");
    }
    matrix_multiply(1.0, &f->sum, MATRIX_ADJOINT, right, MATRIX_AS_IS, 0.0, &f->rooted);
    int parts = f->real ? 1 : 2;
    for (int j = 0; j < f->d; j++) {
        for (int i = 0; i < f->rows; i++) {
            double below = fmax(f->values[i], 0.0) * f->spread[j] + load;
            double *at = matrix_at(&f->rooted, i, j);
            for (int p = 0; p < parts; p++) {
                at[p] = below > 0.0 ? at[p] / below : 0.0;
            }
        }
    }
    matrix_multiply(1.0, &f->sum, MATRIX_AS_IS, &f->rooted, MATRIX_AS_IS, 0.0, out);
    return 0;
}

/* Every user's gain (and more) for p; `deployed`: with zt instead of ft. */
static int evaluate(federated_t *f, const matrix_t *p, bool deployed, bool whole, double *obj,
                    err_t *err)
{
    double sum = f->result.energy;
    federated_power(f, p);
    for (int k = 0; k < f->result.aligned; k++) {
        federated_user_t *u = &f->user[k];
        if (federated_user_evaluate(f, u, p, deployed ? &u->zt : &u->ft, whole) < 0) {
            return err_set(err, ERR_STATE, "user %d: the numbers of its receiver broke down",
                           u->index);
        }
        sum -= u->gain;
    }
    *obj = sum;
    return 0;
}

/* to = beta to + Q_k.  A user elsewhere has sent its Q: it lies in ft. */
static void add_cross(const federated_user_t *u, double beta, matrix_t *to)
{
    if (u->cross.v) {
        matrix_multiply(1.0, &u->cross, MATRIX_AS_IS, &u->ft, MATRIX_AS_IS, beta, to);
    } else if (beta == 0.0) {
        matrix_copy(to, &u->ft);
    } else {
        matrix_add(to, 1.0, &u->ft);
    }
}

static void load(federated_t *f, const matrix_t *p)
{
    for (int k = 0; k < f->result.aligned; k++) {
        federated_user_load(&f->user[k], p);
    }
}

/* total = sum of Q_k, sum = sum of M1_k; returns sum of |G_k|^2. */
static double add_up(federated_t *f)
{
    double norm2 = 0.0;
    for (int k = 0; k < f->result.aligned; k++) {
        federated_user_t *u = &f->user[k];
        add_cross(u, k > 0 ? 1.0 : 0.0, &f->total);
        if (k == 0) {
            matrix_copy(&f->sum, &u->load);
        } else {
            matrix_add(&f->sum, 1.0, &u->load);
        }
        norm2 += u->norm2;
    }
    return norm2;
}

/* ---- Wiener --------------------------------------------------------------- */

/* f->f from the users' load, ft, cross, norm2; J of it with the round's G; *round_scale: their common
   gain 1/a. */
static int step_wiener(federated_t *f, double *round_scale, double *obj, err_t *err)
{
    double norm2 = add_up(f), size;
    if (solve(f, &f->total, f->sigma2 * norm2 / f->config.power, &f->f, err) < 0) {
        return -1;
    }
    size = matrix_dot(&f->f, &f->f);
    if (!(size > 0.0)) {
        return err_set(err, ERR_STATE, "nothing of X helps any user: C is zero");
    }
    *obj = f->result.energy - matrix_dot(&f->total, &f->f);
    *round_scale = sqrt(size / f->config.power);
    matrix_scale(&f->f, 1.0 / *round_scale);
    return 0;
}

int federated_wiener(federated_t *f, double *round_scale, err_t *err)
{
    double obj;
    load(f, &f->f);
    if (evaluate(f, &f->f, false, true, &obj, err) < 0) {
        return -1;
    }
    for (int i = 0; i < f->result.rounds; i++) {
        matrix_copy(&f->before, &f->f);
        if (step_wiener(f, round_scale, &f->result.obj_round[i], err) < 0) {
            return -1;
        }
        load(f, &f->f);
        if (evaluate(f, &f->f, false, true, &f->result.obj_dep[i], err) < 0) {
            return -1;
        }
    }
    matrix_copy(&f->z, &f->f);
    return 0;
}

/* ---- the published rounds ------------------------------------------------- */

/* F from right = rho (Z - V) and the users' M1_k, Q_k. */
static int step_mean(federated_t *f, double rho, const matrix_t *anchor, err_t *err)
{
    int users = f->result.aligned;
    for (int k = 0; k < users; k++) {
        federated_user_t *u = &f->user[k];
        matrix_copy(&f->right, anchor);
        add_cross(u, 1.0, &f->right);
        matrix_copy(&f->sum, &u->load);
        if (solve(f, &f->right, rho, &f->total, err) < 0) {
            return -1;
        }
        if (k == 0) {
            matrix_copy(&f->f, &f->total);
        } else {
            matrix_add(&f->f, 1.0, &f->total);
        }
    }
    matrix_scale(&f->f, 1.0 / users);
    return 0;
}

static int step_joint(federated_t *f, double rho, const matrix_t *anchor, err_t *err)
{
    matrix_copy(&f->right, anchor);
    add_up(f);
    matrix_add(&f->right, 1.0, &f->total);
    return solve(f, &f->right, rho, &f->f, err);
}

/* J of f->f with the receivers of this round (load, cross, norm2, still those of `before`). */
static double objective(federated_t *f)
{
    double norm2 = add_up(f);
    double obj = f->result.energy + f->sigma2 * norm2 - 2.0 * matrix_dot(&f->total, &f->f);
    matrix_multiply(1.0, &f->sum, MATRIX_AS_IS, &f->f, MATRIX_AS_IS, 0.0, &f->right);
    if (!f->basis.v) {
        return obj + f->r * matrix_dot(&f->right, &f->f);
    }
    matrix_scale_columns(&f->right, f->spread);
    return obj + matrix_dot(&f->right, &f->f);
}

/* Z = (F + c Z) s; returns the new c.  zt follows. */
static double project(federated_t *f, double c)
{
    matrix_scale(&f->z, c);
    matrix_add(&f->z, 1.0, &f->f);
    double size = matrix_dot(&f->z, &f->z), power = f->config.power;
    double s = size > power ? sqrt(power / size) : 1.0;
    matrix_scale(&f->z, s);
    for (int k = 0; k < f->result.aligned; k++) {
        federated_user_t *u = &f->user[k];
        if (u->cross.v) {
            matrix_scale(&u->zt, c * s);
            matrix_add(&u->zt, s, &u->ft);
        }
    }
    return (1.0 - s) / s;
}

/* f->f from the users' load, ft, cross, norm2, and Z - V = (1 - c) Z; J of it with the round's G. */
static int step_published(federated_t *f, double c, double *obj, err_t *err)
{
    double rho = f->config.rho;
    matrix_copy(&f->anchor, &f->z);
    matrix_scale(&f->anchor, rho * (1.0 - c));
    if ((f->config.method == FEDERATED_MEAN ? step_mean : step_joint)(f, rho, &f->anchor, err) < 0) {
        return -1;
    }
    *obj = objective(f);
    return 0;
}

static int published(federated_t *f, err_t *err)
{
    double c = 0.0, obj; /* V = c Z */
    load(f, &f->f);
    project(f, 0.0); /* Z: F0 on the power ball; V = 0 */
    for (int i = 0; i < f->result.rounds; i++) {
        if (evaluate(f, &f->f, false, true, &obj, err) < 0) {
            return -1;
        }
        matrix_copy(&f->before, &f->f);
        if (step_published(f, c, &f->result.obj_round[i], err) < 0) {
            return -1;
        }
        load(f, &f->f);
        c = project(f, c);
        if (evaluate(f, &f->z, true, false, &f->result.obj_dep[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

int federated_rounds(federated_t *f, err_t *err)
{
    double round_scale = 1.0;
    bool is_published = f->config.method == FEDERATED_MEAN || f->config.method == FEDERATED_JOINT;
    matrix_copy(&f->f, &f->f0);
    for (int k = 0; k < f->result.aligned; k++) {
        matrix_scale(&f->user[k].zt, 0.0);
    }
    matrix_scale(&f->z, 0.0);
    int code = is_published ? published(f, err) : federated_wiener(f, &round_scale, err);
    return code < 0 ? -1 : federated_finish(f, round_scale, err);
}

void federated_step_begin(federated_t *f)
{
    matrix_copy(&f->f, &f->f0);
    matrix_scale(&f->z, 0.0);
    (void)project(f, 0.0);
}

int federated_step(federated_t *f, double *dual, double *obj, err_t *err)
{
    double scale;
    if (f->config.method == FEDERATED_MEAN || f->config.method == FEDERATED_JOINT) {
        if (step_published(f, *dual, obj, err) < 0) {
            return -1;
        }
        *dual = project(f, *dual);
        return 0;
    }
    if (step_wiener(f, &scale, obj, err) < 0) {
        return -1;
    }
    matrix_copy(&f->z, &f->f);
    return 0;
}
