/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_unpack: the reader of federated_package.  Nothing is believed. */
#include "federated/federated_package.h"

#include "federated/federated_private.h"
#include "safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Element i of F32 or F64. */
static double number_at(const safetensors_tensor_t *t, size_t i)
{
    double wide;
    float narrow;
    if (t->dtype == SAFETENSORS_F64) {
        memcpy(&wide, (const char *)t->data + 8 * i, sizeof wide);
        return wide;
    }
    memcpy(&narrow, (const char *)t->data + 4 * i, sizeof narrow);
    return (double)narrow;
}

/* A tensor that is there, of floats, not empty, all finite. */
static const safetensors_tensor_t *find(const safetensors_t *file, const char *name, err_t *err)
{
    const safetensors_tensor_t *t = safetensors_find(file, name);
    if (!t || t->count == 0 || (t->dtype != SAFETENSORS_F64 && t->dtype != SAFETENSORS_F32)) {
        err_set(err, ERR_FORMAT, "%s is missing or is not an array of F32 or F64", name);
        return NULL;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (!isfinite(number_at(t, i))) {
            err_set(err, ERR_FORMAT, "%s has a value that is not finite (number %zu)", name, i);
            return NULL;
        }
    }
    return t;
}

static bool has_shape(const safetensors_tensor_t *t, int rank, int64_t a, int64_t b, int64_t c)
{
    const int64_t want[] = {a, b, c};
    for (int i = 0; i < rank; i++) {
        if (t->rank != rank || t->shape[i] != want[i]) {
            return false;
        }
    }
    return true;
}

static int wrong_shape(const safetensors_tensor_t *t, const char *want, err_t *err)
{
    return err_set(err, ERR_FORMAT, "%s has not the shape %s", t->name, want);
}

/* rows 0: any number of them. */
static int read_matrix(const safetensors_t *file, const char *name, int rows, int cols, bool real,
                       matrix_t *out, err_t *err)
{
    const safetensors_tensor_t *t = find(file, name, err);
    if (!t) {
        return -1;
    }
    int got = rows > 0                                               ? rows
              : t->rank > 1 && t->shape[0] <= FEDERATED_FEATURES_MAX ? (int)t->shape[0]
                                                                     : -1;
    if (!has_shape(t, real ? 2 : 3, got, cols, 2)) {
        return rows > 0 ? err_set(err, ERR_FORMAT, "%s is not %d x %d and %s", name, rows, cols,
                                  real ? "real" : "complex")
                        : err_set(err, ERR_FORMAT, "%s has not %d columns, or is not %s", name,
                                  cols, real ? "real" : "complex");
    }
    if (matrix_create(out, got, cols, real, err) < 0) {
        return -1;
    }
    size_t from = 0;
    for (int i = 0; i < got; i++) {
        for (int j = 0; j < cols; j++) {
            for (int p = 0; p < (real ? 1 : 2); p++) {
                matrix_at(out, i, j)[p] = number_at(t, from++);
            }
        }
    }
    return 0;
}

static int read_packed(const safetensors_t *file, const char *name, int side, bool real,
                       matrix_t *out, err_t *err)
{
    const safetensors_tensor_t *t = find(file, name, err);
    if (!t) {
        return -1;
    }
    if (!(real ? has_shape(t, 1, (int64_t)side * (side + 1) / 2, 0, 0)
               : has_shape(t, 2, side, side, 0))) {
        return err_set(err, ERR_FORMAT, "%s is not the packed matrix of side %d", name, side);
    }
    if (matrix_create(out, side, side, real, err) < 0) {
        return -1;
    }
    size_t from = 0, n = (size_t)side;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double re = real ? number_at(t, from++) : number_at(t, i * n + j);
            double im = real || i == j ? 0.0 : number_at(t, j * n + i);
            double *lower = matrix_at(out, (int)i, (int)j), *upper = matrix_at(out, (int)j, (int)i);
            lower[0] = upper[0] = re;
            if (!real) {
                lower[1] = im;
                upper[1] = -im;
            }
        }
        if (!(*matrix_at(out, (int)i, (int)i) >= 0.0)) {
            matrix_destroy(out);
            return err_set(err, ERR_FORMAT, "%s has a diagonal below 0 (row %zu)", name, i);
        }
    }
    return 0;
}

