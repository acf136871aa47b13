/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With A[132][L] the paths' responses (real, bank.h) and p their powers,
 *
 *     M = A^T A + noise / p,   a = M^-1 A^T x,   h = A a,
 *     log-likelihood = (A^T x)^H a / noise - log det M - sum log(p / noise),
 *     error = noise * trace(A^T A M^-1) / 132.
 *
 * The places are found as in separable least squares (Golub and Pereyra, SIAM
 * J. Numer. Anal. 10(2), 1973, in the form of Kaufman): what the residual
 * still holds in the direction that h moves when they do.
 */
#include "chest/paths.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    N = NUMEROLOGY_USED,
    HALF = N / 2,
    C = BANK_CARRIERS,
    L = BANK_LANES,
    V = C / BANK_FLOATS,
    ROW = 80,       /* the cosines' part of a row, in whole vectors */
    MAX_LAG = 100,  /* samples between two paths */
    LAG_STEPS = 32, /* per sample, of the table of A^T A */
};

typedef bank_vector_t vector_t;
typedef bank_double_t column_t;

struct paths {
    profile_t unit[PROFILE_SHAPES]; /* scale 1 */
    double reach;
    double gram[MAX_LAG * LAG_STEPS + 2], slope[MAX_LAG * LAG_STEPS + 2];

    /* the last fit */
    int count;
    paths_place_t place;
    double noise;
    double delay[PATHS_MAX], power[PATHS_MAX]; /* delays at scale 1, from the first path */
    double factor[PATHS_MAX]
                 [PATHS_MAX] BANK_ALIGNED; /* of M, lower, by columns; the diagonal inverted */
    double inverse[PATHS_MAX][PATHS_MAX] BANK_ALIGNED, turned[PATHS_MAX][PATHS_MAX] BANK_ALIGNED;
    double are[PATHS_MAX], aim[PATHS_MAX];
    float a[PATHS_MAX][C] BANK_ALIGNED;
    float hre[C] BANK_ALIGNED, him[C] BANK_ALIGNED;
    float kappa[C];
};

/* sum over the carriers of cos(2 pi k lag / 256), by bank.h's coordinates A^T A's entry. */
static double gram_exact(double lag, double *slope)
{
    double sum = 0.0;
    *slope = 0.0;
    for (int k = 1; k <= HALF; k++) {
        double turn = 2.0 * M_PI * k / NUMEROLOGY_FFT;
        sum += 2.0 * cos(turn * lag);
        *slope -= 2.0 * turn * sin(turn * lag);
    }
    return sum;
}

paths_t *paths_create(double reach, err_t *err)
{
    paths_t *p = aligned_alloc(64, (sizeof(*p) + 63) / 64 * 64);
    if (p == NULL) {
        err_set(err, ERR_MEMORY, "channel estimator: out of memory");
        return NULL;
    }
    memset(p, 0, sizeof(*p));
    p->reach = fmin(reach, MAX_LAG - 1.0);
    profile_make(&p->unit[PROFILE_LONE], PROFILE_LONE, 1.0, 1e9);
    profile_make(&p->unit[PROFILE_TDL_A], PROFILE_TDL_A, 1.0, 1e9);
    profile_make(&p->unit[PROFILE_TDL_C], PROFILE_TDL_C, 1.0, 1e9);
    for (int i = 0; i < MAX_LAG * LAG_STEPS + 2; i++) {
        p->gram[i] = gram_exact((double)i / LAG_STEPS, &p->slope[i]);
        p->slope[i] /= LAG_STEPS;
    }
    for (int k = 1; k <= HALF; k++) {
        p->kappa[k - 1] = p->kappa[HALF + k - 1] = (float)(2.0 * M_PI * k / NUMEROLOGY_FFT);
    }
    return p;
}

void paths_destroy(paths_t *p)
{
    free(p);
}

