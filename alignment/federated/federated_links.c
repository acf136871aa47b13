/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_links: a link of its own for each user, K uses and P each.
 *
 * With R = r I and C = sum t_i^(1/2) u_i v_i^H, H = I_K kron H_k with singular values h_i (each of
 * H_k's K times), both descending, the minimum of J for one user is reached by
 *     F = sum sqrt(p_i) w_i v_i^H        w_i: H's right singular vectors
 *     maximise sum t_i h_i^2 p_i / (r h_i^2 p_i + sigma2),  sum p_i = P
 * by water-filling: p_i = (sqrt(t_i h_i^2 sigma2 / mu) - sigma2)+ / (r h_i^2).  (A linear transceiver
 * of least mean square error; Scaglione, Stoica, Barbarossa, Giannakis and Sampath, 2002.)
 *
 * Where R is no multiple of 1 this F, slightly disturbed, starts Wiener rounds.
 * svd-mmse takes the same directions with equal power.
 */
#include "federated/federated_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The singular vectors of one link. */
typedef struct {
    matrix_t left, v, w; /* of C: d x s; of H_k: n_t x s */
    double *t, *h;       /* t: squared; h */
    double *p;
    int features, streams; /* s of C; of the whole link */
} link_t;

static void link_destroy(link_t *link)
{
    matrix_destroy(&link->left);
    matrix_destroy(&link->v);
    matrix_destroy(&link->w);
    free(link->t);
    free(link->h);
    free(link->p);
}

static int decompose(const matrix_t *m, matrix_t *left, matrix_t *right, double **values, err_t *err)
{
    matrix_t copy = {0};
    int s = m->rows < m->cols ? m->rows : m->cols, code = -1;
    *values = calloc((size_t)s, sizeof **values);
    if (*values && matrix_create(&copy, m->rows, m->cols, m->real, err) == 0 &&
        matrix_create(left, m->rows, s, m->real, err) == 0 &&
        matrix_create(right, m->cols, s, m->real, err) == 0) {
        matrix_copy(&copy, m);
        code = matrix_svd(&copy, left, *values, right) < 0
                   ? err_set(err, ERR_STATE, "no singular values")
                   : 0;
    }
    matrix_destroy(&copy);
    return code;
}

static int link_create(const federated_t *f, const federated_user_t *u, link_t *link, err_t *err)
{
    matrix_t other = {0};
    int pairs = u->h.rows < u->h.cols ? u->h.rows : u->h.cols;
    int code = decompose(&u->h, &other, &link->w, &link->h, err);
    matrix_destroy(&other);
    if (code < 0 || decompose(&u->c, &link->left, &link->v, &link->t, err) < 0) {
        return -1;
    }
    link->features = u->c.rows < u->c.cols ? u->c.rows : u->c.cols;
    for (int i = 0; i < link->features; i++) {
        link->t[i] *= link->t[i];
    }
    link->streams = pairs * f->config.channel_uses;
    link->streams = link->streams < link->features ? link->streams : link->features;
    link->p = calloc((size_t)link->streams, sizeof *link->p);
    return link->p ? 0 : err_set(err, ERR_MEMORY, "no memory for %d streams", link->streams);
}

static double gain_of(const federated_t *f, const link_t *link, int i) /* h_i^2 */
{
    double h = link->h[i / f->config.channel_uses];
    return h * h;
}

/* Streams come in falling t h^2: the last of those taken is the first to get nothing. */
static void fill_water(const federated_t *f, link_t *link)
{
    double power = f->config.power, s2 = f->sigma2, r = f->r, level = 0.0;
    int taken = link->streams;
    while (taken > 1 && !(gain_of(f, link, taken - 1) * link->t[taken - 1] > 0.0)) {
        taken--;
    }
    for (; taken > 0; taken--) {
        double above = power, below = 0.0, h2 = gain_of(f, link, taken - 1);
        for (int i = 0; i < taken; i++) {
            above += s2 / (r * gain_of(f, link, i));
            below += sqrt(link->t[i] * s2 / gain_of(f, link, i)) / r;
        }
        level = above / below; /* 1 / sqrt(mu) */
        if (level * sqrt(link->t[taken - 1] * h2 * s2) > s2 || taken == 1) {
            break;
        }
    }
    for (int i = 0; i < link->streams; i++) {
        double h2 = gain_of(f, link, i);
        link->p[i] = i < taken ? fmax(level * sqrt(link->t[i] * h2 * s2) - s2, 0.0) / (r * h2) : 0.0;
    }
}

static void share_evenly(const federated_t *f, link_t *link)
{
    int taken = link->streams;
    while (taken > 1 && gain_of(f, link, taken - 1) <= 1e-12 * gain_of(f, link, 0)) {
        taken--;
    }
    for (int i = 0; i < link->streams; i++) {
        link->p[i] = i < taken ? f->config.power / taken : 0.0;
    }
}

/* F = sum sqrt(p_i) (e_use kron w_j) v_i^H, stream i = j K + use. */
static void compose(const federated_t *f, const link_t *link, matrix_t *out)
{
    int uses = f->config.channel_uses, parts = f->real ? 1 : 2;
    memset(out->v, 0, matrix_doubles(out) * sizeof *out->v);
    for (int i = 0; i < link->streams; i++) {
        double size = sqrt(link->p[i]);
        for (int col = 0; col < f->d && size > 0.0; col++) {
            const double *v = matrix_at(&link->v, col, i);
            for (int a = 0; a < f->antennas; a++) {
                const double *w = matrix_at(&link->w, a, i / uses);
                double *to = matrix_at(out, i % uses * f->antennas + a, col);
                to[0] += size * (parts == 1 ? w[0] * v[0] : w[0] * v[0] + w[1] * v[1]);
                if (parts == 2) {
                    to[1] += size * (w[1] * v[0] - w[0] * v[1]);
                }
            }
        }
    }
}

/* Closed form (or start) of the one user that f is narrowed to, into f->f0. */
static int one_link(federated_t *f, err_t *err)
{
    link_t link = {0};
    int code = link_create(f, &f->user[0], &link, err);
    if (code == 0) {
        (f->config.method == FEDERATED_MULTI ? fill_water : share_evenly)(f, &link);
        compose(f, &link, &f->f);
    }
    link_destroy(&link);
    if (code < 0) {
        return -1;
    }
    if (f->config.method == FEDERATED_MULTI && f->basis.v) {
        double scale = 1.0;
        matrix_add(&f->f, 1e-3, &f->f0);
        return federated_wiener(f, &scale, err);
    }
    matrix_copy(&f->z, &f->f);
    federated_power(f, &f->z);
    federated_user_load(&f->user[0], &f->z);
    if (federated_user_evaluate(f, &f->user[0], &f->z, &f->user[0].ft, false) < 0) {
        return err_set(err, ERR_STATE, "user %d: the numbers of its receiver broke down", f->user[0].index);
    }
    f->result.obj_round[0] = f->result.obj_dep[0] = f->user[0].energy - f->user[0].gain;
    return 0;
}

/* One after the other, with `f` as if the others were not there. */
static int each_link(federated_t *f, federated_user_t *all, int users, double *sums, err_t *err)
{
    for (int k = 0; k < users; k++) {
        f->user = &all[k];
        f->result.aligned = 1;
        f->result.energy = all[k].energy;
        if (one_link(f, err) < 0) {
            return err_prefix(err, "user %d", all[k].index);
        }
        matrix_copy(&f->before, &f->z);
        if (federated_finish(f, 1.0, err) < 0 ||
            federated_turn_back(f, &f->f, k * f->rows, &f->result.f) < 0 ||
            federated_turn_back(f, &f->z, k * f->rows, &f->result.z) < 0) {
            return err_prefix(err, "user %d", all[k].index);
        }
        for (int i = 0; i < f->result.rounds; i++) {
            sums[2 * i] += f->result.obj_round[i];
            sums[2 * i + 1] += f->result.obj_dep[i];
        }
    }
    return 0;
}

int federated_links(federated_t *f, err_t *err)
{
    federated_user_t *all = f->user;
    int users = f->result.aligned;
    double energy = f->result.energy, *sums = calloc(2 * (size_t)f->result.rounds, sizeof *sums);
    if (!sums) {
        return err_set(err, ERR_MEMORY, "no memory for %d rounds", f->result.rounds);
    }
    int code = each_link(f, all, users, sums, err);
    f->user = all;
    f->result.aligned = users;
    f->result.energy = energy;
    for (int i = 0; i < f->result.rounds; i++) {
        f->result.obj_round[i] = sums[2 * i];
        f->result.obj_dep[i] = sums[2 * i + 1];
    }
    free(sums);
    return code;
}
