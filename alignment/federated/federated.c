/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated: checks, room, and which method runs. */
#include "federated/federated_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[FEDERATED_METHODS] = {
    "mean", "joint", "wiener", "one-shot", "multi", "svd-mmse", "first-k", "top-k", "top-k-free"};

const char *federated_method_name(federated_method_t method)
{
    return names[method];
}

int federated_check_config(const federated_config_t *c, err_t *err)
{
    if (c->channel_uses < 1 || c->channel_uses > 4096) {
        return err_set(err, ERR_ARGUMENT, "K = %d is not 1 to 4096 channel uses", c->channel_uses);
    }
    if (!(c->sigma2 > 0.0 && isfinite(c->sigma2)) || !(c->power > 0.0 && isfinite(c->power)) ||
        !(c->rho > 0.0 && isfinite(c->rho))) {
        return err_set(err, ERR_ARGUMENT, "sigma2 = %g, P = %g, rho = %g: each must be above 0 and finite",
                       c->sigma2, c->power, c->rho);
    }
    if (c->rounds < 1 || c->rounds > 100000 || c->index_bits < 1 || c->index_bits > 16) {
        return err_set(err, ERR_ARGUMENT, "rounds = %d (1 to 100000), index_bits = %d (1 to 16)", c->rounds,
                       c->index_bits);
    }
    if (!(c->task_weight >= 0.0 && isfinite(c->task_weight)) ||
        (c->task_weight > 0.0 && (!c->widely_linear || c->domain != FEDERATED_RAW))) {
        return err_set(err, ERR_ARGUMENT, "task_weight = %g: 0 or more, and above 0 only widely linear with raw errors",
                       c->task_weight);
    }
    return (unsigned)c->method < FEDERATED_METHODS ? 0
                                                   : err_set(err, ERR_ARGUMENT, "there is no such method");
}

int federated_make_design(federated_t *f, err_t *err)
{
    matrix_t *const wide[] = {&f->f,      &f->z,      &f->before, &f->right,
                              &f->rooted, &f->total, &f->anchor, &f->f0};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (matrix_create(wide[i], f->rows, f->d, f->real, err) < 0) {
            return -1;
        }
    }
    f->values = calloc((size_t)f->rows, sizeof *f->values);
    f->result.obj_round = calloc((size_t)f->result.rounds, sizeof(double));
    f->result.obj_dep = calloc((size_t)f->result.rounds, sizeof(double));
    if (!f->values || !f->result.obj_round || !f->result.obj_dep) {
        return err_set(err, ERR_MEMORY, "no memory for %d rounds", f->result.rounds);
    }
    return matrix_create(&f->power, f->rows, f->rows, f->real, err) < 0 ||
                   matrix_create(&f->sum, f->rows, f->rows, f->real, err) < 0
               ? -1
               : 0;
}

