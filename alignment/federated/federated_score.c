/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * federated_score: moments of the test set, and what a linear map makes of them.  With x whitened
 * as the AP does, R = X X^H / n, C = (Y - mean) X^H / n, A = L G and D = A H F:
 *
 *     E|y - mean - D x - A noise|^2 = E|y - mean|^2 - 2 Re tr(D C^H) + tr(D R D^H) + sigma2 |A|^2
 */
#include "federated/federated_score_private.h"

#include "rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- classes -------------------------------------------------------------- */

/* logits (classes x n): Re + bias + lower noise, lower real; NULL: none. */
static double share_right(const scored_t *u, const matrix_t *logits, const double *lower,
                          const int *labels, rng_t *rng)
{
    int classes = u->classes, right = 0;
    float drawn[FEDERATED_SCORE_CLASSES_MAX];
    for (int s = 0; s < logits->cols; s++) {
        int best = 0;
        double most = -INFINITY;
        if (lower) {
            rng_normal(rng, drawn, (size_t)classes);
        }
        for (int c = 0; c < classes; c++) {
            double value = *matrix_at(logits, c, s) + u->bias[c];
            for (int j = 0; lower && j <= c; j++) {
                value += lower[c * classes + j] * (double)drawn[j];
            }
            if (value > most) {
                most = value;
                best = c;
            }
        }
        right += best == labels[s];
    }
    return (double)right / logits->cols;
}

/* Cholesky of the real covariance of Re(N noise), semidefinite: a zero pivot leaves a zero column.
 */
static void noise_factor(const matrix_t *n, double sigma2, double *lower)
{
    int k = n->rows, parts = n->real ? 1 : 2;
    for (int i = 0; i < k; i++) {
        for (int j = 0; j <= i; j++) {
            double sum = 0.0;
            for (int c = 0; c < n->cols; c++) {
                for (int p = 0; p < parts; p++) {
                    sum += matrix_at(n, i, c)[p] * matrix_at(n, j, c)[p];
                }
            }
            sum *= n->real ? sigma2 : 0.5 * sigma2;
            double whole = sum;
            for (int l = 0; l < j; l++) {
                sum -= lower[i * k + l] * lower[j * k + l];
            }
            double pivot = lower[j * k + j];
            lower[i * k + j] = i == j        ? (sum > 1e-12 * whole ? sqrt(sum) : 0.0)
                               : pivot > 0.0 ? sum / pivot
                                             : 0.0;
        }
    }
}

/* ---- linear methods ------------------------------------------------------- */

/* F of this user: its own rows where each has a link. */
static int own_rows(const federated_t *f, int place, matrix_t *z, err_t *err)
{
    bool links = f->config.method == FEDERATED_MULTI || f->config.method == FEDERATED_SVD_MMSE;
    size_t one = (size_t)f->rows * (f->real ? 1u : 2u) * sizeof(double);
    if (matrix_create(z, f->rows, f->d, f->real, err) < 0) {
        return -1;
    }
    for (int j = 0; j < f->d; j++) {
        memcpy(matrix_at(z, 0, j), matrix_at(&f->result.z, links ? place * f->rows : 0, j), one);
    }
    return 0;
}

typedef struct {
    matrix_t z, b, a, n;  /* F; H F; L G; W L G */
    matrix_t map, logits; /* D, or what was estimated; W of it */
    matrix_t sent, heard; /* of really sent samples */
} work_t;

static void work_destroy(work_t *w)
{
    matrix_t *const all[] = {&w->z, &w->b, &w->a, &w->n, &w->map, &w->logits, &w->sent, &w->heard};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        matrix_destroy(all[i]);
    }
}

