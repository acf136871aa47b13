/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_baselines: what sends features as they are; receivers fitted as well as can be.
 *
 * first-k   the first min(M, d) features, equal power, MMSE receivers.
 * top-k     each message's `kept` largest features, in the order of their numbers, and which ones
 *           they are: log2 binom(d, kept) bits at index_bits a complex symbol, out of the same M
 *           symbols and with their share of P, taken as free of errors.  The receiver estimates the
 *           kept values by MMSE, puts them in their places, zeros elsewhere, and applies the best
 *           linear map from there to y (moments over the samples, noise included).
 * top-k-free  kept = min(M, d) at no cost for the indices: a bound, not a system.
 */
#include "federated/federated_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int federated_first(federated_t *f, err_t *err)
{
    int kept = f->rows < f->d ? f->rows : f->d;
    memset(f->right.v, 0, matrix_doubles(&f->right) * sizeof *f->right.v);
    for (int i = 0; i < kept; i++) {
        *matrix_at(&f->right, i, i) = sqrt(f->config.power / kept);
    }
    if (f->basis.v) {
        matrix_multiply(1.0, &f->right, MATRIX_AS_IS, &f->basis, MATRIX_AS_IS, 0.0, &f->z);
    } else {
        matrix_copy(&f->z, &f->right);
    }
    matrix_copy(&f->f, &f->z);
    matrix_copy(&f->before, &f->z);
    if (federated_finish(f, 1.0, err) < 0) {
        return -1;
    }
    double sum = f->result.energy;
    for (int k = 0; k < f->result.aligned; k++) {
        sum -= f->user[k].gain;
    }
    f->result.obj_round[0] = f->result.obj_dep[0] = sum;
    return 0;
}

/* ---- top-k ---------------------------------------------------------------- */

typedef struct {
    int kept;
    int *place;        /* [n][kept], rising */
    matrix_t value;    /* kept x n */
    matrix_t cov;      /* kept x kept: of the values */
    double scale;      /* values are sent times this */
} top_t;

static int count_kept(const federated_t *f)
{
    int kept = f->rows < f->d ? f->rows : f->d;
    double each = f->config.index_bits / (f->real ? 2.0 : 1.0);
    while (f->config.method == FEDERATED_TOP_K && kept > 0) {
        double bits = (lgamma(f->d + 1.0) - lgamma(kept + 1.0) - lgamma(f->d - kept + 1.0)) / log(2.0);
        if (kept + ceil(fmax(bits - 1e-9, 0.0) / each) <= f->rows) {
            break;
        }
        kept--;
    }
    return kept;
}

typedef struct {
    double size;
    int place;
} ranked_t;

static int larger_first(const void *a, const void *b)
{
    const ranked_t *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size) - (x->size > y->size) : x->place - y->place;
}

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

int federated_top_pick(const matrix_t *x, int kept, int *place, matrix_t *value, err_t *err)
{
    int parts = x->real ? 1 : 2;
    ranked_t *rank = calloc((size_t)x->rows, sizeof *rank);
    if (!rank) {
        return err_set(err, ERR_MEMORY, "no memory for %d features", x->rows);
    }
    for (int s = 0; s < x->cols; s++, place += kept) {
        for (int i = 0; i < x->rows; i++) {
            const double *at = matrix_at(x, i, s);
            rank[i] = (ranked_t){at[0] * at[0] + (parts == 2 ? at[1] * at[1] : 0.0), i};
        }
        qsort(rank, (size_t)x->rows, sizeof *rank, larger_first);
        for (int i = 0; i < kept; i++) {
            place[i] = rank[i].place;
        }
        qsort(place, (size_t)kept, sizeof *place, by_number);
        for (int i = 0; i < kept; i++) {
            memcpy(matrix_at(value, i, s), matrix_at(x, place[i], s), (size_t)parts * sizeof(double));
        }
    }
    free(rank);
    return 0;
}