/* Any matrix, real or complex, as a federated_tensor_t. */
static int read_tensor(const safetensors_t *file, const char *name, int64_t most,
                       federated_tensor_t *out, err_t *err)
{
    const safetensors_tensor_t *t = find(file, name, err);
    if (!t) {
        return -1;
    }
    bool is_complex = t->rank == 3 && t->shape[2] == 2;
    if ((t->rank != 2 && !is_complex) || t->shape[0] > most || t->shape[1] > most) {
        return wrong_shape(t, "[rows][columns] or [rows][columns][2]", err);
    }
    double *v = malloc(t->count * sizeof *v);
    if (!v) {
        return err_set(err, ERR_MEMORY, "no memory for %s", name);
    }
    for (size_t i = 0; i < t->count; i++) {
        v[i] = number_at(t, i);
    }
    *out = (federated_tensor_t){(int)t->shape[0], (int)t->shape[1], is_complex, v};
    return 0;
}

static int read_numbers(const safetensors_t *file, const char *name, int count, double *out,
                        err_t *err)
{
    const safetensors_tensor_t *t = find(file, name, err);
    if (!t) {
        return -1;
    }
    if (!has_shape(t, 1, count, 0, 0)) {
        return err_set(err, ERR_FORMAT, "%s is not %d numbers", name, count);
    }
    for (int i = 0; i < count; i++) {
        out[i] = number_at(t, (size_t)i);
    }
    return 0;
}

static safetensors_t *open_package(const void *bytes, size_t size, const char *name, err_t *err)
{
    if (size > FEDERATED_PACKAGE_MAX) {
        err_set(err, ERR_FORMAT, "%s: %zu bytes are too many", name, size);
        return NULL;
    }
    return safetensors_parse(bytes, size, name, err);
}

/* ---- each kind ------------------------------------------------------------- */

int federated_read_f(const void *bytes, size_t size, const federated_shape_t *shape, matrix_t *out,
                     err_t *err)
{
    safetensors_t *file = open_package(bytes, size, "F", err);
    *out = (matrix_t){0};
    int code =
        file ? read_matrix(file, "F", shape->rows, shape->features, shape->real, out, err) : -1;
    safetensors_close(file);
    return code;
}

int federated_read_share(const void *bytes, size_t size, const federated_shape_t *shape,
                         federated_share_t *out, err_t *err)
{
    safetensors_t *file = open_package(bytes, size, "share", err);
    *out = (federated_share_t){0};
    int code = file && read_tensor(file, "H", 64, &out->h, err) == 0 &&
                       read_numbers(file, "energy", 1, &out->energy, err) == 0
                   ? 0
                   : -1;
    if (code == 0 && safetensors_find(file, "C")) {
        code = read_matrix(file, "C", 0, shape->features, shape->real, &out->c, err);
    } else if (code == 0 && safetensors_find(file, "T")) {
        code = read_packed(file, "T", shape->features, shape->real, &out->t, err);
    }
    if (code == 0 && !(out->energy > 0.0)) {
        code = err_set(err, ERR_FORMAT, "energy = %g is not above 0", out->energy);
    }
    if (code < 0) {
        federated_share_destroy(out);
    }
    safetensors_close(file);
    return code;
}

