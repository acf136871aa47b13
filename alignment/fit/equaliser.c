/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * equaliser: neighbourhoods as rows of a matrix, then one matrix product for the symbols and one
 * for the variances (sgemm).
 */
#include "fit/equaliser.h"

#include "cmplx.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 64 }; /* places a product */

struct equaliser {
    int channels, kernel, places;
    float *weight; /* [2C][2C k k] */
    float *power;  /* [C][C k k]: what a channel's variance gives to another's */
    float *bias;   /* [2C] */
    float *clean;  /* [3][C][places]: real parts, imaginary parts, variances, lost ones replaced */
    float *rows;   /* [BLOCK][2C k k] */
    float *out;    /* [BLOCK][2C] */
};

static void set_power(equaliser_t *e)
{
    size_t part = (size_t)(e->kernel * e->kernel), c = (size_t)e->channels;
    for (size_t m = 0; m < c; m++) {
        for (size_t n = 0; n < c; n++) {
            for (size_t k = 0; k < part; k++) {
                float sum = 0.0f;
                for (size_t half = 0; half < 4; half++) {
                    float w = e->weight[((2 * m + half / 2) * 2 * c + 2 * n + half % 2) * part + k];
                    sum += 0.5f * w * w;
                }
                e->power[(m * c + n) * part + k] = sum;
            }
        }
    }
}

static int allocate(equaliser_t *e, err_t *err)
{
    size_t part = (size_t)(e->kernel * e->kernel), c = (size_t)e->channels;
    size_t places = (size_t)e->places, width = 2 * c * part;
    float *room = malloc(
        (2 * c * width + c * c * part + 2 * c + 3 * c * places + BLOCK * width + BLOCK * 2 * c) *
        sizeof *room);
    if (!room) {
        return err_set(err, ERR_MEMORY, "no memory for an equaliser of %zu channels", c);
    }
    e->weight = room;
    e->power = e->weight + 2 * c * width;
    e->bias = e->power + c * c * part;
    e->clean = e->bias + 2 * c;
    e->rows = e->clean + 3 * c * places;
    e->out = e->rows + BLOCK * width;
    return 0;
}

equaliser_t *equaliser_create(const adapter_t *adapter, int places, err_t *err)
{
    const adapter_info_t *info = adapter_info(adapter);
    const adapter_array_t *weight = adapter_find(adapter, "equaliser.weight");
    const adapter_array_t *bias = adapter_find(adapter, "equaliser.bias");
    if (!weight || places < 1 || places > 1 << 24) {
        err_set(err, ERR_ARGUMENT, "an adapter of kind %s for %d places is no equaliser",
                adapter_kind_name(info->kind), places);
        return NULL;
    }
    equaliser_t *e = calloc(1, sizeof *e);
    if (!e) {
        err_set(err, ERR_MEMORY, "no memory for an equaliser");
        return NULL;
    }
    e->channels = (int)weight->shape[0] / 2;
    e->kernel = weight->rank == 4 ? (int)weight->shape[2] : 1;
    e->places = places;
    if (allocate(e, err) < 0) {
        free(e);
        return NULL;
    }
    memcpy(e->weight, weight->data, adapter_elements(weight) * sizeof *e->weight);
    for (int i = 0; i < 2 * e->channels; i++) {
        e->bias[i] = bias ? bias->data[i] : 0.0f;
    }
    set_power(e);
    return e;
}

void equaliser_destroy(equaliser_t *equaliser)
{
    if (equaliser) {
        free(equaliser->weight);
        free(equaliser);
    }
}

int equaliser_channels(const equaliser_t *equaliser)
{
    return equaliser->channels;
}

static void clean(equaliser_t *e, size_t count, const float complex *symbols,
                  const float *noise_var)
{
    float *re = e->clean, *im = re + count, *var = im + count;
    for (size_t i = 0; i < count; i++) {
        float a = crealf(symbols[i]), b = cimagf(symbols[i]), v = noise_var[i];
        bool good = isfinite(a) && isfinite(b) && v > 0.0f && v <= 1.0f;
        re[i] = good ? a : 0.0f;
        im[i] = good ? b : 0.0f;
        var[i] = good ? v : 1.0f;
    }
}

/* One place's neighbourhood of `channels` planes into out[channel * stride + tap]. */
static void gather(const equaliser_t *e, const float *plane, int rows, int columns, int place,
                   float *out, size_t stride)
{
    int k = e->kernel, row = place / columns - k / 2, column = place % columns - k / 2;
    for (int i = 0; i < k; i++) {
        for (int j = 0; j < k; j++) {
            int r = row + i, q = column + j;
            bool inside = r >= 0 && r < rows && q >= 0 && q < columns;
            const float *from = plane + (inside ? r * columns + q : 0);
            float *to = out + i * k + j;
            for (int n = 0; n < e->channels; n++) {
                to[(size_t)n * stride] =
                    inside ? from[(size_t)n * (size_t)rows * (size_t)columns] : 0.0f;
            }
        }
    }
}

static void map_symbols(equaliser_t *e, int rows, int columns, int first, int count,
                        float complex *out)
{
    size_t all = (size_t)rows * (size_t)columns, c = (size_t)e->channels;
    size_t part = (size_t)(e->kernel * e->kernel), width = 2 * c * part;
    for (int p = 0; p < count; p++) {
        float *row = e->rows + (size_t)p * width;
        gather(e, e->clean, rows, columns, first + p, row, 2 * part);
        gather(e, e->clean + c * all, rows, columns, first + p, row + part, 2 * part);
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, count, (int)(2 * c), (int)width, 1.0f,
                e->rows, (int)width, e->weight, (int)width, 0.0f, e->out, (int)(2 * c));
    for (int p = 0; p < count; p++) {
        const float *from = e->out + (size_t)p * 2 * c;
        for (size_t n = 0; n < c; n++) {
            out[n * all + (size_t)(first + p)] =
                CMPLXF(from[2 * n] + e->bias[2 * n], from[2 * n + 1] + e->bias[2 * n + 1]);
        }
    }
}

static void map_variances(equaliser_t *e, int rows, int columns, int first, int count, float *out)
{
    size_t all = (size_t)rows * (size_t)columns, c = (size_t)e->channels;
    size_t part = (size_t)(e->kernel * e->kernel), width = c * part;
    for (int p = 0; p < count; p++) {
        gather(e, e->clean + 2 * c * all, rows, columns, first + p, e->rows + (size_t)p * width,
               part);
    }
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, count, (int)c, (int)width, 1.0f, e->rows,
                (int)width, e->power, (int)width, 0.0f, e->out, (int)c);
    for (int p = 0; p < count; p++) {
        for (size_t n = 0; n < c; n++) {
            float v = e->out[(size_t)p * c + n];
            out[n * all + (size_t)(first + p)] = v > 1.0f ? 1.0f : v < 1e-9f ? 1e-9f : v;
        }
    }
}

int equaliser_process(equaliser_t *e, int rows, int columns, const float complex *symbols,
                      const float *noise_var, float complex *out, float *out_var)
{
    if (rows < 1 || columns < 1 || rows > e->places / columns) {
        return -1;
    }
    int places = rows * columns;
    clean(e, (size_t)e->channels * (size_t)places, symbols, noise_var);
    for (int first = 0; first < places; first += BLOCK) {
        int count = places - first < BLOCK ? places - first : BLOCK;
        map_symbols(e, rows, columns, first, count, out);
        map_variances(e, rows, columns, first, count, out_var);
    }
    return 0;
}