/* The paths within reach, their powers adding up to 1. */
static void choose(paths_t *p, profile_shape_t shape, double scale)
{
    const profile_t *unit = &p->unit[shape];
    double sum = 0.0;
    p->count = 0;
    for (int i = 0; i < unit->count; i++) {
        if (unit->delay[i] * scale <= p->reach) {
            p->delay[p->count] = unit->delay[i];
            p->power[p->count++] = unit->power[i];
            sum += unit->power[i];
        }
    }
    for (int i = 0; i < p->count; i++) {
        p->power[i] /= sum;
    }
    for (int i = p->count; i < PATHS_MAX; i++) {
        p->delay[i] = 0.0; /* never used, but read in whole vectors */
    }
}

/* sqrt 2 cos(k angle), then sqrt 2 sin(k angle), k = 1 … 66: ever more turned at once. */
static void respond(float *row, double angle)
{
    float re[ROW] BANK_ALIGNED, im[ROW] BANK_ALIGNED;
    double c = cos(angle), s = sin(angle);
    re[0] = (float)(M_SQRT2 * c);
    im[0] = (float)(M_SQRT2 * s);
    for (int have = 1; have < ROW; have *= 2) {
        float x = (float)c, y = (float)s;
        int more = have < ROW - have ? have : ROW - have;
        for (int i = 0; i < more; i++) {
            re[have + i] = re[i] * x - im[i] * y;
            im[have + i] = re[i] * y + im[i] * x;
        }
        double twice = c * c - s * s;
        s *= 2.0 * c;
        c = twice;
    }
    memcpy(row, re, HALF * sizeof(*row));
    memcpy(row + HALF, im, HALF * sizeof(*row));
}

static double dot(const float *a, const float *b)
{
    enum { STEP = L / BANK_FLOATS };
    const vector_t *x = (const vector_t *)a, *y = (const vector_t *)b;
    vector_t sum[STEP] = {{0}};
    for (int k = 0; k < V; k += STEP) {
        for (int i = 0; i < STEP; i++) {
            sum[i] += x[k + i] * y[k + i];
        }
    }
    return bank_sum((const float *)sum);
}

/* Column j of A^T A below the diagonal, by a cubic through two values and slopes (2e-8 of the top).
 */
static void gram(const paths_t *p, int j, double *column)
{
    for (int i = 0; i < j; i++) {
        column[i] = 0.0;
    }
    for (int i = j; i < PATHS_MAX; i++) {
        double at = fabs(p->delay[i] - p->delay[j]) * p->place.scale * LAG_STEPS;
        int k = (int)at;
        double t = at - k, s = 1.0 - t;
        column[i] = s * s * ((1.0 + 2.0 * t) * p->gram[k] + t * p->slope[k]) +
                    t * t * ((3.0 - 2.0 * t) * p->gram[k + 1] - s * p->slope[k + 1]);
    }
}

/* M's Cholesky factor, whole columns at a time; returns log det M. */
static double factorise(paths_t *p)
{
    double log_det = 0.0, product = 1.0;
    for (int j = 0; j < p->count; j++) {
        column_t column[PATHS_MAX / BANK_DOUBLES];
        double *at = (double *)column;
        gram(p, j, at);
        at[j] += p->noise / p->power[j];
        for (int k = 0; k < j; k++) {
            const column_t *before = (const column_t *)p->factor[k];
            double part = p->factor[k][j];
            for (int i = 0; i < PATHS_MAX / BANK_DOUBLES; i++) {
                column[i] -= part * before[i];
            }
        }
        double pivot = fmax(at[j], 1e-12), root = 1.0 / sqrt(pivot);
        for (int i = 0; i < PATHS_MAX; i++) {
            p->factor[j][i] = i > j && i < p->count ? at[i] * root : 0.0;
        }
        p->factor[j][j] = root;
        product *= pivot;
        if (j % 8 == 7 || j == p->count - 1) {
            log_det += log(product);
            product = 1.0;
        }
    }
    return log_det;
}

/* The factor's inverse, a row at a time from those before. */
static void invert(paths_t *p)
{
    for (int j = 0; j < p->count; j++) {
        column_t row[PATHS_MAX / BANK_DOUBLES] = {{0}};
        double root = p->factor[j][j], *at = (double *)row;
        for (int k = 0; k < j; k++) {
            const column_t *before = (const column_t *)p->inverse[k];
            double part = p->factor[k][j];
            for (int i = 0; i < PATHS_MAX / BANK_DOUBLES; i++) {
                row[i] -= part * before[i];
            }
        }
        at[j] = 1.0;
        for (int i = 0; i < PATHS_MAX; i++) {
            p->inverse[j][i] = p->turned[i][j] = at[i] * root;
        }
    }
}