static int top_create(const federated_t *f, top_t *top, err_t *err)
{
    int kept = top->kept;
    top->place = calloc((size_t)f->n * (size_t)kept, sizeof *top->place);
    if (!top->place) {
        return err_set(err, ERR_MEMORY, "no memory for %d samples", f->n);
    }
    if (matrix_create(&top->value, kept, f->n, f->real, err) < 0 ||
        matrix_create(&top->cov, kept, kept, f->real, err) < 0 ||
        federated_top_pick(&f->x, kept, top->place, &top->value, err) < 0) {
        return -1;
    }
    matrix_gram(1.0 / f->n, &top->value, &top->cov);
    double share = f->config.method == FEDERATED_TOP_K ? (double)kept / f->rows : 1.0;
    top->scale = sqrt(f->config.power * share / matrix_trace(&top->cov));
    return 0;
}

static void top_destroy(top_t *top)
{
    matrix_destroy(&top->value);
    matrix_destroy(&top->cov);
    free(top->place);
}

/* The first `kept` columns of I kron H, times scale. */
static void sent_columns(const federated_t *f, const federated_user_t *u, double scale, matrix_t *out)
{
    size_t one = (f->real ? 1u : 2u) * sizeof(double);
    for (int j = 0; j < out->cols; j++) {
        for (int i = 0; i < u->h.rows; i++) {
            memcpy(matrix_at(out, j / f->antennas * u->h.rows + i, j),
                   matrix_at(&u->h, i, j % f->antennas), one);
        }
    }
    matrix_scale(out, scale);
}

/* detect = cov Hs^H (Hs cov Hs^H + sigma2 I)^-1, through = detect Hs, noise = sigma2 detect detect^H. */
static int detector(const federated_t *f, federated_user_t *u, const top_t *top, matrix_t *noise, err_t *err)
{
    matrix_t hs = {0}, hc = {0}, s = {0}, *detect = &u->detect;
    int got = u->inverse.rows, kept = top->kept, code = -1;
    if (matrix_create(&hs, got, kept, f->real, err) == 0 && matrix_create(&hc, got, kept, f->real, err) == 0 &&
        matrix_create(&s, got, got, f->real, err) == 0 &&
        matrix_create(detect, kept, got, f->real, err) == 0 &&
        matrix_create(&u->through, kept, kept, f->real, err) == 0) {
        sent_columns(f, u, top->scale, &hs);
        matrix_multiply(1.0, &hs, MATRIX_AS_IS, &top->cov, MATRIX_AS_IS, 0.0, &hc);
        matrix_multiply(1.0, &hc, MATRIX_AS_IS, &hs, MATRIX_ADJOINT, 0.0, &s);
        matrix_add_diagonal(&s, f->sigma2);
        code = matrix_inverse(&s) < 0 ? err_set(err, ERR_STATE, "its receiver broke down") : 0;
        matrix_multiply(1.0, &hc, MATRIX_ADJOINT, &s, MATRIX_AS_IS, 0.0, detect);
        matrix_multiply(1.0, detect, MATRIX_AS_IS, &hs, MATRIX_AS_IS, 0.0, &u->through);
        matrix_gram(f->sigma2, detect, noise);
    }
    matrix_destroy(&hs);
    matrix_destroy(&hc);
    matrix_destroy(&s);
    return code;
}

