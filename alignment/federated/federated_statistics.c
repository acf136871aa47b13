/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_statistics: samples in, what the methods need out; and who can take part.
 *
 * Whitening is done on the statistics: with covariances (divisor n - 1) L_x L_x^H and L_y L_y^H,
 * C = L_y^-1 (Y X^H / n) L_x^-H, and R = (n - 1) / n I by construction.
 */
#include "federated/federated_private.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const double singular = 1e-11; /* of a row's own variance */

/* One reason per user; always -1. */
static int leave_out(federated_user_result_t *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int leave_out(federated_user_result_t *out, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(out->left_out, sizeof out->left_out, format, list);
    va_end(list);
    return -1;
}

/* ---- latents -------------------------------------------------------------- */

static size_t numbers(const federated_tensor_t *t)
{
    return (size_t)t->rows * (size_t)t->samples * (t->is_complex ? 2u : 1u);
}

/* The first number that isn't finite, or `numbers`. */
static size_t first_bad(const federated_tensor_t *t)
{
    size_t i = 0, count = numbers(t);
    while (i < count && isfinite(t->v[i])) {
        i++;
    }
    return i;
}

static int features_of(const federated_tensor_t *t, const federated_config_t *config)
{
    if (config->widely_linear) {
        return t->is_complex ? 2 * t->rows : t->rows;
    }
    return !t->is_complex && config->complexify ? (t->rows + 1) / 2 : t->rows;
}

/* Part p (0 real, 1 imaginary) of feature i. */
static double part(const federated_tensor_t *t, int i, int s, int p)
{
    size_t at = (size_t)i * (size_t)t->samples + (size_t)s;
    return i >= t->rows ? 0.0 : t->is_complex ? t->v[2 * at + (size_t)p] : p == 0 ? t->v[at] : 0.0;
}

int federated_arrange(const federated_tensor_t *t, const federated_config_t *config, matrix_t *out,
                      err_t *err)
{
    int d = features_of(t, config);
    bool real = config->widely_linear, halves = !real && !t->is_complex && config->complexify;
    if (matrix_create(out, d, t->samples, real, err) < 0) {
        return -1;
    }
    for (int s = 0; s < t->samples; s++) {
        for (int i = 0; i < d; i++) {
            double *to = matrix_at(out, i, s);
            if (real) {
                to[0] = i < t->rows ? part(t, i, s, 0) : part(t, i - t->rows, s, 1);
            } else {
                to[0] = part(t, i, s, 0);
                to[1] = halves ? part(t, i + d, s, 0) : part(t, i, s, 1);
            }
        }
    }
    return 0;
}

static void centre(matrix_t *samples, matrix_t *mean)
{
    size_t one = matrix_doubles(mean);
    for (int s = 0; s < samples->cols; s++) {
        for (size_t i = 0; i < one; i++) {
            mean->v[i] += samples->v[(size_t)s * one + i] / samples->cols;
        }
    }
    for (int s = 0; s < samples->cols; s++) {
        for (size_t i = 0; i < one; i++) {
            samples->v[(size_t)s * one + i] -= mean->v[i];
        }
    }
}

/* Arranges, centres, and makes mean and lower (identity so far). */
static int begin(const federated_tensor_t *t, const federated_config_t *config, matrix_t *samples,
                 matrix_t *mean, matrix_t *lower, err_t *err)
{
    if (federated_arrange(t, config, samples, err) < 0 ||
        matrix_create(mean, samples->rows, 1, samples->real, err) < 0 ||
        matrix_create(lower, samples->rows, samples->rows, samples->real, err) < 0) {
        return -1;
    }
    if (config->whiten) {
        centre(samples, mean);
    }
    matrix_add_diagonal(lower, 1.0);
    return 0;
}

/* ---- X -------------------------------------------------------------------- */

/* R as a multiple of 1, or its eigenvectors. */
static int spread_of(federated_t *f, err_t *err)
{
    matrix_t r = {0};
    double off = 0.0;
    if (matrix_create(&r, f->d, f->d, f->real, err) < 0) {
        return -1;
    }
    matrix_gram(1.0 / f->n, &f->x, &r);
    f->r = matrix_trace(&r) / f->d;
    matrix_add_diagonal(&r, -f->r);
    for (size_t i = 0; i < matrix_doubles(&r); i++) {
        off = fmax(off, fabs(r.v[i]));
    }
    matrix_add_diagonal(&r, f->r);
    if (!(f->r > 0.0)) {
        matrix_destroy(&r);
        return err_set(err, ERR_ARGUMENT, "X is nothing but zeros");
    }
    if (off <= 1e-9 * f->r) {
        matrix_destroy(&r);
        return 0;
    }
    f->basis = r;
    f->spread = calloc((size_t)f->d, sizeof *f->spread);
    f->root = calloc((size_t)f->d, sizeof *f->root);
    if (!f->spread || !f->root) {
        return err_set(err, ERR_MEMORY, "no memory for %d features", f->d);
    }
    if (matrix_eigen(&f->basis, f->spread) < 0) {
        return err_set(err, ERR_STATE, "X: no eigenvectors of its covariance");
    }
    for (int i = 0; i < f->d; i++) {
        f->spread[i] = fmax(f->spread[i], 0.0);
        f->root[i] = sqrt(f->spread[i]);
    }
    return 0;
}

int federated_take_x(federated_t *f, const federated_tensor_t *x, err_t *err)
{
    const federated_config_t *config = &f->config;
    federated_result_t *out = &f->result;
    size_t bad = x->v ? first_bad(x) : 0;
    if (!x->v || x->rows < 1 || x->samples < 2 || features_of(x, config) > FEDERATED_FEATURES_MAX) {
        return err_set(err, ERR_ARGUMENT, "X is missing or is not 1 to %d features of at least 2 samples",
                       FEDERATED_FEATURES_MAX);
    }
    if (bad < numbers(x)) {
        size_t row = (size_t)x->samples * (x->is_complex ? 2u : 1u);
        return err_set(err, ERR_ARGUMENT, "X: feature %zu has a value that is not finite", bad / row);
    }
    f->real = config->widely_linear;
    f->n = x->samples;
    if (begin(x, config, &f->x, &out->x_mean, &out->x_lower, err) < 0) {
        return -1;
    }
    f->d = f->x.rows;
    if (!config->whiten) {
        return spread_of(f, err);
    }
    if (f->n <= f->d) {
        return err_set(err, ERR_ARGUMENT, "X: %d samples of %d features: its covariance is singular",
                       f->n, f->d);
    }
    matrix_gram(1.0 / (f->n - 1), &f->x, &out->x_lower);
    int row = matrix_cholesky(&out->x_lower, singular);
    if (row > 0) {
        return err_set(err, ERR_ARGUMENT,
                       "X: its covariance is singular: feature %d follows from those before it", row - 1);
    }
    f->r = (double)(f->n - 1) / f->n;
    matrix_solve_left(&out->x_lower, &f->x);
    return 0;
}

/* ---- users ---------------------------------------------------------------- */

/* n_t: F0's, or what most channels have. */
static int antennas_of(const federated_input_t *input, const federated_config_t *config)
{
    int best = 0, votes = 0;
    if (input->f0.v && input->f0.rows % config->channel_uses == 0) {
        int side = input->f0.rows / config->channel_uses;
        return config->widely_linear && side % 2 == 0 ? side / 2 : side;
    }
    for (int k = 0; k < input->users; k++) {
        int same = 0;
        for (int j = 0; j < input->users; j++) {
            same += input->h[j].v && input->h[j].samples == input->h[k].samples;
        }
        if (input->h[k].v && same > votes) {
            votes = same;
            best = input->h[k].samples;
        }
    }
    return best;
}

int federated_check_channel(const federated_tensor_t *h, int antennas, federated_user_result_t *out)
{
    bool zero = true;
    if (!h->v || h->rows < 1 || h->samples < 1) {
        return leave_out(out, "H is missing, or is not a matrix n_r x n_t");
    }
    if (first_bad(h) < numbers(h)) {
        return leave_out(out, "H has a value that is not finite");
    }
    if (h->samples != antennas) {
        return leave_out(out, "H is %d x %d, but the AP has %d antennas", h->rows, h->samples, antennas);
    }
    if (h->rows > 64 || antennas > 64) {
        return leave_out(out, "H is %d x %d: more than 64 antennas", h->rows, antennas);
    }
    for (size_t i = 0; i < numbers(h); i++) {
        zero = zero && h->v[i] == 0.0;
    }
    return zero ? leave_out(out, "H is all zero: nothing reaches this user") : 0;
}

static int check_user(const federated_t *f, const federated_tensor_t *y, federated_user_result_t *out)
{
    if (!y->v || y->rows < 1) {
        return leave_out(out, "Y is missing, or is not a matrix features x samples");
    }
    if (y->samples != f->n) {
        return leave_out(out, "Y has %d samples, X has %d", y->samples, f->n);
    }
    int m = features_of(y, &f->config);
    if (m > FEDERATED_FEATURES_MAX) {
        return leave_out(out, "Y has more than %d features", FEDERATED_FEATURES_MAX);
    }
    size_t bad = first_bad(y);
    if (bad < numbers(y)) {
        size_t row = (size_t)y->samples * (y->is_complex ? 2u : 1u);
        return leave_out(out, "Y: feature %zu has a value that is not finite", bad / row);
    }
    if (f->config.domain == FEDERATED_WHITENED && f->n < m + (f->config.whiten ? 1 : 0)) {
        return leave_out(out, "Y: %d samples of %d features: its covariance is singular", f->n, m);
    }
    return 0;
}

int federated_take_channel(const federated_t *f, const federated_tensor_t *h, matrix_t *to, err_t *err)
{
    int twice = f->real ? 2 : 1;
    if (matrix_create(to, twice * h->rows, twice * h->samples, f->real, err) < 0) {
        return -1;
    }
    for (int i = 0; i < h->rows; i++) {
        for (int j = 0; j < h->samples; j++) {
            double re = part(h, i, j, 0), im = part(h, i, j, 1);
            if (f->real) { /* on (Re, Im) */
                *matrix_at(to, i, j) = *matrix_at(to, i + h->rows, j + h->samples) = re;
                *matrix_at(to, i + h->rows, j) = im;
                *matrix_at(to, i, j + h->samples) = -im;
            } else {
                matrix_at(to, i, j)[0] = re;
                matrix_at(to, i, j)[1] = im;
            }
        }
    }
    return 0;
}

/*
 * A metric for errors: |e|^2 + w |W e|^2 = |L^H e|^2 with L L^H = I + w W^H W, so y becomes L^H y, and lower
 * L^-H.  W without its mean over the classes, which no decision depends on; w relative to the energies.
 */
static int take_task(const federated_t *f, const federated_tensor_t *task, matrix_t *y,
                     federated_user_result_t *out, err_t *err)
{
    matrix_t w = {0}, wy = {0}, metric = {0}, copy = {0};
    int code = -1, classes = task->rows;
    if (matrix_create(&w, classes, y->rows, true, err) == 0 && matrix_create(&wy, classes, y->cols, true, err) == 0 &&
        matrix_create(&metric, y->rows, y->rows, true, err) == 0 &&
        matrix_create(&copy, y->rows, y->cols, true, err) == 0) {
        for (int i = 0; i < y->rows; i++) {
            double mean = 0.0;
            for (int c = 0; c < classes; c++) {
                mean += task->v[(size_t)c * (size_t)y->rows + (size_t)i] / classes;
            }
            for (int c = 0; c < classes; c++) {
                *matrix_at(&w, c, i) = task->v[(size_t)c * (size_t)y->rows + (size_t)i] - mean;
            }
        }
        matrix_multiply(1.0, &w, MATRIX_AS_IS, y, MATRIX_AS_IS, 0.0, &wy);
        double own = matrix_dot(y, y), logits = matrix_dot(&wy, &wy);
        double weight = logits > 0.0 ? f->config.task_weight * own / logits : 0.0;
        matrix_multiply(weight, &w, MATRIX_ADJOINT, &w, MATRIX_AS_IS, 0.0, &metric);
        matrix_add_diagonal(&metric, 1.0);
        code = matrix_cholesky(&metric, 1e-14) > 0 ? err_set(err, ERR_ARGUMENT, "its classifier is no metric") : 0;
    }
    if (code == 0) {
        matrix_copy(&copy, y);
        matrix_multiply(1.0, &metric, MATRIX_ADJOINT, &copy, MATRIX_AS_IS, 0.0, y);
        matrix_t inverse = {0};
        code = matrix_create(&inverse, y->rows, y->rows, true, err);
        if (code == 0) {
            matrix_add_diagonal(&inverse, 1.0);
            matrix_solve_left(&metric, &inverse);
            matrix_adjoint(&out->lower, &inverse);
        }
        matrix_destroy(&inverse);
    }
    matrix_destroy(&w);
    matrix_destroy(&wy);
    matrix_destroy(&metric);
    matrix_destroy(&copy);
    return code;
}

/* Turns samples y into what G is to estimate: y = lower * new.  1: left out. */
static int whiten_user(const federated_t *f, const federated_tensor_t *task, matrix_t *y,
                       federated_user_result_t *out, err_t *err)
{
    matrix_t covariance = {0};
    if (task && take_task(f, task, y, out, err) < 0) {
        return -1;
    }
    if (f->config.domain == FEDERATED_RAW) {
        double scale = sqrt(matrix_dot(y, y) / f->n);
        if (!(scale > 0.0)) {
            leave_out(out, "Y is nothing but %s", f->config.whiten ? "constants" : "zeros");
            return 1;
        }
        matrix_scale(&out->lower, scale);
        matrix_scale(y, 1.0 / scale);
        return 0;
    }
    if (matrix_create(&covariance, y->rows, y->rows, y->real, err) < 0) {
        return -1;
    }
    matrix_gram(1.0 / (f->n - 1), y, &covariance);
    int row = matrix_cholesky(&covariance, singular);
    if (row > 0) {
        leave_out(out, "Y: its covariance is singular: feature %d follows from those before it", row - 1);
    } else if (f->config.whiten) {
        matrix_copy(&out->lower, &covariance);
        matrix_solve_left(&covariance, y);
    }
    matrix_destroy(&covariance);
    return row > 0;
}

static int correlate(const federated_t *f, federated_user_t *u, matrix_t *y, err_t *err)
{
    matrix_t c = {0};
    if (matrix_create(&c, y->rows, f->d, f->real, err) < 0) {
        return -1;
    }
    matrix_multiply(1.0 / f->n, y, MATRIX_AS_IS, &f->x, MATRIX_ADJOINT, 0.0, &c);
    u->c = c;
    if (f->basis.v) {
        if (matrix_create(&u->c, y->rows, f->d, f->real, err) < 0) {
            matrix_destroy(&c);
            return -1;
        }
        matrix_multiply(1.0, &c, MATRIX_AS_IS, &f->basis, MATRIX_AS_IS, 0.0, &u->c);
        matrix_destroy(&c);
    }
    if (f->config.method != FEDERATED_ONE_SHOT && 2 * y->rows < f->d) {
        return 0; /* F T = (F C^H) C is cheaper */
    }
    if (matrix_create(&u->t, f->d, f->d, f->real, err) < 0) {
        return -1;
    }
    matrix_multiply(1.0, &u->c, MATRIX_ADJOINT, &u->c, MATRIX_AS_IS, 0.0, &u->t);
    return 0;
}

/* 1: left out. */
static int take_user(federated_t *f, const federated_input_t *input, int k, federated_user_t *u,
                     err_t *err)
{
    federated_user_result_t *out = &f->out[k];
    matrix_t y = {0};
    u->index = k;
    bool has_task = f->config.task_weight > 0.0 && f->config.task && f->config.task[k].v;
    if (check_user(f, &input->y[k], out) < 0 || federated_check_channel(&input->h[k], f->antennas, out) < 0) {
        return 1;
    }
    int code = begin(&input->y[k], &f->config, &y, &out->mean, &out->lower, err);
    if (code == 0) {
        u->raw_energy = matrix_dot(&y, &y) / f->n;
        if (has_task && (f->config.task[k].samples != y.rows || f->config.task[k].rows < 2 || f->config.task[k].is_complex ||
                         first_bad(&f->config.task[k]) < numbers(&f->config.task[k]))) {
            leave_out(out, "its classifier is %d x %d, or not finite, for %d features", f->config.task[k].rows,
                      f->config.task[k].samples, y.rows);
            matrix_destroy(&y);
            return 1;
        }
        code = whiten_user(f, has_task ? &f->config.task[k] : NULL, &y, out, err);
    }
    if (code == 0) {
        u->energy = matrix_dot(&y, &y) / f->n;
        code = correlate(f, u, &y, err) < 0 || federated_take_channel(f, &input->h[k], &u->h, err) < 0 ? -1 : 0;
    }
    if (code == 0 && f->config.method >= FEDERATED_TOP_K) {
        u->samples = y;
    } else {
        matrix_destroy(&y);
    }
    return code;
}

int federated_statistics(federated_t *f, const federated_input_t *input, err_t *err)
{
    federated_result_t *out = &f->result;
    if (federated_take_x(f, &input->x, err) < 0) {
        return -1;
    }
    f->antennas = antennas_of(input, &f->config);
    for (int k = 0; k < input->users; k++) {
        int code = take_user(f, input, k, &f->user[out->aligned], err);
        if (code < 0) {
            return err_prefix(err, "user %d", k);
        }
        if (code == 0) {
            out->energy += f->user[out->aligned++].energy;
        } else if (f->config.strict) {
            return err_set(err, ERR_ARGUMENT, "user %d: %s", k, f->out[k].left_out);
        }
    }
    if (out->aligned == 0) {
        return err_set(err, ERR_ARGUMENT, "no user can be aligned; user 0: %s",
                       input->users > 0 ? f->out[0].left_out : "there is none");
    }
    f->antennas *= f->real ? 2 : 1;
    if (f->config.method < FEDERATED_TOP_K) {
        matrix_destroy(&f->x);
    }
    return 0;
}
