/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_again: copies what was gathered from the samples; only the channels are new. */
#include "federated/federated_private.h"

#include <stdlib.h>
#include <string.h>

static int copy(matrix_t *to, const matrix_t *from, err_t *err)
{
    if (!from->v) {
        return 0;
    }
    if (matrix_create(to, from->rows, from->cols, from->real, err) < 0) {
        return -1;
    }
    matrix_copy(to, from);
    return 0;
}

static int copy_values(double **to, const double *from, int count, err_t *err)
{
    if (!from) {
        return 0;
    }
    *to = malloc((size_t)count * sizeof **to);
    if (!*to) {
        return err_set(err, ERR_MEMORY, "no memory for %d features", count);
    }
    memcpy(*to, from, (size_t)count * sizeof **to);
    return 0;
}

static int check(const federated_t *f, const federated_t *like, err_t *err)
{
    const federated_config_t *a = &f->config, *b = &like->config;
    if (a->complexify != b->complexify || a->whiten != b->whiten ||
        a->widely_linear != b->widely_linear || a->domain != b->domain ||
        (a->task_weight < b->task_weight || a->task_weight > b->task_weight)) {
        return err_set(err, ERR_ARGUMENT,
                       "the statistics were gathered for other transforms of the latents");
    }
    if (a->method >= FEDERATED_TOP_K && !like->x.v) {
        return err_set(err, ERR_ARGUMENT, "%s needs the samples, which were not kept",
                       federated_method_name(a->method));
    }
    return 0;
}

static int share_user(federated_t *f, const federated_user_t *from, const federated_tensor_t *h,
                      federated_user_t *to, err_t *err)
{
    to->index = from->index;
    to->energy = from->energy;
    to->raw_energy = from->raw_energy;
    if (copy(&to->c, &from->c, err) < 0 || copy(&to->t, &from->t, err) < 0 ||
        (f->config.method >= FEDERATED_TOP_K && copy(&to->samples, &from->samples, err) < 0) ||
        federated_take_channel(f, h, &to->h, err) < 0) {
        return -1;
    }
    if (!to->t.v && f->config.method == FEDERATED_ONE_SHOT) {
        if (matrix_create(&to->t, f->d, f->d, f->real, err) < 0) {
            return -1;
        }
        matrix_multiply(1.0, &to->c, MATRIX_ADJOINT, &to->c, MATRIX_AS_IS, 0.0, &to->t);
    }
    f->result.energy += to->energy;
    return 0;
}

int federated_share(federated_t *f, const federated_t *like, const federated_tensor_t *h,
                    err_t *err)
{
    federated_result_t *out = &f->result;
    int first = like->user[0].index;
    if (check(f, like, err) < 0) {
        return -1;
    }
    f->real = like->real;
    f->d = like->d;
    f->n = like->n;
    f->r = like->r;
    f->antennas = h[first].v ? h[first].samples : 0;
    if (copy(&f->basis, &like->basis, err) < 0 ||
        copy_values(&f->spread, like->spread, f->d, err) < 0 ||
        copy_values(&f->root, like->root, f->d, err) < 0 ||
        copy(&out->x_mean, &like->result.x_mean, err) < 0 ||
        copy(&out->x_lower, &like->result.x_lower, err) < 0 ||
        (f->config.method >= FEDERATED_TOP_K && copy(&f->x, &like->x, err) < 0)) {
        return -1;
    }
    for (int k = 0; k < out->users; k++) {
        memcpy(f->out[k].left_out, like->out[k].left_out, sizeof f->out[k].left_out);
        if (copy(&f->out[k].mean, &like->out[k].mean, err) < 0 ||
            copy(&f->out[k].lower, &like->out[k].lower, err) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < like->result.aligned; i++) {
        int k = like->user[i].index;
        if (federated_check_channel(&h[k], f->antennas, &f->out[k]) < 0) {
            return err_set(err, ERR_ARGUMENT, "user %d: %s", k, f->out[k].left_out);
        }
        out->aligned = i + 1;
        if (share_user(f, &like->user[i], &h[k], &f->user[i], err) < 0) {
            return err_prefix(err, "user %d", k);
        }
    }
    f->antennas *= f->real ? 2 : 1;
    return 0;
}