/* E[xh xh^H] of what stands in the places, noise included; xh without noise. */
static int placed(const federated_t *f, const top_t *top, const matrix_t *through, const matrix_t *noise,
                  matrix_t *xh, matrix_t *moment, err_t *err)
{
    matrix_t seen = {0};
    int kept = top->kept, parts = f->real ? 1 : 2;
    if (matrix_create(&seen, kept, f->n, f->real, err) < 0) {
        return -1;
    }
    matrix_multiply(1.0, through, MATRIX_AS_IS, &top->value, MATRIX_AS_IS, 0.0, &seen);
    for (int s = 0; s < f->n; s++) {
        const int *place = top->place + (size_t)s * (size_t)kept;
        for (int i = 0; i < kept; i++) {
            memcpy(matrix_at(xh, place[i], s), matrix_at(&seen, i, s), (size_t)parts * sizeof(double));
        }
    }
    matrix_destroy(&seen);
    matrix_gram(1.0 / f->n, xh, moment);
    for (int s = 0; s < f->n; s++) {
        const int *place = top->place + (size_t)s * (size_t)kept;
        for (int j = 0; j < kept; j++) {
            for (int i = 0; i < kept; i++) {
                double *to = matrix_at(moment, place[i], place[j]);
                const double *from = matrix_at(noise, i, j);
                for (int p = 0; p < parts; p++) {
                    to[p] += from[p] / f->n;
                }
            }
        }
    }
    matrix_add_diagonal(moment, 1e-9 * matrix_trace(moment) / f->d); /* places never used */
    return matrix_inverse(moment) < 0 ? err_set(err, ERR_STATE, "its map is singular") : 0;
}

static int top_user(federated_t *f, federated_user_t *u, const top_t *top, err_t *err)
{
    federated_user_result_t *out = &f->out[u->index];
    matrix_t noise = {0}, xh = {0}, moment = {0}, cross = {0}, lw = {0}, lc = {0};
    int m = u->c.rows, code = -1;
    bool real = f->real;
    matrix_destroy(&out->g_dep);
    matrix_destroy(&u->through);
    matrix_destroy(&u->detect);
    if (matrix_create(&noise, top->kept, top->kept, real, err) == 0 &&
        matrix_create(&xh, f->d, f->n, real, err) == 0 && matrix_create(&moment, f->d, f->d, real, err) == 0 &&
        matrix_create(&cross, m, f->d, real, err) == 0 && matrix_create(&lw, m, f->d, real, err) == 0 &&
        matrix_create(&lc, m, f->d, real, err) == 0 && matrix_create(&out->g_dep, m, f->d, real, err) == 0 &&
        detector(f, u, top, &noise, err) == 0 &&
        placed(f, top, &u->through, &noise, &xh, &moment, err) == 0) {
        matrix_multiply(1.0 / f->n, &u->samples, MATRIX_AS_IS, &xh, MATRIX_ADJOINT, 0.0, &cross);
        matrix_multiply(1.0, &cross, MATRIX_AS_IS, &moment, MATRIX_AS_IS, 0.0, &out->g_dep);
        matrix_multiply(1.0, &out->lower, MATRIX_AS_IS, &out->g_dep, MATRIX_AS_IS, 0.0, &lw);
        matrix_multiply(1.0, &out->lower, MATRIX_AS_IS, &cross, MATRIX_AS_IS, 0.0, &lc);
        u->gain = matrix_dot(&out->g_dep, &cross);
        out->nmse = 1.0 - u->gain / u->energy;
        out->nmse_raw = 1.0 - matrix_dot(&lw, &lc) / u->raw_energy;
        code = 0;
    }
    matrix_t *const all[] = {&noise, &xh, &moment, &cross, &lw, &lc};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        matrix_destroy(all[i]);
    }
    return code;
}

int federated_top(federated_t *f, err_t *err)
{
    top_t top = {.kept = count_kept(f)};
    double sum = f->result.energy;
    int code = 0;
    f->result.kept = top.kept;
    if (top.kept > 0) {
        code = top_create(f, &top, err);
    }
    for (int k = 0; k < f->result.aligned && code == 0; k++) {
        federated_user_t *u = &f->user[k];
        u->gain = 0.0;
        f->out[u->index].nmse = f->out[u->index].nmse_raw = 1.0;
        code = top.kept > 0 ? top_user(f, u, &top, err) : 0;
        code = code < 0 ? err_prefix(err, "user %d", u->index) : 0;
        sum -= u->gain;
    }
    f->result.obj_round[0] = f->result.obj_dep[0] = sum;
    top_destroy(&top);
    return code;
}
