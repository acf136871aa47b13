/* SPDX-License-Identifier: GPL-3.0-or-later */
/* moments: double precision throughout, sums by OpenBLAS (dsyrk, dgemm). */
#include "fit/moments.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 }; /* places gathered at a time */

moments_t *moments_create(int channels, int kernel, bool pictures, err_t *err)
{
    int targets = 2 * channels, features = targets * kernel * kernel;
    if (features > MOMENTS_FEATURES_MAX) {
        err_set(err, ERR_ARGUMENT,
                "%d channels in a neighbourhood of %d x %d are %d unknowns an output; "
                "at most %d",
                channels, kernel, kernel, features, MOMENTS_FEATURES_MAX);
        return NULL;
    }
    size_t d = (size_t)features, m = (size_t)targets, places = pictures ? BLOCK : 0;
    moments_t *moments = calloc(1, sizeof *moments);
    double *room = calloc(d + m + d * d + m * d + places * (d + m), sizeof *room);
    if (!moments || !room) {
        free(moments);
        free(room);
        err_set(err, ERR_MEMORY, "no memory to fit %d unknowns", features);
        return NULL;
    }
    *moments = (moments_t){.kernel = kernel,
                           .features = features,
                           .targets = targets,
                           .sum_f = room,
                           .sum_t = room + d,
                           .ff = room + d + m,
                           .tf = room + d + m + d * d};
    if (pictures) {
        moments->rows_f = moments->tf + m * d;
        moments->rows_t = moments->rows_f + places * d;
    }
    return moments;
}

void moments_destroy(moments_t *moments)
{
    if (moments) {
        free(moments->sum_f);
        free(moments);
    }
}

/* One place's features: out[(channel * k + i) * k + j] = channel at (row + i - k/2, column + j -
 * k/2). */
static void gather(double *out, const float complex *x, int channels, int rows, int columns,
                   int kernel, int place)
{
    int row = place / columns - kernel / 2, column = place % columns - kernel / 2;
    size_t part = (size_t)(kernel * kernel), all = (size_t)rows * (size_t)columns;
    for (int i = 0; i < kernel; i++) {
        for (int j = 0; j < kernel; j++) {
            int r = row + i, c = column + j;
            bool inside = r >= 0 && r < rows && c >= 0 && c < columns;
            const float complex *from = x + (inside ? r * columns + c : 0);
            double *tap = out + i * kernel + j;
            for (size_t n = 0; n < (size_t)channels; n++) {
                float complex v = inside ? from[n * all] : 0.0f;
                tap[2 * n * part] = (double)crealf(v);
                tap[(2 * n + 1) * part] = (double)cimagf(v);
            }
        }
    }
}

static void add_rows(double *sum, const double *rows, int places, int width)
{
    for (int p = 0; p < places; p++) {
        for (int i = 0; i < width; i++) {
            sum[i] += rows[(size_t)p * (size_t)width + (size_t)i];
        }
    }
}

static void add_block(moments_t *m, int places)
{
    add_rows(m->sum_f, m->rows_f, places, m->features);
    add_rows(m->sum_t, m->rows_t, places, m->targets);
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, m->features, places, 1.0, m->rows_f,
                m->features, 1.0, m->ff, m->features);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, m->targets, m->features, places, 1.0,
                m->rows_t, m->targets, m->rows_f, m->features, 1.0, m->tf, m->features);
    m->tt += cblas_ddot(places * m->targets, m->rows_t, 1, m->rows_t, 1);
    m->places += places;
}

void moments_add_picture(moments_t *m, const float complex *x, const float complex *y, int rows,
                         int columns)
{
    int all = rows * columns, channels = m->targets / 2;
    for (int first = 0; first < all; first += BLOCK) {
        int count = all - first < BLOCK ? all - first : BLOCK;
        for (int p = 0; p < count; p++) {
            gather(m->rows_f + (size_t)p * (size_t)m->features, x, channels, rows, columns,
                   m->kernel, first + p);
            gather(m->rows_t + (size_t)p * (size_t)m->targets, y, channels, rows, columns, 1,
                   first + p);
        }
        add_block(m, count);
    }
}

/* The sums lie one after the other: sum_f, sum_t, ff, tf. */
static size_t sums(const moments_t *m)
{
    size_t d = (size_t)m->features, t = (size_t)m->targets;
    return d + t + d * d + t * d;
}

void moments_add(moments_t *to, const moments_t *from, double factor)
{
    cblas_daxpy((int)sums(to), factor, from->sum_f, 1, to->sum_f, 1);
    to->tt += factor * from->tt;
    to->places += factor * from->places;
}

void moments_copy(moments_t *to, const moments_t *from)
{
    memcpy(to->sum_f, from->sum_f, sums(from) * sizeof *to->sum_f);
    to->tt = from->tt;
    to->places = from->places;
}

void moments_centre(moments_t *to, const moments_t *from)
{
    size_t part = (size_t)(from->kernel * from->kernel), d = (size_t)from->features;
    size_t m = (size_t)from->targets;
    for (size_t i = 0; i < m; i++) {
        size_t at = i * part + part / 2;
        to->sum_f[i] = from->sum_f[at];
        to->sum_t[i] = from->sum_t[i];
        for (size_t k = 0; k < m; k++) {
            size_t other = k * part + part / 2;
            to->ff[i * m + k] = from->ff[at * d + other]; /* j >= i stays j >= i */
            to->tf[i * m + k] = from->tf[i * d + other];
        }
    }
    to->tt = from->tt;
    to->places = from->places;
}

void moments_remove_means(moments_t *m)
{
    cblas_dsyr(CblasRowMajor, CblasUpper, m->features, -1.0 / m->places, m->sum_f, 1, m->ff,
               m->features);
    cblas_dger(CblasRowMajor, m->targets, m->features, -1.0 / m->places, m->sum_t, 1, m->sum_f, 1,
               m->tf, m->features);
}

double moments_error(const moments_t *m, const double *weight, const double *bias, double *work)
{
    int d = m->features, t = m->targets;
    double error = m->tt;
    /* work = W ff */
    cblas_dsymm(CblasRowMajor, CblasRight, CblasUpper, t, d, 1.0, m->ff, d, weight, d, 0.0, work,
                d);
    error += cblas_ddot(t * d, work, 1, weight, 1) - 2.0 * cblas_ddot(t * d, m->tf, 1, weight, 1);
    for (int i = 0; i < t; i++) {
        double mapped = cblas_ddot(d, weight + (size_t)i * (size_t)d, 1, m->sum_f, 1);
        error += bias[i] * (m->places * bias[i] + 2.0 * mapped - 2.0 * m->sum_t[i]);
    }
    return error > 0.0 ? error : 0.0;
}
