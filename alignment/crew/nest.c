/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nest: levels out of any low-rank adapter.  The product B A of each pair is taken apart by its
 * singular values; the r largest are the best approximation of rank r (Eckart and Young, 1936), so
 * the first r of them are a lower level of any higher one.  Both matrices get the root of a value.
 *
 * Distilled levels are better: each of their ranks was trained.  These need no training.
 */
#include "crew/nest.h"

#include "adapter/adapter.h"
#include "allocation/allocation.h"
#include "log.h"
#include "program.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const option_t nest_options[] = {{.section = "nest",
                                         .name = "ranks",
                                         .type = OPTION_INT,
                                         .fallback = "1,2,3,4,5",
                                         .min = 1,
                                         .max = 256,
                                         .flags = OPTION_LIST,
                                         .help = "rank of each level, rising"},
                                        {0}};

typedef struct {
    float *a, *b; /* [r][in], [out][r] */
} pair_t;

/* The `rank` largest parts of B A. */
static int take_apart(const adapter_array_t *a, const adapter_array_t *b, int rank, pair_t *pair,
                      err_t *err)
{
    const int in = (int)a->shape[1], out = (int)b->shape[0], r = (int)a->shape[0];
    const int least = in < out ? in : out;
    float *product = calloc((size_t)in * (size_t)out, sizeof(float));
    float *u = calloc((size_t)out * (size_t)least, sizeof(float));
    float *v = calloc((size_t)least * (size_t)in, sizeof(float));
    float *s = calloc((size_t)least, sizeof(float)), *work = calloc((size_t)least, sizeof(float));
    int code = product != NULL && u != NULL && v != NULL && s != NULL && work != NULL &&
                       pair->a != NULL && pair->b != NULL
                   ? 0
                   : err_set(err, ERR_MEMORY, "no memory to take %s apart", a->name);
    if (code == 0) {
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, out, in, r, 1.0f, b->data, r,
                    a->data, in, 0.0f, product, in);
        if (LAPACKE_sgesvd(LAPACK_ROW_MAJOR, 'S', 'S', out, in, product, in, s, u, least, v, in,
                           work) != 0) {
            code = err_set(err, ERR_FORMAT, "%s can't be taken apart", a->name);
        }
    }
    for (int k = 0; k < rank && code == 0; k++) {
        const float root = k < least ? sqrtf(s[k]) : 0.0f;
        for (int i = 0; i < in; i++) {
            pair->a[k * in + i] = k < least ? root * v[k * in + i] : 0.0f;
        }
        for (int o = 0; o < out; o++) {
            pair->b[o * rank + k] = k < least ? root * u[o * least + k] : 0.0f;
        }
    }
    free(product);
    free(u);
    free(v);
    free(s);
    free(work);
    return code;
}

/* "LAYER.lora_A" -> its pair's other half; NULL: no such name. */
static const adapter_array_t *half_b(const adapter_t *adapter, const char *name)
{
    static const char end[] = ".lora_A";
    char other[ADAPTER_LAYER_MAX + 16];
    const size_t length = strlen(name);
    if (length < sizeof end || length >= sizeof other ||
        strcmp(name + length - (sizeof end - 1), end) != 0) {
        return NULL;
    }
    snprintf(other, sizeof other, "%.*sB", (int)length - 1, name);
    return adapter_find(adapter, other);
}

/* One rank for all layers: the least of `rank` and what the layer's sides allow is the
   caller's business, further parts are zero. */