static int by_moments(federated_t *f, const federated_score_set_t *set, const federated_user_t *u,
                      const scored_t *t, work_t *w, rng_t *rng, federated_score_t *out, err_t *err)
{
    matrix_t through = {0}, turned = {0};
    double lower[FEDERATED_SCORE_CLASSES_MAX * FEDERATED_SCORE_CLASSES_MAX];
    int m = t->c.rows, code = -1;
    if (matrix_create(&w->b, w->a.cols, f->d, f->real, err) == 0 &&
        matrix_create(&w->map, m, f->d, f->real, err) == 0 &&
        matrix_create(&turned, m, f->d, f->real, err) == 0) {
        matrix_channel(&u->h, MATRIX_AS_IS, &w->z, &w->b);
        matrix_multiply(1.0, &w->a, MATRIX_AS_IS, &w->b, MATRIX_AS_IS, 0.0, &w->map);
        matrix_multiply(1.0, &w->map, MATRIX_AS_IS, &set->r, MATRIX_AS_IS, 0.0, &turned);
        double left = t->energy - 2.0 * matrix_dot(&w->map, &t->c) + matrix_dot(&turned, &w->map) +
                      f->sigma2 * matrix_dot(&w->a, &w->a);
        *out = (federated_score_t){left / t->energy, (double)NAN, set->x.cols};
        code = 0;
    }
    if (code == 0 && t->classes > 0 &&
        (code = matrix_create(&through, t->classes, f->d, f->real, err)) == 0 &&
        (code = matrix_create(&w->logits, t->classes, set->x.cols, f->real, err)) == 0) {
        matrix_multiply(1.0, &t->weight, MATRIX_AS_IS, &w->map, MATRIX_AS_IS, 0.0, &through);
        matrix_multiply(1.0, &through, MATRIX_AS_IS, &set->x, MATRIX_AS_IS, 0.0, &w->logits);
        noise_factor(&w->n, f->sigma2, lower);
        out->accuracy = share_right(t, &w->logits, lower, set->labels, rng);
    }
    matrix_destroy(&through);
    matrix_destroy(&turned);
    return code;
}

/* ---- samples that are really sent ----------------------------------------- */

/* To the nearest of the 8 levels of an axis of 64-QAM, each row scaled to its mean power. */
static void round_rows(matrix_t *sent)
{
    int parts = sent->real ? 1 : 2;
    const double step = 2.0 / sqrt(42.0);
    for (int i = 0; i < sent->rows; i++) {
        double power = 0.0;
        for (int s = 0; s < sent->cols; s++) {
            for (int p = 0; p < parts; p++) {
                double v = matrix_at(sent, i, s)[p];
                power += v * v;
            }
        }
        /* An axis of points of power 1 has power 1/2. */
        double scale = sqrt(2.0 * power / (parts * sent->cols));
        for (int s = 0; s < sent->cols && scale > 0.0; s++) {
            for (int p = 0; p < parts; p++) {
                double *v = &matrix_at(sent, i, s)[p];
                double level = round((*v / scale / step) - 0.5) + 0.5;
                *v = scale * step * fmin(fmax(level, -3.5), 3.5);
            }
        }
    }
}

static void add_noise(matrix_t *heard, double sigma2, rng_t *rng)
{
    double size = sqrt(heard->real ? sigma2 : 0.5 * sigma2);
    float drawn[256];
    size_t count = matrix_doubles(heard);
    for (size_t at = 0; at < count; at += 256) {
        size_t held = count - at < 256 ? count - at : 256;
        rng_normal(rng, drawn, held);
        for (size_t i = 0; i < held; i++) {
            heard->v[at + i] += size * (double)drawn[i];
        }
    }
}

static matrix_t first_samples(const matrix_t *m, int count)
{
    return (matrix_t){m->rows, count, m->real, m->v};
}

/* w->map: what is estimated of set->sent samples. */
static int compare(const federated_score_set_t *set, const scored_t *t, work_t *w,
                   federated_score_t *out, err_t *err)
{
    int code = 0;
    double accuracy = (double)NAN;
    if (t->classes > 0) {
        code = matrix_create(&w->logits, t->classes, set->sent, w->map.real, err);
        if (code == 0) {
            matrix_multiply(1.0, &t->weight, MATRIX_AS_IS, &w->map, MATRIX_AS_IS, 0.0, &w->logits);
            accuracy = share_right(t, &w->logits, NULL, set->labels, NULL);
        }
    }
    matrix_add(&w->map, -1.0, &t->y);
    double left = matrix_dot(&w->map, &w->map), energy = matrix_dot(&t->y, &t->y);
    *out = (federated_score_t){left / energy, accuracy, set->sent};
    return code;
}

static int by_points(federated_t *f, const federated_score_set_t *set, const federated_user_t *u,
                     const scored_t *t, work_t *w, rng_t *rng, federated_score_t *out, err_t *err)
{
    matrix_t x = first_samples(&set->x, set->sent);
    if (matrix_create(&w->sent, f->rows, x.cols, f->real, err) < 0 ||
        matrix_create(&w->heard, w->a.cols, x.cols, f->real, err) < 0 ||
        matrix_create(&w->map, t->c.rows, x.cols, f->real, err) < 0) {
        return -1;
    }
    matrix_multiply(1.0, &w->z, MATRIX_AS_IS, &x, MATRIX_AS_IS, 0.0, &w->sent);
    round_rows(&w->sent);
    matrix_channel(&u->h, MATRIX_AS_IS, &w->sent, &w->heard);
    add_noise(&w->heard, f->sigma2, rng);
    matrix_multiply(1.0, &w->a, MATRIX_AS_IS, &w->heard, MATRIX_AS_IS, 0.0, &w->map);
    return compare(set, t, w, out, err);
}

