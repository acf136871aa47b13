/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_split: the AP's part. */
#include "federated/federated_split.h"

#include "federated/federated_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct federated_split {
    federated_t *f;
    matrix_t plain_f, plain_z;
    matrix_t *turned; /* [room]: the answers' Q in R's basis */
    int room;
    double dual;
};

void federated_share_destroy(federated_share_t *share)
{
    free((void *)share->h.v);
    share->h.v = NULL;
    matrix_destroy(&share->t);
    matrix_destroy(&share->c);
}

void federated_answer_destroy(federated_answer_t *answer)
{
    matrix_destroy(&answer->m1);
    matrix_destroy(&answer->q);
}

/* ---- life ------------------------------------------------------------------ */

static int build(federated_split_t *split, const federated_tensor_t *x, int antennas, err_t *err)
{
    federated_t *f = split->f;
    const federated_config_t *c = &f->config;
    if (c->method > FEDERATED_ONE_SHOT) {
        return err_set(err, ERR_ARGUMENT,
                       "%s has no rounds with users elsewhere: mean, joint, wiener or one-shot",
                       federated_method_name(c->method));
    }
    if (antennas < 1 || antennas > 64) {
        return err_set(err, ERR_ARGUMENT, "%d antennas (1 to 64)", antennas);
    }
    if (federated_take_x(f, x, err) < 0) {
        return -1;
    }
    matrix_destroy(&f->x);
    f->antennas = antennas * (f->real ? 2 : 1);
    f->rows = c->channel_uses * f->antennas;
    f->sigma2 = c->sigma2 * (f->real ? 0.5 : 1.0);
    f->result.rounds = c->rounds;
    if (f->rows > FEDERATED_ROWS_MAX) {
        return err_set(err, ERR_ARGUMENT, "K antennas = %d: more than %d", f->rows,
                       FEDERATED_ROWS_MAX);
    }
    return federated_make_design(f, err) < 0 ||
                   matrix_create(&split->plain_f, f->rows, f->d, f->real, err) < 0 ||
                   matrix_create(&split->plain_z, f->rows, f->d, f->real, err) < 0
               ? -1
               : 0;
}

federated_split_t *federated_split_create(const federated_tensor_t *x,
                                          const federated_config_t *config, int antennas,
                                          err_t *err)
{
    if (federated_check_config(config, err) < 0) {
        return NULL;
    }
    federated_split_t *split = calloc(1, sizeof *split);
    federated_t *f = calloc(1, sizeof *f);
    if (!split || !f) {
        err_set(err, ERR_MEMORY, "no memory for an alignment");
        free(split);
        free(f);
        return NULL;
    }
    split->f = f;
    f->config = *config;
    if (build(split, x, antennas, err) < 0) {
        federated_split_destroy(split);
        return NULL;
    }
    return split;
}

static void forget_turned(federated_split_t *split)
{
    for (int k = 0; k < split->room; k++) {
        matrix_destroy(&split->turned[k]);
    }
    free(split->turned);
    split->turned = NULL;
    split->room = 0;
}

/* Users of one-shot own their matrices; those of a step only borrow. */
static void forget_users(federated_t *f)
{
    for (int k = 0; f->user && k < f->result.aligned; k++) {
        federated_user_destroy(&f->user[k]);
    }
    free(f->user);
    f->user = NULL;
    f->result.aligned = 0;
    f->result.energy = 0.0;
}

void federated_split_destroy(federated_split_t *split)
{
    if (!split) {
        return;
    }
    forget_turned(split);
    matrix_destroy(&split->plain_f);
    matrix_destroy(&split->plain_z);
    federated_destroy(split->f);
    free(split);
}

void federated_split_shape(const federated_split_t *split, int *rows, int *features, bool *real)
{
    *rows = split->f->rows;
    *features = split->f->d;
    *real = split->f->real;
}

bool federated_split_wants_statistics(const federated_split_t *split)
{
    const federated_config_t *c = &split->f->config;
    return c->method == FEDERATED_ONE_SHOT || c->start == FEDERATED_SPECTRAL;
}

int federated_split_check(const federated_split_t *split, const federated_share_t *share,
                          err_t *err)
{
    const federated_t *f = split->f;
    federated_user_result_t out = {.left_out = ""};
    if (federated_check_channel(&share->h, f->antennas / (f->real ? 2 : 1), &out) < 0) {
        return err_set(err, ERR_ARGUMENT, "%s", out.left_out);
    }
    if (!(share->energy > 0.0 && isfinite(share->energy))) {
        return err_set(err, ERR_ARGUMENT, "|Y|^2 / n = %g is not above 0 and finite",
                       share->energy);
    }
    if (federated_split_wants_statistics(split) && !share->t.v && !share->c.v) {
        return err_set(err, ERR_ARGUMENT,
                       "neither T nor C came, and this method needs one of them");
    }
    return 0;
}

/* ---- users as the rounds see them ------------------------------------------ */

/* C, or T, of a share into R's basis. */
static int take_statistics(const federated_t *f, const federated_share_t *share,
                           federated_user_t *u, err_t *err)
{
    matrix_t half = {0};
    const matrix_t *from = share->c.v ? &share->c : &share->t;
    matrix_t *to = share->c.v ? &u->c : &u->t;
    if (!from->v) {
        return 0;
    }
    if (matrix_create(to, from->rows, f->d, f->real, err) < 0) {
        return -1;
    }
    if (!f->basis.v) {
        matrix_copy(to, from);
        return 0;
    }
    if (share->c.v) {
        matrix_multiply(1.0, from, MATRIX_AS_IS, &f->basis, MATRIX_AS_IS, 0.0, to);
        return 0;
    }
    if (matrix_create(&half, f->d, f->d, f->real, err) < 0) {
        return -1;
    }
    matrix_multiply(1.0, from, MATRIX_AS_IS, &f->basis, MATRIX_AS_IS, 0.0, &half);
    matrix_multiply(1.0, &f->basis, MATRIX_ADJOINT, &half, MATRIX_AS_IS, 0.0, to);
    matrix_destroy(&half);
    return 0;
}