static int make_room(federated_t *f, err_t *err)
{
    int side = f->rows;
    for (int k = 0; k < f->result.aligned; k++) {
        int got = f->config.channel_uses * f->user[k].h.rows;
        side = got > side ? got : side;
        if (side > FEDERATED_ROWS_MAX) {
            return err_set(err, ERR_ARGUMENT, "K antennas = %d: more than %d", side, FEDERATED_ROWS_MAX);
        }
        if (federated_user_create(f, &f->user[k], err) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < 5; i++) {
        if (matrix_create(&f->square[i], side, side, f->real, err) < 0) {
            return -1;
        }
    }
    return federated_make_design(f, err);
}

/* Numbers on the wire as 32-bit floats; a Hermitian matrix as its lower triangle. */
static void count_bytes(federated_t *f)
{
    double number = f->real ? 4.0 : 8.0, m = f->rows, d = f->d;
    double lower_m = f->real ? 2.0 * m * (m + 1.0) : 4.0 * m * m;
    double lower_d = f->real ? 2.0 * d * (d + 1.0) : 4.0 * d * d;
    federated_method_t method = f->config.method;
    f->result.bytes_down = number * m * d;
    for (int k = 0; k < f->result.aligned; k++) {
        federated_user_t *u = &f->user[k];
        double h = number * u->h.rows * u->h.cols, c = number * u->c.rows * d;
        double once = h + (c < lower_d ? c : lower_d) + 4.0; /* T_k, or C_k where that is less */
        f->out[u->index].bytes_up =
            method <= FEDERATED_WIENER ? lower_m + number * m * d : method <= FEDERATED_SVD_MMSE ? once : 0.0;
    }
    if (method >= FEDERATED_FIRST_K) {
        f->result.bytes_down = 0.0;
    }
}

static int build(federated_t *f, const federated_input_t *input, const federated_t *like, err_t *err)
{
    if ((like ? federated_share(f, like, input->h, err) : federated_statistics(f, input, err)) < 0) {
        return -1;
    }
    f->rows = f->config.channel_uses * f->antennas;
    f->sigma2 = f->config.sigma2 * (f->real ? 0.5 : 1.0);
    bool iterates = f->config.method <= FEDERATED_ONE_SHOT || (f->config.method == FEDERATED_MULTI && f->basis.v);
    bool links = f->config.method == FEDERATED_MULTI || f->config.method == FEDERATED_SVD_MMSE;
    f->result.rounds = iterates ? f->config.rounds : 1;
    f->result.air_uses = (double)f->config.channel_uses * (links ? f->result.aligned : 1);
    if (f->rows > FEDERATED_ROWS_MAX) {
        return err_set(err, ERR_ARGUMENT, "K antennas = %d: more than %d", f->rows, FEDERATED_ROWS_MAX);
    }
    if (make_room(f, err) < 0 || federated_start(f, &input->f0, err) < 0) {
        return -1;
    }
    count_bytes(f);
    return 0;
}

static federated_t *create(const federated_input_t *input, const federated_t *like,
                           const federated_config_t *config, err_t *err)
{
    if (federated_check_config(config, err) < 0) {
        return NULL;
    }
    federated_t *f = calloc(1, sizeof *f);
    size_t users = input->users > 0 ? (size_t)input->users : 1;
    if (f) {
        f->config = *config;
        f->user = calloc(users, sizeof *f->user);
        f->out = calloc(users, sizeof *f->out);
        f->result.users = input->users;
        f->result.user = f->out;
    }
    if (!f || !f->user || !f->out) {
        err_set(err, ERR_MEMORY, "no memory for %d users", input->users);
        federated_destroy(f);
        return NULL;
    }
    if (build(f, input, like, err) < 0) {
        federated_destroy(f);
        return NULL;
    }
    return f;
}

federated_t *federated_create(const federated_input_t *input, const federated_config_t *config,
                              err_t *err)
{
    return create(input, NULL, config, err);
}

federated_t *federated_again(const federated_t *like, const federated_tensor_t *h,
                             const federated_config_t *config, err_t *err)
{
    const federated_input_t input = {.users = like->result.users, .h = h};
    return create(&input, like, config, err);
}

void federated_destroy(federated_t *f)
{
    if (!f) {
        return;
    }
    for (int k = 0; k < f->result.users; k++) {
        if (f->user) {
            federated_user_destroy(&f->user[k]);
        }
        if (f->out) {
            matrix_t *const out[] = {&f->out[k].g, &f->out[k].g_dep, &f->out[k].mean, &f->out[k].lower};
            for (int i = 0; i < 4; i++) {
                matrix_destroy(out[i]);
            }
        }
    }
    matrix_t *const all[] = {&f->basis,    &f->x,      &f->f0,       &f->f,        &f->z,
                             &f->before,   &f->right,  &f->rooted,   &f->total,    &f->anchor,
                             &f->power,    &f->sum,    &f->result.f, &f->result.z, &f->result.x_mean,
                             &f->square[0], &f->square[1], &f->square[2], &f->square[3], &f->square[4],
                             &f->result.x_lower};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        matrix_destroy(all[i]);
    }
    free(f->result.obj_round);
    free(f->result.obj_dep);
    free(f->spread);
    free(f->root);
    free(f->values);
    free(f->user);
    free(f->out);
    free(f);
}

int federated_turn_back(const federated_t *f, const matrix_t *from, int row, matrix_t *to)
{
    matrix_t plain = {0};
    if (matrix_create(&plain, from->rows, from->cols, from->real, NULL) < 0) {
        return -1;
    }
    if (f->basis.v) {
        matrix_multiply(1.0, from, MATRIX_AS_IS, &f->basis, MATRIX_ADJOINT, 0.0, &plain);
    } else {
        matrix_copy(&plain, from);
    }
    size_t one = (size_t)from->rows * (from->real ? 1u : 2u) * sizeof(double);
    for (int j = 0; j < from->cols; j++) {
        memcpy(matrix_at(to, row, j), matrix_at(&plain, 0, j), one);
    }
    matrix_destroy(&plain);
    return 0;
}

int federated_run(federated_t *f, err_t *err)
{
    federated_method_t method = f->config.method;
    if (method >= FEDERATED_TOP_K) {
        return federated_top(f, err);
    }
    bool links = method == FEDERATED_MULTI || method == FEDERATED_SVD_MMSE;
    int all = f->rows * (links ? f->result.aligned : 1);
    matrix_destroy(&f->result.f);
    matrix_destroy(&f->result.z);
    if (matrix_create(&f->result.f, all, f->d, f->real, err) < 0 ||
        matrix_create(&f->result.z, all, f->d, f->real, err) < 0) {
        return -1;
    }
    if (links) {
        return federated_links(f, err);
    }
    if ((method == FEDERATED_FIRST_K ? federated_first : federated_rounds)(f, err) < 0) {
        return -1;
    }
    return federated_turn_back(f, &f->f, 0, &f->result.f) < 0 ||
                   federated_turn_back(f, &f->z, 0, &f->result.z) < 0
               ? err_set(err, ERR_MEMORY, "no memory for the result")
               : 0;
}

const federated_result_t *federated_result(const federated_t *f)
{
    return &f->result;
}
