/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_score_set: the moments of the test set, with the transforms of the alignment. */
#include "federated/federated_score_private.h"

#include <stdlib.h>
#include <string.h>

static void centre(matrix_t *samples, const matrix_t *mean)
{
    size_t one = matrix_doubles(mean);
    for (int s = 0; s < samples->cols; s++) {
        for (size_t i = 0; i < one; i++) {
            samples->v[(size_t)s * one + i] -= mean->v[i];
        }
    }
}

/* Re((a - jb)(u + jv)) = au + bv: complex features hold real ones i and i + m. */
static int take_weight(scored_t *u, const federated_party_t *party, const matrix_t *mean,
                       err_t *err)
{
    int m = mean->rows, real_m = party->x.rows;
    if (matrix_create(&u->weight, party->classes, m, mean->real, err) < 0) {
        return -1;
    }
    u->classes = party->classes;
    u->bias = calloc((size_t)party->classes, sizeof *u->bias);
    if (!u->bias) {
        return err_set(err, ERR_MEMORY, "no memory for %d classes", party->classes);
    }
    for (int c = 0; c < party->classes; c++) {
        const double *from = party->weight + (size_t)c * (size_t)real_m;
        u->bias[c] = party->bias[c];
        for (int i = 0; i < m; i++) {
            double *to = matrix_at(&u->weight, c, i);
            const double *at = matrix_at(mean, i, 0);
            to[0] = from[i];
            u->bias[c] += from[i] * at[0];
            if (!mean->real) {
                to[1] = i + m < real_m ? -from[i + m] : 0.0;
                u->bias[c] -= to[1] * at[1];
            }
        }
    }
    return 0;
}

static int take_user(federated_score_set_t *set, const federated_t *like,
                     const federated_party_t *party, int k, err_t *err)
{
    scored_t *u = &set->user[k];
    matrix_t y = {0};
    const matrix_t *mean = &like->out[k].mean;
    if (!mean->v) {
        return 0; /* left out */
    }
    if (party->x.samples != set->x.cols) {
        return err_set(err, ERR_ARGUMENT, "user %d: %d test samples, the AP has %d", k,
                       party->x.samples, set->x.cols);
    }
    int code = federated_arrange(&party->x, &like->config, &y, err);
    if (code == 0 && y.rows != mean->rows) {
        code = err_set(err, ERR_ARGUMENT, "user %d: %d features to test, %d to align on", k, y.rows,
                       mean->rows);
    }
    if (code == 0 && (code = matrix_create(&u->c, y.rows, set->x.rows, y.real, err)) == 0 &&
        (code = matrix_create(&u->y, y.rows, set->sent, y.real, err)) == 0) {
        centre(&y, mean);
        matrix_multiply(1.0 / y.cols, &y, MATRIX_AS_IS, &set->x, MATRIX_ADJOINT, 0.0, &u->c);
        u->energy = matrix_dot(&y, &y) / y.cols;
        memcpy(u->y.v, y.v, matrix_doubles(&u->y) * sizeof *u->y.v);
        code = party->classes > 0 ? take_weight(u, party, mean, err) : 0;
    }
    matrix_destroy(&y);
    return code;
}

federated_score_set_t *federated_score_create(const federated_t *like, const federated_tensor_t *x,
                                              const federated_party_t *user, const int *labels,
                                              err_t *err)
{
    federated_score_set_t *set = calloc(1, sizeof *set);
    int users = like->result.users;
    if (!set || !(set->user = calloc((size_t)users, sizeof *set->user))) {
        free(set);
        err_set(err, ERR_MEMORY, "no memory for the test of %d users", users);
        return NULL;
    }
    set->users = users;
    set->labels = labels;
    set->sent = x->samples < FEDERATED_SCORE_SENT ? x->samples : FEDERATED_SCORE_SENT;
    int code = federated_arrange(x, &like->config, &set->x, err);
    if (code == 0 && set->x.rows != like->d) {
        code =
            err_set(err, ERR_ARGUMENT, "%d features to test, %d to align on", set->x.rows, like->d);
    }
    if (code == 0 && (code = matrix_create(&set->r, like->d, like->d, like->real, err)) == 0) {
        centre(&set->x, &like->result.x_mean);
        matrix_solve_left(&like->result.x_lower, &set->x);
        matrix_gram(1.0 / set->x.cols, &set->x, &set->r);
    }
    for (int k = 0; k < users && code == 0; k++) {
        code = take_user(set, like, &user[k], k, err);
    }
    if (code < 0) {
        federated_score_destroy(set);
        return NULL;
    }
    return set;
}

void federated_score_destroy(federated_score_set_t *set)
{
    if (!set) {
        return;
    }
    for (int k = 0; k < set->users; k++) {
        matrix_destroy(&set->user[k].y);
        matrix_destroy(&set->user[k].c);
        matrix_destroy(&set->user[k].weight);
        free(set->user[k].bias);
    }
    matrix_destroy(&set->x);
    matrix_destroy(&set->r);
    free(set->user);
    free(set);
}
