/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "federated/federated_party.h"

#include "safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A new array of the tensor's numbers; NULL and no error: it is not there. */
static double *numbers(const safetensors_t *file, const char *name, int rank, int64_t *shape,
                       err_t *err)
{
    const safetensors_tensor_t *t = safetensors_find(file, name);
    if (!t) {
        return NULL;
    }
    if (t->rank != rank || t->count == 0 || t->count > (size_t)1 << 30) {
        err_set(err, ERR_FORMAT, "tensor %s has %d dimensions, not %d, or no entries", name,
                t->rank, rank);
        return NULL;
    }
    float *f = malloc(t->count * sizeof *f);
    double *v = malloc(t->count * sizeof *v);
    if (!f || !v) {
        err_set(err, ERR_MEMORY, "tensor %s: no memory", name);
        free(f);
        free(v);
        return NULL;
    }
    safetensors_to_float(t, f);
    for (size_t i = 0; i < t->count; i++) {
        v[i] = (double)f[i];
    }
    free(f);
    for (int i = 0; i < rank; i++) {
        shape[i] = t->shape[i];
    }
    return v;
}

static int take_tensor(const safetensors_t *file, const char *name, federated_tensor_t *out,
                       err_t *err)
{
    int64_t shape[2];
    double *v = numbers(file, name, 2, shape, err);
    if (v) {
        *out = (federated_tensor_t){(int)shape[0], (int)shape[1], false, v};
    }
    return v || err->code == ERR_NONE ? 0 : -1;
}

static int take_head(const safetensors_t *file, federated_party_file_t *party, err_t *err)
{
    int64_t w[2] = {0}, b[1] = {0};
    party->test.weight = numbers(file, "head.weight", 2, w, err);
    party->test.bias = numbers(file, "head.bias", 1, b, err);
    if (err->code != ERR_NONE) {
        return -1;
    }
    if (!party->test.weight && !party->test.bias) {
        return 0;
    }
    if (w[0] != b[0] || w[1] != party->x.rows || w[0] > FEDERATED_SCORE_CLASSES_MAX) {
        return err_set(err, ERR_FORMAT, "head.weight and head.bias do not fit %d features",
                       party->x.rows);
    }
    party->test.classes = (int)w[0];
    return 0;
}

static int take_labels(const safetensors_t *file, const char *name, federated_party_file_t *party,
                       err_t *err)
{
    int64_t n = 0;
    double *v = numbers(file, name, 1, &n, err);
    if (!v) {
        return err->code == ERR_NONE ? 0 : -1;
    }
    party->labels = n == party->test.x.samples ? calloc((size_t)n, sizeof *party->labels) : NULL;
    for (int64_t i = 0; i < n && party->labels; i++) {
        party->labels[i] = (int)v[i];
    }
    free(v);
    return party->labels ? 0
                         : err_set(err, ERR_FORMAT, "%s: %lld, for %d samples", name, (long long)n,
                                   party->test.x.samples);
}

static int take_all(const safetensors_t *file, federated_party_file_t *party, err_t *err)
{
    if (take_tensor(file, "X", &party->x, err) < 0 ||
        take_tensor(file, "X_test", &party->test.x, err) < 0) {
        return -1;
    }
    if (!party->x.v) {
        return err_set(err, ERR_FORMAT, "there is no tensor X");
    }
    bool apart = party->test.x.v != NULL;
    if (!apart) {
        party->test.x = party->x;
    }
    return take_head(file, party, err) < 0 ||
                   take_labels(file, apart ? "labels_test" : "labels", party, err) < 0
               ? -1
               : 0;
}

federated_party_file_t *federated_party_load(const char *path, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    federated_party_file_t *party = file ? calloc(1, sizeof *party) : NULL;
    if (file && !party) {
        err_set(err, ERR_MEMORY, "%s: no memory to read it", path);
    }
    if (party) {
        const char *slash = strrchr(path, '/');
        snprintf(party->name, sizeof party->name, "%s", slash ? slash + 1 : path);
        char *dot = strstr(party->name, ".safetensors");
        if (dot) {
            *dot = 0;
        }
        if (take_all(file, party, err) < 0) {
            err_prefix(err, "%s", path);
            federated_party_destroy(party);
            party = NULL;
        }
    }
    safetensors_close(file);
    return party;
}

void federated_party_destroy(federated_party_file_t *party)
{
    if (!party) {
        return;
    }
    if (party->test.x.v != party->x.v) {
        free((void *)party->test.x.v);
    }
    free((void *)party->x.v);
    free((void *)party->test.weight);
    free((void *)party->test.bias);
    free(party->labels);
    free(party);
}
