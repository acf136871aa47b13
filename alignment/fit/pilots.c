/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pilots: complex arrays are pairs of floats, in memory as in the file. */
#include "fit/pilots.h"

#include "safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const safetensors_tensor_t *find(const safetensors_t *file, const char *path,
                                        const char *name, err_t *err)
{
    const safetensors_tensor_t *tensor = safetensors_find(file, name);
    if (!tensor || tensor->rank != 5 || tensor->shape[4] != 2 || tensor->count == 0) {
        err_set(err, ERR_FORMAT,
                "%s: tensor %s is missing or not [pairs][channels][rows][columns][2]", path, name);
        return NULL;
    }
    for (int i = 0; i < 4; i++) {
        if (tensor->shape[i] > 1000000) {
            err_set(err, ERR_FORMAT, "%s: tensor %s is out of range", path, name);
            return NULL;
        }
    }
    return tensor;
}

static int read_hash(const safetensors_t *file, const char *path, const char *key, uint64_t *hash,
                     err_t *err)
{
    const char *text = safetensors_note(file, key);
    char *end = NULL;
    if (text) {
        *hash = strtoull(text, &end, 16);
        if (strlen(text) != 16 || *end != 0) {
            return err_set(err, ERR_FORMAT, "%s: %s is not 16 hexadecimal digits", path, key);
        }
    }
    return 0;
}

static int read_notes(pilots_t *pilots, const safetensors_t *file, const char *path, err_t *err)
{
    const char *rate = safetensors_note(file, "pilots.rate");
    char *end = NULL;
    if (read_hash(file, path, "pilots.base", &pilots->base, err) < 0 ||
        read_hash(file, path, "pilots.from", &pilots->from, err) < 0) {
        return -1;
    }
    if (rate) {
        long value = strtol(rate, &end, 10);
        if (*rate == 0 || *end != 0 || value < 1 || value > 255) {
            return err_set(err, ERR_FORMAT, "%s: pilots.rate is not 1 .. 255", path);
        }
        pilots->rate = (int)value;
    }
    return 0;
}

static int take(pilots_t *pilots, const safetensors_t *file, const char *path, err_t *err)
{
    const safetensors_tensor_t *x = find(file, path, "X", err);
    const safetensors_tensor_t *y = x ? find(file, path, "Y", err) : NULL;
    if (!y) {
        return -1;
    }
    if (memcmp(x->shape, y->shape, 5 * sizeof x->shape[0]) != 0) {
        return err_set(err, ERR_FORMAT, "%s: X and Y differ in shape", path);
    }
    float complex *values =
        malloc(x->count * sizeof *values); /* count floats for each of the two */
    if (!values) {
        return err_set(err, ERR_MEMORY, "%s: no memory to read it", path);
    }
    safetensors_to_float(x, (float *)values);
    safetensors_to_float(y, (float *)(values + x->count / 2));
    pilots->pairs = (fit_pilots_t){(int)x->shape[0], (int)x->shape[1], (int)x->shape[2],
                                   (int)x->shape[3], values,           values + x->count / 2};
    return read_notes(pilots, file, path, err);
}

pilots_t *pilots_load(const char *path, err_t *err)
{
    safetensors_t *file = safetensors_open(path, err);
    if (!file) {
        return NULL;
    }
    pilots_t *pilots = calloc(1, sizeof *pilots);
    int code = pilots ? take(pilots, file, path, err)
                      : err_set(err, ERR_MEMORY, "%s: no memory to read it", path);
    safetensors_close(file);
    if (code < 0) {
        pilots_destroy(pilots);
        return NULL;
    }
    return pilots;
}

void pilots_destroy(pilots_t *pilots)
{
    if (pilots) {
        free((void *)pilots->pairs.x);
        free(pilots);
    }
}

int pilots_save(const char *path, const fit_pilots_t *p, uint64_t base, uint64_t from, int rate,
                err_t *err)
{
    char base_text[20], from_text[20], rate_text[16];
    const char *keys[3], *values[3];
    int notes = 0;
    size_t count =
        2 * (size_t)p->pairs * (size_t)p->channels * (size_t)p->rows * (size_t)p->columns;
    safetensors_tensor_t tensors[2] = {{.name = "X",
                                        .dtype = SAFETENSORS_F32,
                                        .rank = 5,
                                        .count = count,
                                        .data = p->x,
                                        .shape = {p->pairs, p->channels, p->rows, p->columns, 2}}};
    tensors[1] = tensors[0];
    tensors[1].name = "Y";
    tensors[1].data = p->y;
    if (base) {
        snprintf(base_text, sizeof base_text, "%016llx", (unsigned long long)base);
        keys[notes] = "pilots.base";
        values[notes++] = base_text;
    }
    if (from) {
        snprintf(from_text, sizeof from_text, "%016llx", (unsigned long long)from);
        keys[notes] = "pilots.from";
        values[notes++] = from_text;
    }
    if (rate) {
        snprintf(rate_text, sizeof rate_text, "%d", rate);
        keys[notes] = "pilots.rate";
        values[notes++] = rate_text;
    }
    return safetensors_write(path, tensors, 2, keys, values, notes, err);
}
