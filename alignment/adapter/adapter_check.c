/* SPDX-License-Identifier: GPL-3.0-or-later */
/* adapter_check: which arrays an adapter may have, of which shape, and that every value is finite.
 */
#include "adapter/adapter_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EQUALISER_SIDE_MAX = 512, EQUALISER_KERNEL_MAX = 15 };

/* One adapter, while it is being checked. */
typedef struct {
    const adapter_t *adapter;
    const char *file;
    err_t *err;
} check_t;

static int refuse(const check_t *c, const char *array, const char *why)
{
    return err_set(c->err, ERR_FORMAT, "%s: array %.80s: %s", c->file, array, why);
}

char adapter_pair_half(const char *name, char layer[ADAPTER_LAYER_MAX + 1])
{
    static const char suffix[] = ".lora_";
    size_t length = strlen(name), tail = sizeof suffix; /* with the letter */
    if (length <= tail || length - tail > ADAPTER_LAYER_MAX ||
        memcmp(name + length - tail, suffix, tail - 1) != 0) {
        return 0;
    }
    char half = name[length - 1];
    if (half != 'A' && half != 'B') {
        return 0;
    }
    memcpy(layer, name, length - tail);
    layer[length - tail] = 0;
    return half;
}

const adapter_array_t *adapter_pair_find(const adapter_t *adapter, const char *layer, char half)
{
    char name[ADAPTER_LAYER_MAX + 16];
    snprintf(name, sizeof name, "%s.lora_%c", layer, half);
    return adapter_find(adapter, name);
}

static int check_pair(const check_t *c, const adapter_array_t *array, const char *layer, char half)
{
    const adapter_t *adapter = c->adapter;
    if (adapter->info.kind != ADAPTER_LORA) {
        return refuse(c, array->name, "low-rank pairs belong to kind lora");
    }
    const adapter_array_t *other = adapter_pair_find(adapter, layer, half == 'A' ? 'B' : 'A');
    if (!other) {
        return refuse(c, array->name, "the other half of the pair is missing");
    }
    if (array->rank != 2) {
        return refuse(c, array->name, "not a matrix");
    }
    if (half == 'B') {
        return 0; /* checked with its A */
    }
    if (other->rank != 2 || other->shape[1] != array->shape[0]) {
        return refuse(c, array->name, "A has another number of rows than B has columns");
    }
    if (array->shape[0] > adapter->info.rank) {
        return refuse(c, array->name, "its rank is above adapter.rank");
    }
    int ranks[ADAPTER_LEVELS_MAX];
    if (adapter->info.level == 0) {
        return 0;
    }
    if (adapter_layer_ranks(adapter, layer, ranks, c->err) < 0) {
        return -1;
    }
    return array->shape[0] == ranks[adapter->info.level - 1]
               ? 0
               : refuse(c, array->name, "its rank is not that of its level");
}

static int check_finite(const check_t *c, const adapter_array_t *array)
{
    size_t count = adapter_elements(array);
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(array->data[i])) {
            return err_set(c->err, ERR_FORMAT, "%s: array %.80s: element %zu is not finite",
                           c->file, array->name, i);
        }
    }
    return 0;
}

static int check_orthogonal(const check_t *c, const adapter_array_t *w)
{
    int64_t n = w->shape[0];
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = i; j < n; j++) {
            double sum = i == j ? -1.0 : 0.0;
            for (int64_t k = 0; k < n; k++) {
                sum += (double)w->data[i * n + k] * (double)w->data[j * n + k];
            }
            if (fabs(sum) > 1e-3) {
                return refuse(c, w->name, "kind procrustes, but not orthogonal");
            }
        }
    }
    return 0;
}