static int take_shares(federated_t *f, const federated_share_t *const share[], int count,
                       err_t *err)
{
    forget_users(f);
    f->user = calloc((size_t)count, sizeof *f->user);
    if (!f->user) {
        return err_set(err, ERR_MEMORY, "no memory for %d users", count);
    }
    for (int k = 0; k < count; k++) {
        federated_user_t *u = &f->user[k];
        f->result.aligned = k + 1;
        u->index = k;
        u->energy = share[k]->energy;
        f->result.energy += u->energy;
        if (federated_take_channel(f, &share[k]->h, &u->h, err) < 0 ||
            take_statistics(f, share[k], u, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* All rounds here: what a user computes needs room of its own. */
static int run_here(federated_t *f, err_t *err)
{
    int side = f->rows;
    double scale;
    for (int k = 0; k < f->result.aligned; k++) {
        int got = f->config.channel_uses * f->user[k].h.rows;
        side = got > side ? got : side;
        if (side > FEDERATED_ROWS_MAX) {
            return err_set(err, ERR_ARGUMENT, "K antennas = %d: more than %d", side,
                           FEDERATED_ROWS_MAX);
        }
        if (federated_user_create(f, &f->user[k], err) < 0) {
            return -1;
        }
    }
    for (int i = 0; i < 5; i++) {
        matrix_destroy(&f->square[i]);
        if (matrix_create(&f->square[i], side, side, f->real, err) < 0) {
            return -1;
        }
    }
    return federated_wiener(f, &scale, err);
}

static int publish(federated_split_t *split, err_t *err)
{
    federated_t *f = split->f;
    return federated_turn_back(f, &f->f, 0, &split->plain_f) < 0 ||
                   federated_turn_back(f, &f->z, 0, &split->plain_z) < 0
               ? err_set(err, ERR_MEMORY, "no memory for F")
               : 0;
}

int federated_split_begin(federated_split_t *split, const federated_share_t *const share[],
                          int count, const matrix_t *f0, err_t *err)
{
    federated_t *f = split->f;
    const federated_tensor_t none = {0};
    split->dual = 0.0;
    if (count < 1) {
        return err_set(err, ERR_ARGUMENT, "nobody to align");
    }
    int code = take_shares(f, share, count, err);
    if (code == 0 && f0) {
        if (f->basis.v) {
            matrix_multiply(1.0, f0, MATRIX_AS_IS, &f->basis, MATRIX_AS_IS, 0.0, &f->f0);
        } else {
            matrix_copy(&f->f0, f0);
        }
        matrix_scale(&f->f0, sqrt(f->config.power / matrix_dot(&f->f0, &f->f0)));
    } else if (code == 0) {
        matrix_scale(&f->f0, 0.0);
        code = federated_start(f, &none, err);
    }
    if (code == 0) {
        federated_step_begin(f);
        code = f->config.method == FEDERATED_ONE_SHOT ? run_here(f, err) : 0;
    }
    forget_users(f);
    return code < 0 ? -1 : publish(split, err);
}

static int room_for(federated_split_t *split, int count, err_t *err)
{
    if (split->room >= count) {
        return 0;
    }
    forget_turned(split);
    split->turned = calloc((size_t)count, sizeof *split->turned);
    split->room = split->turned ? count : 0;
    return split->turned ? 0 : err_set(err, ERR_MEMORY, "no memory for %d users", count);
}

int federated_split_step(federated_split_t *split, const federated_share_t *const share[],
                         const federated_answer_t *const answer[], int count, double *obj,
                         err_t *err)
{
    federated_t *f = split->f;
    federated_user_t *user = calloc((size_t)(count > 0 ? count : 1), sizeof *user);
    int code = !user       ? err_set(err, ERR_MEMORY, "no memory for %d users", count)
               : count < 1 ? err_set(err, ERR_ARGUMENT, "a round without users")
                           : room_for(split, count, err);
    f->result.energy = 0.0;
    for (int k = 0; code == 0 && k < count; k++) {
        user[k] = (federated_user_t){.index = k,
                                     .energy = share[k]->energy,
                                     .load = answer[k]->m1,
                                     .ft = answer[k]->q,
                                     .norm2 = answer[k]->norm2};
        f->result.energy += user[k].energy;
        if (f->basis.v) {
            matrix_t *q = &split->turned[k];
            if (!q->v && matrix_create(q, f->rows, f->d, f->real, err) < 0) {
                code = -1;
                break;
            }
            matrix_multiply(1.0, &answer[k]->q, MATRIX_AS_IS, &f->basis, MATRIX_AS_IS, 0.0, q);
            user[k].ft = *q;
        }
    }
    if (code == 0) {
        f->user = user;
        f->result.aligned = count;
        code = federated_step(f, &split->dual, obj, err);
    }
    f->user = NULL;
    f->result.aligned = 0;
    free(user);
    return code < 0 ? -1 : publish(split, err);
}

const matrix_t *federated_split_f(const federated_split_t *split)
{
    return &split->plain_f;
}

const matrix_t *federated_split_z(const federated_split_t *split)
{
    return &split->plain_z;
}

const federated_result_t *federated_split_result(const federated_split_t *split)
{
    return &split->f->result;
}
