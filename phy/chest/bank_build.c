/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decomposes the profiles.  With A[132][n] the paths' responses, each times
 * the root of its power, R = A A^T.  The common basis B holds the leading
 * eigenvectors of R for delays spread evenly; a profile's Q those of
 * (B^T A)(B^T A)^T.  LAPACK's dsyevd does both.
 */
#include "chest/bank.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { N = NUMEROLOGY_USED, HALF = N / 2, L = BANK_LANES, C = BANK_CARRIERS, EVEN_PATHS = 256 };

/* Delays that the basis covers: a wrongly supposed first path, and paths beyond the prefix. */
#define EARLY_SAMPLES 2.0
#define LATE_SAMPLES  13.0

/* Below this part of the largest, an eigenvalue carries no channel down to -100 dB. */
#define RANK_CUT 1e-10

/*
 * The grid of spreads: from where the band hardly sees more than one path, by
 * a ratio.  Clusters at fixed places (TDL) need steps that move none of them
 * by more than half of what the band resolves (less below 3 samples, where the
 * grid alone serves at most SNRs): paths.c refines from there.
 */
#define FIRST_SPREAD  0.12
#define SPREAD_RATIO  1.3
#define CLUSTER_STEP  0.25
#define CLUSTER_REACH 5.3 /* spreads to the last cluster that matters, both tables */

typedef struct {
    double response[N * EVEN_PATHS];
    double r[N * N]; /* column-major, as all here */
    double basis[N * BANK_MAX_RANK];
    double inner[BANK_MAX_RANK * EVEN_PATHS];
    double value[N];
} work_t;

/* In the coordinates of bank.h: sqrt 2 cos, then sqrt 2 sin. */
static void respond(double *column, double delay, double power)
{
    for (int k = 1; k <= HALF; k++) {
        double angle = 2.0 * M_PI * k * delay / NUMEROLOGY_FFT;
        column[k - 1] = sqrt(2.0 * power) * cos(angle);
        column[HALF + k - 1] = sqrt(2.0 * power) * sin(angle);
    }
}

/* r = x x^T for x[n][columns], then its eigenvectors in r and values in w->value, rising. */
static int decompose(work_t *w, const double *x, int n, int columns, err_t *err)
{
    cblas_dsyrk(CblasColMajor, CblasUpper, CblasNoTrans, n, columns, 1.0, x, n, 0.0, w->r, n);
    int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', n, w->r, n, w->value);
    return info == 0
               ? 0
               : err_set(err, ERR_MEMORY,
                         "channel estimator: LAPACK's dsyevd of %d rows failed (%d)", n, info);
}

static int make_basis(bank_t *b, work_t *w, err_t *err)
{
    double from = -EARLY_SAMPLES, to = b->cp + LATE_SAMPLES;
    for (int i = 0; i < EVEN_PATHS; i++) {
        respond(w->response + i * N, from + (to - from) * (i + 0.5) / EVEN_PATHS, 1.0 / EVEN_PATHS);
    }
    if (decompose(w, w->response, N, EVEN_PATHS, err) != 0) {
        return -1;
    }
    for (b->rank = 0; b->rank < b->width; b->rank++) {
        if (w->value[N - 1 - b->rank] < RANK_CUT * w->value[N - 1]) {
            break;
        }
        memcpy(w->basis + b->rank * N, w->r + (N - 1 - b->rank) * N, N * sizeof(*w->basis));
    }
    return 0;
}

static float *take(float **store, int count)
{
    float *at = *store;
    *store += count;
    return at;
}

static void keep_basis(bank_t *b, const work_t *w, float **store)
{
    b->basis = take(store, N * b->width);
    b->basist = take(store, b->width * C);
    for (int j = 0; j < b->rank; j++) {
        for (int u = 0; u < N; u++) {
            b->basis[u * b->width + j] = b->basist[j * C + u] = (float)w->basis[j * N + u];
        }
    }
}

static void keep_entry(const bank_t *b, bank_entry_t *e, const work_t *w, float **store)
{
    int r = b->rank;
    for (e->rank = 0; e->rank < r && w->value[r - 1 - e->rank] > RANK_CUT * w->value[r - 1];) {
        e->rank++;
    }
    e->width = (e->rank + L - 1) / L * L;
    e->eigenvalue = take(store, e->width);
    e->q = take(store, b->width * e->width);
    e->qt = take(store, e->width * b->width);
    for (int i = 0; i < e->rank; i++) {
        e->eigenvalue[i] = (float)w->value[r - 1 - i];
        for (int j = 0; j < r; j++) {
            e->q[j * e->width + i] = e->qt[i * b->width + j] = (float)w->r[(r - 1 - i) * r + j];
        }
    }
}