/* top-k: estimates in their places, then the map from there. */
static int by_places(federated_t *f, const federated_score_set_t *set, const federated_user_t *u,
                     const scored_t *t, work_t *w, rng_t *rng, federated_score_t *out, err_t *err)
{
    matrix_t x = first_samples(&set->x, set->sent), value = {0}, seen = {0};
    int kept = f->result.kept, code = -1;
    size_t one = (f->real ? 1u : 2u) * sizeof(double);
    int *place = calloc((size_t)x.cols * (size_t)kept + 1, sizeof *place);
    if (!place) {
        return err_set(err, ERR_MEMORY, "no memory for %d samples", x.cols);
    }
    if (matrix_create(&w->map, t->c.rows, x.cols, f->real, err) == 0 &&
        matrix_create(&w->sent, f->d, x.cols, f->real, err) == 0) {
        code = 0;
    }
    if (code == 0 && kept > 0 && (code = matrix_create(&value, kept, x.cols, f->real, err)) == 0 &&
        (code = matrix_create(&seen, kept, x.cols, f->real, err)) == 0 &&
        (code = matrix_create(&w->heard, u->detect.cols, x.cols, f->real, err)) == 0 &&
        (code = federated_top_pick(&x, kept, place, &value, err)) == 0) {
        add_noise(&w->heard, f->sigma2, rng);
        matrix_multiply(1.0, &u->through, MATRIX_AS_IS, &value, MATRIX_AS_IS, 0.0, &seen);
        matrix_multiply(1.0, &u->detect, MATRIX_AS_IS, &w->heard, MATRIX_AS_IS, 1.0, &seen);
        for (int s = 0; s < x.cols; s++) {
            for (int i = 0; i < kept; i++) {
                memcpy(matrix_at(&w->sent, place[s * kept + i], s), matrix_at(&seen, i, s), one);
            }
        }
        matrix_multiply(1.0, &w->a, MATRIX_AS_IS, &w->sent, MATRIX_AS_IS, 0.0, &w->map);
    }
    matrix_destroy(&value);
    matrix_destroy(&seen);
    free(place);
    return code < 0 ? -1 : compare(set, t, w, out, err);
}

/* ---- all users ------------------------------------------------------------ */

static int score_user(federated_t *f, const federated_score_set_t *set, int place, bool points,
                      rng_t *rng, federated_score_t *out, err_t *err)
{
    const federated_user_t *u = &f->user[place];
    const scored_t *t = &set->user[u->index];
    const federated_user_result_t *r = &f->out[u->index];
    bool top = f->config.method >= FEDERATED_TOP_K;
    work_t w = {0};
    int code = 0;
    if (!r->g_dep.v) { /* top-k that keeps nothing: the mean is all there is */
        code = matrix_create(&w.map, t->c.rows, set->sent, f->real, err) < 0
                   ? -1
                   : compare(set, t, &w, out, err);
        work_destroy(&w);
        return code;
    }
    code = matrix_create(&w.a, t->c.rows, r->g_dep.cols, f->real, err);
    if (code == 0) {
        matrix_multiply(1.0, &r->lower, MATRIX_AS_IS, &r->g_dep, MATRIX_AS_IS, 0.0, &w.a);
        code = !top ? own_rows(f, place, &w.z, err) : 0;
    }
    if (code == 0 && t->classes > 0) {
        code = matrix_create(&w.n, t->classes, w.a.cols, f->real, err);
        if (code == 0) {
            matrix_multiply(1.0, &t->weight, MATRIX_AS_IS, &w.a, MATRIX_AS_IS, 0.0, &w.n);
        }
    }
    if (code == 0) {
        code = (top ? by_places : points ? by_points : by_moments)(f, set, u, t, &w, rng, out, err);
    }
    work_destroy(&w);
    return code;
}

int federated_score(federated_t *f, const federated_score_set_t *set, bool points, uint64_t seed,
                    federated_score_t *out, err_t *err)
{
    for (int k = 0; k < set->users; k++) {
        out[k] = (federated_score_t){(double)NAN, (double)NAN, 0};
    }
    for (int i = 0; i < f->result.aligned; i++) {
        rng_t rng;
        int k = f->user[i].index;
        rng_seed(&rng, seed, 1000 + (uint64_t)k);
        if (score_user(f, set, i, points, &rng, &out[k], err) < 0) {
            return err_prefix(err, "user %d", k);
        }
    }
    return 0;
}