int federated_read_answer(const void *bytes, size_t size, const federated_shape_t *shape,
                          federated_answer_t *out, err_t *err)
{
    safetensors_t *file = open_package(bytes, size, "answer", err);
    double norms[2] = {0.0, 0.0};
    *out = (federated_answer_t){0};
    int code = file && read_packed(file, "M1", shape->rows, shape->real, &out->m1, err) == 0 &&
                       read_matrix(file, "Q", shape->rows, shape->features, shape->real, &out->q,
                                   err) == 0 &&
                       read_numbers(file, "norms", 2, norms, err) == 0
                   ? 0
                   : -1;
    if (code == 0 && !(norms[0] >= 0.0 && norms[1] >= 0.0)) {
        code = err_set(err, ERR_FORMAT, "norms %g and %g: below 0", norms[0], norms[1]);
    }
    out->norm2 = norms[0];
    out->gain = norms[1];
    if (code < 0) {
        federated_answer_destroy(out);
    }
    safetensors_close(file);
    return code;
}

/* The position of the note in "a|b|c". */
static int read_choice(const safetensors_t *file, const char *key, const char *choices, int *out,
                       err_t *err)
{
    const char *value = safetensors_note(file, key), *at = choices;
    size_t length = value ? strlen(value) : 0;
    for (*out = 0; value && at; (*out)++) {
        const char *bar = strchr(at, '|');
        size_t this_one = bar ? (size_t)(bar - at) : strlen(at);
        if (this_one == length && memcmp(at, value, length) == 0) {
            return 0;
        }
        at = bar ? bar + 1 : NULL;
    }
    return err_set(err, ERR_FORMAT, "note %s is not one of %s", key, choices);
}

static int read_notes(const safetensors_t *file, federated_task_t *out, err_t *err)
{
    int method, domain, start, wire, complexify, whiten, wide;
    if (read_choice(file, "method", FEDERATED_METHOD_CHOICES, &method, err) < 0 ||
        read_choice(file, "domain", "whitened|raw", &domain, err) < 0 ||
        read_choice(file, "start", "spectral|random", &start, err) < 0 ||
        read_choice(file, "wire", FEDERATED_WIRE_CHOICES, &wire, err) < 0 ||
        read_choice(file, "complexify", "false|true", &complexify, err) < 0 ||
        read_choice(file, "whiten", "false|true", &whiten, err) < 0 ||
        read_choice(file, "widely_linear", "false|true", &wide, err) < 0) {
        return -1;
    }
    out->config.method = (federated_method_t)method;
    out->config.domain = (federated_domain_t)domain;
    out->config.start = (federated_start_t)start;
    out->config.complexify = complexify;
    out->config.whiten = whiten;
    out->config.widely_linear = wide;
    out->wire = (federated_wire_t)wire;
    return 0;
}

static int read_scalars(const safetensors_t *file, federated_task_t *out, err_t *err)
{
    double v[6];
    if (read_numbers(file, "scalars", 6, v, err) < 0) {
        return -1;
    }
    if (!(v[0] >= 1.0 && v[0] <= 4096.0 && v[4] >= 1.0 && v[4] <= 100000.0 && v[5] >= 1.0 &&
          v[5] <= 64.0)) {
        return err_set(err, ERR_FORMAT, "scalars: K, rounds or antennas is out of range");
    }
    out->config.channel_uses = (int)v[0];
    out->config.sigma2 = v[1];
    out->config.rho = v[2];
    out->config.power = v[3];
    out->config.rounds = (int)v[4];
    out->antennas = (int)v[5];
    return federated_check_config(&out->config, err);
}

int federated_read_task(const void *bytes, size_t size, federated_task_t *out, err_t *err)
{
    safetensors_t *file = open_package(bytes, size, "task", err);
    *out = (federated_task_t){.config = FEDERATED_CONFIG_INIT};
    int code = file && read_notes(file, out, err) == 0 && read_scalars(file, out, err) == 0 &&
                       read_tensor(file, "X", 1 << 26, &out->x, err) == 0
                   ? 0
                   : -1;
    if (code == 0 && out->config.method > FEDERATED_ONE_SHOT) {
        free((void *)out->x.v);
        out->x.v = NULL;
        code = err_set(err, ERR_FORMAT, "method: %s is none with users elsewhere",
                       federated_method_name(out->config.method));
    }
    safetensors_close(file);
    return code;
}