static int make_entry(const bank_t *b, bank_entry_t *e, work_t *w, float **store, err_t *err)
{
    profile_t p;
    profile_make(&p, e->shape, e->scale, b->reach);
    e->mean = p.mean;
    e->spread = p.spread;
    for (int d = 0; d <= N; d++) {
        for (int i = 0; i < p.count; i++) {
            e->correlation[d] +=
                p.power[i] * cexp(-2.0 * I * M_PI * d * p.delay[i] / NUMEROLOGY_FFT);
        }
    }
    for (int i = 0; i < p.count; i++) {
        respond(w->response + i * N, p.delay[i], p.power[i]);
    }
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, b->rank, p.count, N, 1.0, w->basis, N,
                w->response, N, 0.0, w->inner, b->rank);
    if (decompose(w, w->inner, b->rank, p.count, err) != 0) {
        return -1;
    }
    keep_entry(b, e, w, store);
    return 0;
}

/* One more entry; only counts as long as there is no memory. */
static void lay(bank_t *b, profile_shape_t shape, double scale)
{
    if (b->entry != NULL) {
        b->entry[b->count].shape = shape;
        b->entry[b->count].scale = scale;
    }
    b->count++;
}

static void lay_grid(bank_t *b)
{
    b->count = 0;
    for (int shape = 0; shape < PROFILE_SHAPES; shape++) {
        bool clusters = shape == PROFILE_TDL_A || shape == PROFILE_TDL_C;
        double last = clusters ? b->reach / CLUSTER_REACH : (b->cp + 2.0) / sqrt(12.0);
        b->first[shape] = b->count;
        for (double s = FIRST_SPREAD; s < last;) {
            lay(b, (profile_shape_t)shape, s);
            s = shape == PROFILE_LONE ? last
                : clusters ? fmin(s * SPREAD_RATIO, s + (s < 3.0 ? 0.5 : 1.0) * CLUSTER_STEP)
                           : s * SPREAD_RATIO;
        }
        if (shape == PROFILE_UNIFORM) { /* whatever the channel is */
            lay(b, PROFILE_UNIFORM, b->reach / sqrt(12.0));
        }
    }
    b->first[PROFILE_SHAPES] = b->count;
}

static int build(bank_t *b, work_t *w, err_t *err)
{
    lay_grid(b);
    b->entry = calloc((size_t)b->count, sizeof(*b->entry));
    size_t room = (size_t)(b->width * (N + C) + b->count * b->width * (2 * b->width + 1));
    size_t bytes = (room * sizeof(float) + 63) / 64 * 64;
    b->store = aligned_alloc(64, bytes);
    if (b->entry == NULL || b->store == NULL) {
        return err_set(err, ERR_MEMORY, "channel estimator: no memory for %d profiles", b->count);
    }
    memset(b->store, 0, bytes);
    lay_grid(b);
    float *store = b->store;
    if (make_basis(b, w, err) != 0) {
        return -1;
    }
    keep_basis(b, w, &store);
    for (int i = 0; i < b->count; i++) {
        if (make_entry(b, &b->entry[i], w, &store, err) != 0) {
            return -1;
        }
    }
    return 0;
}

bank_t *bank_create(int cp, err_t *err)
{
    bank_t *b = calloc(1, sizeof(*b));
    work_t *w = malloc(sizeof(*w));
    int failed = -1;
    openblas_set_num_threads(
        1); /* small matrices; another variant of the library may have threads */
    if (b == NULL || w == NULL) {
        err_set(err, ERR_MEMORY, "channel estimator: out of memory");
    } else {
        b->cp = cp;
        b->reach = cp + LATE_SAMPLES - 1.0;
        b->width = cp <= NUMEROLOGY_CP_NORMAL ? 32 : BANK_MAX_RANK;
        for (int i = 0; i < NUMEROLOGY_FFT * BANK_STEPS; i++) {
            double angle = 2.0 * M_PI * i / (NUMEROLOGY_FFT * BANK_STEPS);
            b->root_re[i] = (float)cos(angle);
            b->root_im[i] = (float)sin(angle);
        }
        failed = build(b, w, err);
    }
    free(w);
    if (failed) {
        bank_destroy(b);
        return NULL;
    }
    return b;
}

void bank_destroy(bank_t *b)
{
    if (b != NULL) {
        free(b->store);
        free(b->entry);
        free(b);
    }
}
