/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Eigenvectors by cyclic Jacobi rotations: 27x27, once, so simple beats fast. */
#include "train/whiten.h"

#include "quality/judge_net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KERNEL = 3, PATCH = 3 * KERNEL * KERNEL, SIDE = BATCHES_SIDE, PICTURES_LEAST = 2000 };

static const double floor_eigenvalue = 1e-2;

typedef double matrix_t[PATCH][PATCH];

/* Adds the outer products of one picture's patches; element (c, dy, dx) as in OIHW weights. */
static void add_patches(const float *picture, matrix_t sum)
{
    double patch[PATCH];
    for (int y = 0; y + KERNEL <= SIDE; y++) {
        for (int x = 0; x + KERNEL <= SIDE; x++) {
            for (int i = 0; i < PATCH; i++) {
                int c = i / 9, dy = i / 3 % 3, dx = i % 3;
                double value = (double)picture[((y + dy) * SIDE + x + dx) * 3 + c];
                patch[i] = (value - (double)judge_mean[c]) / (double)judge_deviation[c];
            }
            for (int i = 0; i < PATCH; i++) {
                for (int j = 0; j <= i; j++) {
                    sum[i][j] += patch[i] * patch[j];
                }
            }
        }
    }
}

static int covariance(batches_t *batches, int batch, matrix_t out, err_t *err)
{
    size_t bytes = (size_t)batch * SIDE * SIDE * 3 * sizeof(float);
    float *pictures = malloc(bytes);
    int seen = 0;
    if (pictures == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for %zu bytes of pictures", bytes);
    }
    memset(out, 0, sizeof(matrix_t));
    for (int64_t step = 0; seen < PICTURES_LEAST && step < batches_per_epoch(batches); step++) {
        batches_begin(batches, step);
        batches_fill(batches, step, 0, batch, pictures, NULL);
        for (int n = 0; n < batch; n++) {
            add_patches(pictures + n * SIDE * SIDE * 3, out);
        }
        seen += batch;
    }
    free(pictures);
    double patches = (double)seen * (SIDE - KERNEL + 1) * (SIDE - KERNEL + 1);
    for (int i = 0; i < PATCH; i++) {
        for (int j = 0; j <= i; j++) {
            out[i][j] /= patches;
            out[j][i] = out[i][j];
        }
    }
    return 0;
}

/* One rotation that zeroes a[p][q]; v collects the eigenvectors in its columns. */
static void rotate(matrix_t a, matrix_t v, int p, int q)
{
    double theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
    double t = (theta >= 0 ? 1.0 : -1.0) / (fabs(theta) + sqrt(theta * theta + 1.0));
    double c = 1.0 / sqrt(t * t + 1.0), s = t * c;
    for (int k = 0; k < PATCH; k++) {
        double kp = a[k][p], kq = a[k][q];
        a[k][p] = c * kp - s * kq;
        a[k][q] = s * kp + c * kq;
    }
    for (int k = 0; k < PATCH; k++) {
        double pk = a[p][k], qk = a[q][k];
        a[p][k] = c * pk - s * qk;
        a[q][k] = s * pk + c * qk;
        double kp = v[k][p], kq = v[k][q];
        v[k][p] = c * kp - s * kq;
        v[k][q] = s * kp + c * kq;
    }
}

/* a becomes diagonal: the eigenvalues. */
static void eigenvectors(matrix_t a, matrix_t v)
{
    enum { SWEEPS = 30 };
    memset(v, 0, sizeof(matrix_t));
    for (int i = 0; i < PATCH; i++) {
        v[i][i] = 1.0;
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        for (int p = 0; p < PATCH; p++) {
            for (int q = p + 1; q < PATCH; q++) {
                if (fabs(a[p][q]) > 1e-14) {
                    rotate(a, v, p, q);
                }
            }
        }
    }
}

static int largest_left(const matrix_t a, const bool *taken)
{
    int best = -1;
    for (int i = 0; i < PATCH; i++) {
        if (!taken[i] && (best < 0 || a[i][i] > a[best][best])) {
            best = i;
        }
    }
    return best;
}

int whiten_stem(params_t *params, batches_t *batches, int batch, int filters, err_t *err)
{
    matrix_t a, v;
    if (filters < 2 || filters > 2 * PATCH || filters % 2 != 0) {
        return err_set(err, ERR_ARGUMENT, "judge.widths: the first must be even, 2 .. %d",
                       2 * PATCH);
    }
    if (covariance(batches, batch, a, err) < 0) {
        return -1;
    }
    int shape[4] = {filters, 3, KERNEL, KERNEL};
    param_t *stem = params_add(params, JUDGE_STEM_WEIGHT, 4, shape, PARAM_FROZEN,
                               PARAM_INIT_CONSTANT, 0.0f, err);
    if (stem == NULL) {
        return -1;
    }
    eigenvectors(a, v);
    bool taken[PATCH] = {false};
    for (int f = 0; f < filters / 2; f++) {
        int best = largest_left((const double(*)[PATCH])a, taken);
        double gain = 1.0 / sqrt(a[best][best] + floor_eigenvalue);
        taken[best] = true;
        for (int i = 0; i < PATCH; i++) {
            float weight = (float)(v[i][best] * gain);
            stem->value[f * PATCH + i] = weight;
            stem->value[(f + filters / 2) * PATCH + i] = -weight;
        }
    }
    params_changed(params);
    return 0;
}
