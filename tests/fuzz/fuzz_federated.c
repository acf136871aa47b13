/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Any bytes as a package of the federated alignment: refused with a reason, or what it holds
 * survives being written and read again.  The first byte says the kind and whether matrices are
 * real.
 */
#include "federated/federated_package.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const federated_shape_t shapes[] = {{2, 3, false}, {4, 3, true}};

static void same(const matrix_t *a, const matrix_t *b)
{
    if (a->rows != b->rows || a->cols != b->cols ||
        memcmp(a->v, b->v, matrix_doubles(a) * sizeof *a->v) != 0) {
        abort();
    }
}

static void refused(const err_t *err)
{
    if (err->code == ERR_NONE) {
        abort(); /* without saying why */
    }
}

static void try_f(const uint8_t *data, size_t size, const federated_shape_t *shape)
{
    matrix_t f, again;
    federated_package_t package;
    err_t err = ERR_INIT;
    if (federated_read_f(data, size, shape, &f, &err) < 0) {
        refused(&err);
        return;
    }
    if (federated_package_f(&f, FEDERATED_WIRE_F64, &package, NULL) == 0) {
        if (federated_read_f(package.bytes, package.size, shape, &again, NULL) < 0) {
            abort();
        }
        same(&f, &again);
        matrix_destroy(&again);
        free(package.bytes);
    }
    matrix_destroy(&f);
}

static void try_share(const uint8_t *data, size_t size, const federated_shape_t *shape)
{
    federated_share_t share, again;
    federated_package_t package;
    err_t err = ERR_INIT;
    if (federated_read_share(data, size, shape, &share, &err) < 0) {
        refused(&err);
        return;
    }
    if (federated_package_share(&share, FEDERATED_WIRE_F64, &package, NULL) == 0) {
        if (federated_read_share(package.bytes, package.size, shape, &again, NULL) < 0 ||
            again.energy != share.energy || again.h.rows != share.h.rows) {
            abort();
        }
        if (share.c.v) {
            same(&share.c, &again.c);
        } else if (share.t.v) {
            same(&share.t, &again.t);
        }
        federated_share_destroy(&again);
        free(package.bytes);
    }
    federated_share_destroy(&share);
}

static void try_answer(const uint8_t *data, size_t size, const federated_shape_t *shape)
{
    federated_answer_t answer, again;
    federated_package_t package;
    err_t err = ERR_INIT;
    if (federated_read_answer(data, size, shape, &answer, &err) < 0) {
        refused(&err);
        return;
    }
    if (federated_package_answer(&answer, FEDERATED_WIRE_F64, &package, NULL) == 0) {
        if (federated_read_answer(package.bytes, package.size, shape, &again, NULL) < 0) {
            abort();
        }
        same(&answer.m1, &again.m1);
        same(&answer.q, &again.q);
        federated_answer_destroy(&again);
        free(package.bytes);
    }
    federated_answer_destroy(&answer);
}

static void try_task(const uint8_t *data, size_t size)
{
    federated_task_t task, again;
    federated_package_t package;
    err_t err = ERR_INIT;
    if (federated_read_task(data, size, &task, &err) < 0) {
        refused(&err);
        return;
    }
    if (federated_package_task(&task, &package, NULL) == 0) {
        if (federated_read_task(package.bytes, package.size, &again, NULL) < 0 ||
            again.config.sigma2 != task.config.sigma2 || again.x.rows != task.x.rows) {
            abort();
        }
        free((void *)again.x.v);
        free(package.bytes);
    }
    free((void *)task.x.v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    const federated_shape_t *shape = &shapes[data[0] >> 7];
    switch (data[0] & 3) {
    case 0:
        try_f(data + 1, size - 1, shape);
        break;
    case 1:
        try_share(data + 1, size - 1, shape);
        break;
    case 2:
        try_answer(data + 1, size - 1, shape);
        break;
    default:
        try_task(data + 1, size - 1);
    }
    return 0;
}