static int check_equaliser(const check_t *c)
{
    const adapter_array_t *w = adapter_find(c->adapter, "equaliser.weight");
    const adapter_array_t *bias = adapter_find(c->adapter, "equaliser.bias");
    adapter_kind_t kind = c->adapter->info.kind;
    if (!w) {
        return refuse(c, "equaliser.weight", "missing");
    }
    int64_t side = w->shape[0];
    if (w->rank != (kind == ADAPTER_CONV ? 4 : 2) || w->shape[1] != side || side % 2 != 0 ||
        side > EQUALISER_SIDE_MAX) {
        return refuse(c, w->name, "not [2C][2C] (conv: [2C][2C][k][k]) with 2C up to 512");
    }
    if (kind == ADAPTER_CONV && (w->shape[2] != w->shape[3] || w->shape[2] % 2 == 0 ||
                                 w->shape[2] > EQUALISER_KERNEL_MAX)) {
        return refuse(c, w->name, "its kernel is not square, odd, up to 15");
    }
    if (bias && (bias->rank != 1 || bias->shape[0] != side)) {
        return refuse(c, bias->name, "not [2C]");
    }
    return kind == ADAPTER_PROCRUSTES ? check_orthogonal(c, w) : 0;
}

static int check_kind(const check_t *c)
{
    switch (c->adapter->info.kind) {
    case ADAPTER_LORA:
        return 0; /* level 1 of a set may have no pair at all */
    case ADAPTER_PROJECTION:
        return adapter_find(c->adapter, "projection.weight")
                   ? 0
                   : refuse(c, "projection.weight", "missing");
    default:
        return check_equaliser(c);
    }
}

static bool name_valid(const char *name)
{
    for (; *name; name++) {
        if (*name <= 0x20 || *name >= 0x7f || *name == '"' || *name == '\\') {
            return false;
        }
    }
    return true;
}

static int check_array(const check_t *c, const adapter_array_t *array)
{
    char layer[ADAPTER_LAYER_MAX + 1];
    adapter_kind_t kind = c->adapter->info.kind;
    if (!name_valid(array->name)) {
        return err_set(c->err, ERR_FORMAT, "%s: an array's name is not plain ASCII", c->file);
    }
    if (array->rank < 1 || adapter_elements(array) == 0) {
        return refuse(c, array->name, "empty or a scalar");
    }
    char half = adapter_pair_half(array->name, layer);
    bool projection = strncmp(array->name, "projection.", 11) == 0;
    bool reserved = strncmp(array->name, "equaliser.", 10) == 0;
    bool equaliser =
        strcmp(array->name, "equaliser.weight") == 0 || strcmp(array->name, "equaliser.bias") == 0;
    if (half) {
        return check_pair(c, array, layer, half);
    }
    if ((kind == ADAPTER_LORA && !reserved) || (kind == ADAPTER_PROJECTION && projection) ||
        (kind >= ADAPTER_LINEAR && equaliser)) {
        return 0;
    }
    return refuse(c, array->name, "an adapter of this kind has no such array");
}

/* Every layer with ranks of its own must agree with them, also where it has no pair. */
static int check_levels(const check_t *c)
{
    static const char prefix[] = "adapter.ranks.";
    const adapter_t *adapter = c->adapter;
    for (int i = 0; i < adapter->note_count; i++) {
        const char *key = adapter->notes[i].key;
        if (strncmp(key, prefix, sizeof prefix - 1) != 0) {
            continue;
        }
        int ranks[ADAPTER_LEVELS_MAX];
        const char *layer = key + sizeof prefix - 1;
        if (adapter->info.level == 0 || *layer == 0 || strlen(layer) > ADAPTER_LAYER_MAX) {
            return err_set(c->err, ERR_FORMAT, "%s: %.80s without levels, or of no layer", c->file,
                           key);
        }
        if (adapter_layer_ranks(adapter, layer, ranks, c->err) < 0) {
            return -1;
        }
        if (ranks[adapter->info.level - 1] > 0 && !adapter_pair_find(adapter, layer, 'A')) {
            return refuse(c, layer, "adapter.ranks has this layer, the arrays have not");
        }
    }
    return 0;
}

int adapter_check_arrays(const adapter_t *adapter, const char *name, err_t *err)
{
    check_t c = {adapter, name, err};
    for (int i = 0; i < adapter->count; i++) {
        if (check_array(&c, &adapter->arrays[i]) < 0 || check_finite(&c, &adapter->arrays[i]) < 0) {
            return -1;
        }
    }
    return check_levels(&c) < 0 || check_kind(&c) < 0 ? -1 : 0;
}
