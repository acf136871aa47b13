/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_part: the user's part of federated_split.h. */
#include "federated/federated_split.h"

#include "federated/federated_private.h"

#include <stdlib.h>
#include <string.h>

static federated_user_t *only_user(federated_t *part)
{
    return &part->user[0];
}

void federated_part_shape(const federated_t *part, int *rows, int *features)
{
    *rows = part->rows;
    *features = part->d;
}

int federated_part_share(federated_t *part, const federated_tensor_t *h, bool statistics,
                         federated_share_t *share, err_t *err)
{
    federated_user_t *u = only_user(part);
    size_t numbers = (size_t)h->rows * (size_t)h->samples * (h->is_complex ? 2u : 1u);
    double d = part->d, triangle = part->real ? 0.5 * d * (d + 1.0) : d * d;
    double whole = (part->real ? 1.0 : 2.0) * u->c.rows * d;
    double *copy = malloc(numbers * sizeof *copy);
    *share =
        (federated_share_t){.h = {h->rows, h->samples, h->is_complex, copy}, .energy = u->energy};
    if (!copy) {
        return err_set(err, ERR_MEMORY, "no memory for H");
    }
    memcpy(copy, h->v, numbers * sizeof *copy);
    if (!statistics) {
        return 0;
    }
    if (matrix_create(&share->c, u->c.rows, part->d, part->real, err) < 0) {
        return -1;
    }
    if (federated_turn_back(part, &u->c, 0, &share->c) < 0) {
        return err_set(err, ERR_MEMORY, "no memory for C");
    }
    if (whole <= triangle) {
        return 0;
    }
    if (matrix_create(&share->t, part->d, part->d, part->real, err) < 0) {
        return -1;
    }
    matrix_multiply(1.0, &share->c, MATRIX_ADJOINT, &share->c, MATRIX_AS_IS, 0.0, &share->t);
    matrix_destroy(&share->c);
    return 0;
}

/* F into R's basis, as `to` (f->f or f->z). */
static int take(federated_t *part, const matrix_t *from, matrix_t *to, err_t *err)
{
    if (from->rows != to->rows || from->cols != to->cols || from->real != to->real) {
        return err_set(err, ERR_ARGUMENT, "F is %d x %d, not %d x %d", from->rows, from->cols,
                       to->rows, to->cols);
    }
    if (part->basis.v) {
        matrix_multiply(1.0, from, MATRIX_AS_IS, &part->basis, MATRIX_AS_IS, 0.0, to);
    } else {
        matrix_copy(to, from);
    }
    return 0;
}

int federated_part_answer(federated_t *part, const matrix_t *f, federated_answer_t *answer,
                          err_t *err)
{
    federated_user_t *u = only_user(part);
    *answer = (federated_answer_t){0};
    if (take(part, f, &part->f, err) < 0) {
        return -1;
    }
    federated_power(part, &part->f);
    federated_user_load(u, &part->f);
    if (federated_user_evaluate(part, u, &part->f, &u->ft, true) < 0) {
        return err_set(err, ERR_STATE, "the numbers of the receiver broke down");
    }
    if (matrix_create(&answer->m1, part->rows, part->rows, part->real, err) < 0 ||
        matrix_create(&answer->q, part->rows, part->d, part->real, err) < 0) {
        return -1;
    }
    matrix_copy(&answer->m1, &u->load);
    matrix_multiply(1.0, &u->cross, MATRIX_AS_IS, &u->ft, MATRIX_AS_IS, 0.0, &part->total);
    answer->norm2 = u->norm2;
    answer->gain = u->gain;
    return federated_turn_back(part, &part->total, 0, &answer->q) < 0
               ? err_set(err, ERR_MEMORY, "no memory for Q")
               : 0;
}

int federated_part_deploy(federated_t *part, const matrix_t *z, err_t *err)
{
    if (take(part, z, &part->z, err) < 0) {
        return -1;
    }
    matrix_copy(&part->before, &part->z);
    return federated_finish(part, 1.0, err);
}

/*
 * E |L (y - G v)|^2 with v = B x + w: tr(L (E yy^H - C B^H G^H - G B C^H + G S G^H) L^H),
 * S = B R B^H + sigma2 I, B of the true channel.
 */
int federated_mismatch(federated_t *part, int k, const federated_tensor_t *truth, double *nmse_raw,
                       err_t *err)
{
    federated_user_t *u = &part->user[k];
    const federated_user_result_t *out = &part->out[u->index];
    const matrix_t *g = &out->g_dep;
    matrix_t h = {0}, b = {0}, cb = {0}, s = {0}, half = {0}, turned = {0}, lg = {0}, lgs = {0},
             lcb = {0};
    const int got = g->cols, m = g->rows;
    int code = -1;
    if (federated_take_channel(part, truth, &h, err) < 0) {
        return -1;
    }
    if (h.rows != u->h.rows || h.cols != u->h.cols) {
        code = err_set(err, ERR_ARGUMENT, "the true H is %d x %d, the given one was not",
                       truth->rows, truth->samples);
    } else if (matrix_create(&b, got, part->d, part->real, err) == 0 &&
               matrix_create(&cb, m, got, part->real, err) == 0 &&
               matrix_create(&lcb, m, got, part->real, err) == 0 &&
               matrix_create(&s, got, got, part->real, err) == 0 &&
               matrix_create(&half, part->rows > got ? part->rows : got,
                             part->rows > got ? part->rows : got, part->real, err) == 0 &&
               matrix_create(&turned, half.rows, half.cols, part->real, err) == 0 &&
               matrix_create(&lg, m, got, part->real, err) == 0 &&
               matrix_create(&lgs, m, got, part->real, err) == 0) {
        federated_power(part, &part->z);
        matrix_sandwich(&h, MATRIX_AS_IS, &part->power, &s, &half, &turned);
        matrix_add_diagonal(&s, part->sigma2);
        matrix_channel(&h, MATRIX_AS_IS, &part->z, &b);
        matrix_multiply(1.0, &u->c, MATRIX_AS_IS, &b, MATRIX_ADJOINT, 0.0, &cb);
        matrix_multiply(1.0, &out->lower, MATRIX_AS_IS, g, MATRIX_AS_IS, 0.0, &lg);
        matrix_multiply(1.0, &out->lower, MATRIX_AS_IS, &cb, MATRIX_AS_IS, 0.0, &lcb);
        matrix_multiply(1.0, &lg, MATRIX_AS_IS, &s, MATRIX_AS_IS, 0.0, &lgs);
        *nmse_raw = 1.0 + (matrix_dot(&lgs, &lg) - 2.0 * matrix_dot(&lg, &lcb)) / u->raw_energy;
        code = 0;
    }
    matrix_t *const all[] = {&h, &b, &cb, &s, &half, &turned, &lg, &lgs, &lcb};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        matrix_destroy(all[i]);
    }
    return code;
}