/* out = sum x[i] row[i], for two x at once. */
static void gather(double rows[PATHS_MAX][PATHS_MAX], int count, const double *x, const double *y,
                   column_t *out_x, column_t *out_y)
{
    column_t a[PATHS_MAX / BANK_DOUBLES] = {{0}}, b[PATHS_MAX / BANK_DOUBLES] = {{0}};
    for (int j = 0; j < count; j++) {
        const column_t *row = (const column_t *)rows[j];
        for (int i = 0; i < PATHS_MAX / BANK_DOUBLES; i++) {
            a[i] += row[i] * x[j];
            b[i] += row[i] * y[j];
        }
    }
    memcpy(out_x, a, sizeof(a));
    memcpy(out_y, b, sizeof(b));
}

/* M^-1 b in place, two right sides at once. */
static void solve(paths_t *p, double *re, double *im)
{
    column_t x[PATHS_MAX / BANK_DOUBLES], y[PATHS_MAX / BANK_DOUBLES];
    gather(p->turned, p->count, re, im, x, y);
    gather(p->inverse, p->count, (const double *)x, (const double *)y, x, y);
    memcpy(re, x, sizeof(x));
    memcpy(im, y, sizeof(y));
}

static void correlate(const paths_t *p, const float *xre, const float *xim, double *re, double *im)
{
    for (int i = 0; i < p->count; i++) {
        re[i] = dot(p->a[i], xre);
        im[i] = dot(p->a[i], xim);
    }
}

static void combine(const paths_t *p, const double *re, const double *im, float *xre, float *xim)
{
    vector_t sre[V] = {{0}}, sim[V] = {{0}};
    for (int i = 0; i < p->count; i++) {
        const vector_t *a = (const vector_t *)p->a[i];
        float cr = (float)re[i], ci = (float)im[i];
        for (int k = 0; k < V; k++) {
            sre[k] += a[k] * cr;
            sim[k] += a[k] * ci;
        }
    }
    memcpy(xre, sre, sizeof(sre));
    memcpy(xim, sim, sizeof(sim));
}

double paths_fit(paths_t *p, profile_shape_t shape, paths_place_t place, const float *xre,
                 const float *xim, double noise)
{
    double bre[PATHS_MAX] = {0}, bim[PATHS_MAX] = {0}, likelihood = 0.0, product = 1.0;
    choose(p, shape, place.scale);
    p->place = place;
    p->noise = noise;
    for (int i = 0; i < p->count; i++) {
        double delay = place.origin + place.scale * p->delay[i];
        respond(p->a[i], 2.0 * M_PI * delay / NUMEROLOGY_FFT);
    }
    correlate(p, xre, xim, bre, bim);
    memcpy(p->are, bre, sizeof(bre));
    memcpy(p->aim, bim, sizeof(bim));
    likelihood = -factorise(p);
    invert(p);
    solve(p, p->are, p->aim);
    combine(p, p->are, p->aim, p->hre, p->him);
    for (int i = 0; i < p->count; i++) {
        likelihood += (bre[i] * p->are[i] + bim[i] * p->aim[i]) / noise;
        product *= p->power[i];
    }
    return likelihood - log(product) + p->count * log(noise);
}

double paths_estimate(const paths_t *p, float *xre, float *xim)
{
    /* trace(A^T A M^-1) = L - sum noise / p_l (M^-1)_ll; M^-1 = inverse^T inverse. */
    double trace = p->count, square[PATHS_MAX] = {0.0};
    memcpy(xre, p->hre, sizeof(p->hre));
    memcpy(xim, p->him, sizeof(p->him));
    for (int j = 0; j < p->count; j++) {
        for (int i = 0; i < PATHS_MAX; i++) {
            square[i] += p->inverse[j][i] * p->inverse[j][i];
        }
    }
    for (int i = 0; i < p->count; i++) {
        trace -= p->noise / p->power[i] * square[i];
    }
    return p->noise * fmax(trace, 0.0) / N;
}

