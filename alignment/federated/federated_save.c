/* SPDX-License-Identifier: GPL-3.0-or-later */
/* federated_save: the writer of federated_file. */
#include "federated/federated_file.h"
#include "safetensors.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIXED = 16, PER_USER = 4, NAME = 24 };

/* Tensors and notes while they are put together. */
typedef struct {
    safetensors_tensor_t *tensor;
    char (*name)[NAME];
    double **own; /* data made here */
    int count;
    const char **key, **value;
    char (*key_text)[NAME];
    int notes;
    bool failed;
} page_t;

/* k < 0: no number in the name. */
static safetensors_tensor_t *add(page_t *page, size_t count, const char *name, int k)
{
    safetensors_tensor_t *tensor = &page->tensor[page->count];
    double *data = calloc(count + 1, sizeof *data);
    page->failed = page->failed || !data;
    snprintf(page->name[page->count], NAME, k < 0 ? "%s" : "%s%d", name, k);
    *tensor = (safetensors_tensor_t){.name = page->name[page->count], .dtype = SAFETENSORS_F64, .count = count,
                                     .data = data};
    page->own[page->count++] = data;
    return data ? tensor : NULL;
}

/* Row by row, complex with a last axis. */
static void add_matrix(page_t *page, const matrix_t *m, const char *name, int k)
{
    safetensors_tensor_t *tensor = m->v ? add(page, matrix_doubles(m), name, k) : NULL;
    int parts = m->real ? 1 : 2;
    if (!tensor) {
        return;
    }
    double *to = page->own[page->count - 1];
    for (int i = 0; i < m->rows; i++) {
        for (int j = 0; j < m->cols; j++) {
            for (int p = 0; p < parts; p++) {
                *to++ = matrix_at(m, i, j)[p];
            }
        }
    }
    tensor->rank = m->real ? 2 : 3;
    tensor->shape[0] = m->rows;
    tensor->shape[1] = m->cols;
    tensor->shape[2] = 2;
}

static void add_list(page_t *page, const double *v, int count, const char *name)
{
    safetensors_tensor_t *tensor = add(page, (size_t)count, name, -1);
    if (!tensor) {
        return;
    }
    for (int i = 0; i < count; i++) {
        page->own[page->count - 1][i] = v[i];
    }
    tensor->rank = 1;
    tensor->shape[0] = count;
}

static void note(page_t *page, const char *key, int k, const char *value)
{
    snprintf(page->key_text[page->notes], NAME, k < 0 ? "%s" : "%s%d", key, k);
    page->key[page->notes] = page->key_text[page->notes];
    page->value[page->notes++] = value;
}

static void add_nmse(page_t *page, const federated_result_t *r, bool raw)
{
    double *v = calloc((size_t)r->users + 1, sizeof *v);
    page->failed = page->failed || !v;
    for (int k = 0; v && k < r->users; k++) {
        v[k] = r->user[k].left_out[0] ? (double)NAN : raw ? r->user[k].nmse_raw : r->user[k].nmse;
    }
    if (v) {
        add_list(page, v, r->users, raw ? "nmse_raw" : "nmse");
    }
    free(v);
}

static void fill(page_t *page, const federated_result_t *r, const federated_config_t *c)
{
    const double uses = c->channel_uses, rounds = c->rounds;
    add_matrix(page, &r->f, "F", -1);
    add_matrix(page, &r->z, "Z", -1);
    add_list(page, r->obj_round, r->rounds, "obj_round");
    add_list(page, r->obj_dep, r->rounds, "obj_dep");
    add_nmse(page, r, false);
    add_nmse(page, r, true);
    add_list(page, &r->energy, 1, "energy");
    add_list(page, &uses, 1, "K");
    add_list(page, &c->sigma2, 1, "sigma2");
    add_list(page, &c->rho, 1, "rho");
    add_list(page, &c->power, 1, "P");
    add_list(page, &rounds, 1, "rounds");
    add_matrix(page, &r->x_mean, "x_mean", -1);
    add_matrix(page, &r->x_lower, "x_lower", -1);
    note(page, "method", -1, federated_method_name(c->method));
    note(page, "domain", -1, c->domain == FEDERATED_RAW ? "raw" : "whitened");
    note(page, "widely_linear", -1, c->widely_linear ? "true" : "false");
    for (int k = 0; k < r->users; k++) {
        const federated_user_result_t *u = &r->user[k];
        if (u->left_out[0]) {
            note(page, "left_out.", k, u->left_out);
            continue;
        }
        add_matrix(page, &u->g, "G", k);
        add_matrix(page, &u->g_dep, "Gdep", k);
        add_matrix(page, &u->mean, "mean", k);
        add_matrix(page, &u->lower, "lower", k);
    }
}

int federated_file_save(const char *path, const federated_result_t *result,
                        const federated_config_t *config, err_t *err)
{
    size_t room = FIXED + PER_USER * (size_t)result->users, notes = 3 + (size_t)result->users;
    page_t page = {.tensor = calloc(room, sizeof *page.tensor), .name = calloc(room, sizeof *page.name),
                   .own = calloc(room, sizeof *page.own), .key = calloc(notes, sizeof *page.key),
                   .value = calloc(notes, sizeof *page.value),
                   .key_text = calloc(notes, sizeof *page.key_text)};
    int code = -1;
    page.failed = !page.tensor || !page.name || !page.own || !page.key || !page.value || !page.key_text;
    if (!page.failed) {
        fill(&page, result, config);
    }
    if (page.failed) {
        err_set(err, ERR_MEMORY, "%s: no memory to write it", path);
    } else {
        code = safetensors_write(path, page.tensor, page.count, page.key, page.value, page.notes, err);
    }
    for (int i = 0; i < page.count; i++) {
        free(page.own[i]);
    }
    free(page.tensor);
    free(page.name);
    free(page.own);
    free(page.key);
    free(page.value);
    free(page.key_text);
    return code;
}
