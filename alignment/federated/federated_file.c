/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_file: the reader. */
#include "federated/federated_file.h"

#include "safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 1 << 26 };

/* k of "Y12" with letter Y; -1: another name. */
static int number_of(const char *name, char letter)
{
    int k = 0;
    if (name[0] != letter || name[1] == 0 || (name[1] == '0' && name[2] != 0)) {
        return -1;
    }
    for (const char *c = name + 1; *c; c++) {
        if (*c < '0' || *c > '9' || k >= FEDERATED_USERS_MAX) {
            return -1;
        }
        k = 10 * k + (*c - '0');
    }
    return k < FEDERATED_USERS_MAX ? k : -1;
}

static double *numbers_of(const safetensors_tensor_t *tensor)
{
    double *v = calloc(tensor->count + 1, sizeof *v);
    if (!v) {
        return NULL;
    }
    if (tensor->dtype == SAFETENSORS_F64) {
        memcpy(v, tensor->data, tensor->count * sizeof *v);
        return v;
    }
    float *f = calloc(tensor->count + 1, sizeof *f);
    if (!f) {
        free(v);
        return NULL;
    }
    safetensors_to_float(tensor, f);
    for (size_t i = 0; i < tensor->count; i++) {
        v[i] = (double)f[i];
    }
    free(f);
    return v;
}

/* 1: not a matrix. */
static int take_matrix(const safetensors_tensor_t *tensor, federated_tensor_t *out, err_t *err)
{
    bool is_complex = tensor->rank == 3 && tensor->shape[2] == 2;
    if ((tensor->rank != 2 && !is_complex) || tensor->count == 0 || tensor->shape[0] > SIDE_MAX ||
        tensor->shape[1] > SIDE_MAX) {
        return 1;
    }
    *out = (federated_tensor_t){(int)tensor->shape[0], (int)tensor->shape[1], is_complex, numbers_of(tensor)};
    return out->v ? 0 : err_set(err, ERR_MEMORY, "tensor %.80s: no memory", tensor->name);
}

static int take_scalar(const safetensors_t *file, const char *name, double *out, err_t *err)
{
    const safetensors_tensor_t *tensor = safetensors_find(file, name);
    *out = (double)NAN;
    if (!tensor) {
        return 0;
    }
    double *v = tensor->count == 1 ? numbers_of(tensor) : NULL;
    if (!v || !isfinite(v[0])) {
        free(v);
        return err_set(err, ERR_FORMAT, "tensor %s is not one finite number", name);
    }
    *out = v[0];
    free(v);
    return 0;
}

static int take_scalars(const safetensors_t *from, federated_file_t *file, err_t *err)
{
    return take_scalar(from, "K", &file->channel_uses, err) < 0 ||
                   take_scalar(from, "sigma2", &file->sigma2, err) < 0 ||
                   take_scalar(from, "rho", &file->rho, err) < 0 ||
                   take_scalar(from, "P", &file->power, err) < 0 ||
                   take_scalar(from, "rounds", &file->rounds, err) < 0
               ? -1
               : 0;
}

static int take_users(const safetensors_t *from, federated_file_t *file, err_t *err)
{
    int users = 0;
    for (int i = 0; i < safetensors_count(from); i++) {
        const char *name = safetensors_at(from, i)->name;
        int y = number_of(name, 'Y'), h = number_of(name, 'H');
        users = y >= users ? y + 1 : h >= users ? h + 1 : users;
    }
    federated_tensor_t *y = calloc((size_t)users + 1, sizeof *y), *h = calloc((size_t)users + 1, sizeof *h);
    file->input.y = y;
    file->input.h = h;
    if (!y || !h) {
        return err_set(err, ERR_MEMORY, "no memory for %d users", users);
    }
    file->input.users = users;
    for (int i = 0; i < safetensors_count(from); i++) {
        const safetensors_tensor_t *tensor = safetensors_at(from, i);
        int at_y = number_of(tensor->name, 'Y'), at_h = number_of(tensor->name, 'H');
        if ((at_y >= 0 && take_matrix(tensor, &y[at_y], err) < 0) ||
            (at_h >= 0 && take_matrix(tensor, &h[at_h], err) < 0)) {
            return -1;
        }
    }
    return users > 0 ? 0 : err_set(err, ERR_FORMAT, "there is no user: no tensor Y0 or H0");
}

static int take_all(const safetensors_t *from, const char *name, bool users, federated_file_t *file, err_t *err)
{
    const safetensors_tensor_t *x = safetensors_find(from, name), *f0 = safetensors_find(from, "F0");
    if (!x) {
        return err_set(err, ERR_FORMAT, "there is no tensor %.80s", name);
    }
    int code = take_matrix(x, &file->input.x, err);
    if (code == 0 && f0) {
        code = take_matrix(f0, &file->input.f0, err);
        x = f0;
    }
    if (code > 0) {
        return err_set(err, ERR_FORMAT, "tensor %s is not a matrix: [rows][columns], or [rows][columns][2]",
                       x->name);
    }
    return code < 0 || (users && take_users(from, file, err) < 0) || take_scalars(from, file, err) < 0 ? -1 : 0;
}

static federated_file_t *load(const char *path, const char *name, bool users, err_t *err)
{
    safetensors_t *from = safetensors_open(path, err);
    federated_file_t *file = from ? calloc(1, sizeof *file) : NULL;
    if (from && !file) {
        err_set(err, ERR_MEMORY, "%s: no memory to read it", path);
    }
    if (file && take_all(from, name, users, file, err) < 0) {
        err_prefix(err, "%s", path);
        federated_file_destroy(file);
        file = NULL;
    }
    safetensors_close(from);
    return file;
}

federated_file_t *federated_file_load(const char *path, err_t *err)
{
    return load(path, "X", true, err);
}

federated_file_t *federated_file_load_x(const char *path, const char *name, err_t *err)
{
    return load(path, name, false, err);
}

int federated_file_matrix(const char *path, const char *name, federated_tensor_t *out, err_t *err)
{
    safetensors_t *from = safetensors_open(path, err);
    const safetensors_tensor_t *tensor = from ? safetensors_find(from, name) : NULL;
    int code = from && !tensor ? err_set(err, ERR_FORMAT, "%s: there is no tensor %.80s", path, name)
               : from          ? take_matrix(tensor, out, err)
                               : -1;
    if (code > 0) {
        code = err_set(err, ERR_FORMAT, "%s: tensor %.80s is not a matrix: [rows][columns], or [rows][columns][2]",
                       path, name);
    }
    safetensors_close(from);
    return code;
}

void federated_file_destroy(federated_file_t *file)
{
    if (!file) {
        return;
    }
    for (int k = 0; k < file->input.users; k++) {
        free((void *)file->input.y[k].v);
        free((void *)file->input.h[k].v);
    }
    free((void *)file->input.y);
    free((void *)file->input.h);
    free((void *)file->input.x.v);
    free((void *)file->input.f0.v);
    free(file);
}
