/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_package: the writer. */
#include "federated/federated_package.h"

#include "federated/federated_private.h"
#include "safetensors.h"

#include <stdlib.h>
#include <string.h>

enum { TENSORS = 4 };

/* Tensors while they are put together. */
typedef struct {
    safetensors_tensor_t tensor[TENSORS];
    void *own[TENSORS];
    int count;
    bool failed;
} parcel_t;

static void add(parcel_t *parcel, const char *name, federated_wire_t wire, int rank,
                const int64_t *shape, const double *v)
{
    safetensors_tensor_t *t = &parcel->tensor[parcel->count];
    *t = (safetensors_tensor_t){.name = name,
                                .rank = rank,
                                .count = 1,
                                .dtype =
                                    wire == FEDERATED_WIRE_F64 ? SAFETENSORS_F64 : SAFETENSORS_F32};
    for (int i = 0; i < rank; i++) {
        t->shape[i] = shape[i];
        t->count *= (size_t)shape[i];
    }
    double *wide = malloc((t->count + 1) * sizeof *wide);
    parcel->own[parcel->count++] = wide;
    t->data = wide;
    if (!wide) {
        parcel->failed = true;
        return;
    }
    if (wire == FEDERATED_WIRE_F64) {
        memcpy(wide, v, t->count * sizeof *wide);
        return;
    }
    float *narrow = (float *)(void *)wide;
    for (size_t i = 0; i < t->count; i++) {
        narrow[i] = (float)v[i];
    }
}

static void add_matrix(parcel_t *parcel, const char *name, federated_wire_t wire, const matrix_t *m)
{
    double *v = malloc((matrix_doubles(m) + 1) * sizeof *v), *to = v;
    const int64_t shape[] = {m->rows, m->cols, 2};
    if (!v) {
        parcel->failed = true;
        return;
    }
    for (int i = 0; i < m->rows; i++) {
        for (int j = 0; j < m->cols; j++) {
            for (int p = 0; p < (m->real ? 1 : 2); p++) {
                *to++ = matrix_at(m, i, j)[p];
            }
        }
    }
    add(parcel, name, wire, m->real ? 2 : 3, shape, v);
    free(v);
}

static void add_packed(parcel_t *parcel, const char *name, federated_wire_t wire, const matrix_t *m)
{
    int n = m->rows;
    const int64_t square[] = {n, n}, triangle[] = {(int64_t)n * (n + 1) / 2};
    double *v = malloc((size_t)n * (size_t)n * sizeof *v), *to = v;
    if (!v) {
        parcel->failed = true;
        return;
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) {
            if (m->real) {
                *to++ = *matrix_at(m, i, j);
                continue;
            }
            v[(size_t)i * (size_t)n + (size_t)j] = matrix_at(m, i, j)[0];
            if (j < i) {
                v[(size_t)j * (size_t)n + (size_t)i] = matrix_at(m, i, j)[1];
            }
        }
    }
    add(parcel, name, wire, m->real ? 1 : 2, m->real ? triangle : square, v);
    free(v);
}

static void add_tensor(parcel_t *parcel, const char *name, federated_wire_t wire,
                       const federated_tensor_t *t)
{
    const int64_t shape[] = {t->rows, t->samples, 2};
    add(parcel, name, wire, t->is_complex ? 3 : 2, shape, t->v);
}

static void add_numbers(parcel_t *parcel, const char *name, const double *v, int count)
{
    const int64_t shape[] = {count};
    add(parcel, name, FEDERATED_WIRE_F64, 1, shape, v);
}

static int close_parcel(parcel_t *parcel, const char *const *keys, const char *const *values,
                        int notes, federated_package_t *out, err_t *err)
{
    int code = parcel->failed ? err_set(err, ERR_MEMORY, "no memory for a package")
                              : safetensors_serialise(parcel->tensor, parcel->count, keys, values,
                                                      notes, &out->bytes, &out->size, err);
    for (int i = 0; i < parcel->count; i++) {
        free(parcel->own[i]);
    }
    return code;
}

/* X goes as F32 where that loses nothing. */
static federated_wire_t narrowest(const federated_tensor_t *x)
{
    size_t count = (size_t)x->rows * (size_t)x->samples * (x->is_complex ? 2u : 1u);
    for (size_t i = 0; i < count; i++) {
        if ((double)(float)x->v[i] != x->v[i]) {
            return FEDERATED_WIRE_F64;
        }
    }
    return FEDERATED_WIRE_F32;
}

int federated_package_task(const federated_task_t *task, federated_package_t *out, err_t *err)
{
    static const char *const keys[] = {"complexify", "domain",        "method", "start",
                                       "whiten",     "widely_linear", "wire"};
    const federated_config_t *c = &task->config;
    const double scalars[] = {c->channel_uses, c->sigma2, c->rho,
                              c->power,        c->rounds, task->antennas};
    const char *const values[] = {c->complexify ? "true" : "false",
                                  c->domain == FEDERATED_RAW ? "raw" : "whitened",
                                  federated_method_name(c->method),
                                  c->start == FEDERATED_RANDOM ? "random" : "spectral",
                                  c->whiten ? "true" : "false",
                                  c->widely_linear ? "true" : "false",
                                  task->wire == FEDERATED_WIRE_F64 ? "f64" : "f32"};
    parcel_t parcel = {0};
    add_tensor(&parcel, "X", narrowest(&task->x), &task->x);
    add_numbers(&parcel, "scalars", scalars, 6);
    return close_parcel(&parcel, keys, values, 7, out, err);
}

int federated_package_f(const matrix_t *f, federated_wire_t wire, federated_package_t *out,
                        err_t *err)
{
    parcel_t parcel = {0};
    add_matrix(&parcel, "F", wire, f);
    return close_parcel(&parcel, NULL, NULL, 0, out, err);
}

int federated_package_share(const federated_share_t *share, federated_wire_t wire,
                            federated_package_t *out, err_t *err)
{
    parcel_t parcel = {0};
    add_tensor(&parcel, "H", FEDERATED_WIRE_F64, &share->h);
    add_numbers(&parcel, "energy", &share->energy, 1);
    if (share->c.v) {
        add_matrix(&parcel, "C", wire, &share->c);
    } else if (share->t.v) {
        add_packed(&parcel, "T", wire, &share->t);
    }
    return close_parcel(&parcel, NULL, NULL, 0, out, err);
}

int federated_package_answer(const federated_answer_t *answer, federated_wire_t wire,
                             federated_package_t *out, err_t *err)
{
    parcel_t parcel = {0};
    const double norms[] = {answer->norm2, answer->gain};
    add_packed(&parcel, "M1", wire, &answer->m1);
    add_matrix(&parcel, "Q", wire, &answer->q);
    add_numbers(&parcel, "norms", norms, 2);
    return close_parcel(&parcel, NULL, NULL, 0, out, err);
}

size_t federated_package_most(const federated_shape_t *shape)
{
    size_t m = (size_t)shape->rows, d = (size_t)shape->features, parts = shape->real ? 1 : 2;
    size_t answer = m * m + parts * m * d, share = d * d + 2 * 64 * 64 + 8;
    size_t most = 8 * (answer > share ? answer : share) + 4096;
    return most < FEDERATED_PACKAGE_MAX ? most : FEDERATED_PACKAGE_MAX;
}