/* How h in bank.h's coordinates changes with delay. */
static void derive(const paths_t *p, const float *x, float *out)
{
    memset(out, 0, C * sizeof(*out));
    for (int k = 0; k < HALF; k++) {
        out[k] = -p->kappa[k] * x[HALF + k];
        out[HALF + k] = p->kappa[k] * x[k];
    }
}

paths_place_t paths_step(paths_t *p, const float *xre, const float *xim, paths_place_t cell)
{
    float ere[C] BANK_ALIGNED, eim[C] BANK_ALIGNED, jre[2][C] BANK_ALIGNED, jim[2][C] BANK_ALIGNED;
    float wre[C] BANK_ALIGNED, wim[C] BANK_ALIGNED;
    double cre[2][PATHS_MAX] = {{0}}, cim[2][PATHS_MAX] = {{0}}, sre[PATHS_MAX], sim[PATHS_MAX];
    for (int k = 0; k < C; k++) {
        ere[k] = xre[k] - p->hre[k];
        eim[k] = xim[k] - p->him[k];
    }
    for (int i = 0; i < p->count; i++) {
        sre[i] = p->are[i] * p->delay[i];
        sim[i] = p->aim[i] * p->delay[i];
    }
    derive(p, p->hre, jre[0]);
    derive(p, p->him, jim[0]);
    combine(p, sre, sim, wre, wim);
    derive(p, wre, jre[1]);
    derive(p, wim, jim[1]);
    double h[2][2], g[2];
    for (int a = 0; a < 2; a++) {
        g[a] = dot(jre[a], ere) + dot(jim[a], eim);
        correlate(p, jre[a], jim[a], cre[a], cim[a]);
        memcpy(sre, cre[a], sizeof(sre));
        memcpy(sim, cim[a], sizeof(sim));
        solve(p, sre, sim);
        for (int b = 0; b <= a; b++) {
            h[a][b] = dot(jre[a], jre[b]) + dot(jim[a], jim[b]);
            for (int i = 0; i < p->count; i++) {
                h[a][b] -= sre[i] * cre[b][i] + sim[i] * cim[b][i];
            }
        }
    }
    /* What was known before: within about a cell. */
    h[0][0] += 0.5 * p->noise / (cell.origin * cell.origin);
    h[1][1] += 0.5 * p->noise / (cell.scale * cell.scale);
    double det = h[0][0] * h[1][1] - h[1][0] * h[1][0];
    paths_place_t next = p->place;
    if (det > 0.0) {
        double dt = (h[1][1] * g[0] - h[1][0] * g[1]) / det;
        double ds = (h[0][0] * g[1] - h[1][0] * g[0]) / det;
        next.origin += fmax(-2.0 * cell.origin, fmin(dt, 2.0 * cell.origin));
        next.scale += fmax(-2.0 * cell.scale, fmin(ds, 2.0 * cell.scale));
        next.scale = fmax(next.scale, 0.5 * p->place.scale);
    }
    return next;
}

void paths_correlation(paths_t *p, profile_shape_t shape, paths_place_t place, double weight,
                       double complex correlation[NUMEROLOGY_USED + 1])
{
    choose(p, shape, place.scale);
    for (int i = 0; i < p->count; i++) {
        double delay = place.origin + place.scale * p->delay[i];
        double complex turn = cexp(-2.0 * I * M_PI * delay / NUMEROLOGY_FFT);
        double complex at = weight * p->power[i];
        for (int d = 0; d <= N; d++) {
            correlation[d] += at;
            at *= turn;
        }
    }
}

void paths_moments(paths_t *p, profile_shape_t shape, double scale, double *mean, double *spread)
{
    double square = 0.0;
    choose(p, shape, scale);
    *mean = 0.0;
    for (int i = 0; i < p->count; i++) {
        *mean += p->power[i] * p->delay[i] * scale;
        square += p->power[i] * p->delay[i] * p->delay[i] * scale * scale;
    }
    *spread = sqrt(fmax(square - *mean * *mean, 0.0));
}