static int nest_arrays(const adapter_t *adapter, int rank, adapter_array_t *arrays, pair_t *pairs,
                       err_t *err)
{
    int code = 0;
    for (int i = 0; i < adapter_count(adapter); i++) {
        arrays[i] = *adapter_array(adapter, i);
    }
    for (int i = 0; i < adapter_count(adapter) && code == 0; i++) {
        const adapter_array_t *b = half_b(adapter, arrays[i].name);
        if (b == NULL) {
            continue;
        }
        int k = 0;
        while (strcmp(arrays[k].name, b->name) != 0) {
            k++;
        }
        const adapter_array_t *a = adapter_array(adapter, i);
        pairs[i].a = calloc((size_t)rank * (size_t)a->shape[1], sizeof(float));
        pairs[i].b = calloc((size_t)rank * (size_t)b->shape[0], sizeof(float));
        code = take_apart(a, b, rank, &pairs[i], err);
        arrays[i].shape[0] = rank;
        arrays[i].data = pairs[i].a;
        arrays[k].shape[1] = rank;
        arrays[k].data = pairs[i].b;
    }
    return code;
}

static int set_ranks(const options_t *options, adapter_info_t *info, err_t *err)
{
    const size_t levels = options_count(options, "nest.ranks");
    if (levels < 1 || levels > ALLOCATION_MAX_LEVELS) {
        return err_set(err, ERR_ARGUMENT, "nest.ranks: 1 to %d levels", ALLOCATION_MAX_LEVELS);
    }
    for (size_t l = 0; l < levels; l++) {
        info->ranks[l] = (int)options_real_at(options, "nest.ranks", l);
        if (l > 0 && info->ranks[l] <= info->ranks[l - 1]) {
            return err_set(err, ERR_ARGUMENT, "nest.ranks: must rise");
        }
    }
    info->level = info->levels = (int)levels;
    /* alpha / rank is the factor on B A, and stays. */
    info->alpha = info->alpha / (float)info->rank * (float)info->ranks[levels - 1];
    info->rank = info->ranks[levels - 1];
    return 0;
}

static int nest(const options_t *options, err_t *err)
{
    const char *from = options_positional(options, 0), *to = options_positional(options, 1);
    if (from == NULL || to == NULL || options_positional(options, 2) != NULL) {
        return err_set(err, ERR_ARGUMENT, "nest ADAPTER OUT: two files");
    }
    adapter_t *adapter = adapter_load(from, err);
    if (adapter == NULL) {
        return -1;
    }
    const int count = adapter_count(adapter);
    adapter_info_t info = *adapter_info(adapter);
    adapter_array_t *arrays = calloc((size_t)count, sizeof *arrays);
    pair_t *pairs = calloc((size_t)count, sizeof *pairs);
    int code = arrays == NULL || pairs == NULL ? err_set(err, ERR_MEMORY, "no memory for %s", from)
               : info.kind != ADAPTER_LORA || info.rank < 1
                   ? err_set(err, ERR_ARGUMENT, "%s is no low-rank adapter", from)
                   : set_ranks(options, &info, err);
    if (code == 0) {
        code = nest_arrays(adapter, info.rank, arrays, pairs, err);
    }
    if (code == 0) {
        adapter_t *nested = adapter_build(&info, arrays, count, NULL, 0, err);
        code = nested != NULL ? adapter_save(nested, to, err) : -1;
        adapter_destroy(nested);
    }
    for (int i = 0; i < count && pairs != NULL; i++) {
        free(pairs[i].a);
        free(pairs[i].b);
    }
    free(pairs);
    free(arrays);
    adapter_destroy(adapter);
    return code;
}

int nest_main(int argc, char *const argv[])
{
    static const option_t *const tables[] = {nest_options, program_options, NULL};
    options_t *options;
    int code = program_begin("semradio-align nest", "ADAPTER OUT",
                             "makes nested levels of a low-rank adapter by its singular values",
                             tables, argc, argv, &options);
    if (options == NULL) {
        return code;
    }
    err_t err = ERR_INIT;
    code = PROGRAM_OK;
    if (nest(options, &err) != 0) {
        log_error("%s", err.text);
        code = err.code == ERR_ARGUMENT ? PROGRAM_USAGE : PROGRAM_FAILED;
    }
    options_destroy(options);
    return code;
}
