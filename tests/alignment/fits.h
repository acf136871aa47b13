/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fits: pilots made with a known map. */
#ifndef TESTS_ALIGNMENT_FITS_H
#define TESTS_ALIGNMENT_FITS_H

#include "check.h"
#include "cmplx.h"
#include "fit/fit.h"
#include "rng.h"

#include <stdlib.h>

/* A true map of 2C real channels, kernel k: weight [2C][2C][k][k]. */
typedef struct {
    int channels, kernel;
    float *weight, *bias;
} fits_map_t;

static inline fits_map_t fits_map(rng_t *rng, int channels, int kernel)
{
    size_t t = 2 * (size_t)channels, all = t * t * (size_t)(kernel * kernel);
    fits_map_t map = {channels, kernel, malloc(all * sizeof(float)), malloc(t * sizeof(float))};
    rng_normal(rng, map.weight, all);
    rng_normal(rng, map.bias, t);
    for (size_t i = 0; i < all; i++) {
        map.weight[i] /= sqrtf((float)(t * (size_t)(kernel * kernel)));
    }
    return map;
}

/* Blocks of a complex product, no bias. */
static inline void fits_make_complex(fits_map_t *map)
{
    int t = 2 * map->channels;
    for (int m = 0; m < t; m += 2) {
        map->bias[m] = map->bias[m + 1] = 0.0f;
        for (int n = 0; n < t; n += 2) {
            map->weight[(m + 1) * t + n + 1] = map->weight[m * t + n];
            map->weight[m * t + n + 1] = -map->weight[(m + 1) * t + n];
        }
    }
}

static inline float fits_real(const float complex *x, size_t all, int channel, int place)
{
    float complex v = x[(size_t)(channel / 2) * all + (size_t)place];
    return channel % 2 ? cimagf(v) : crealf(v);
}

/* y of one picture, by the definition. */
static inline void fits_apply(const fits_map_t *map, const float complex *x, float complex *y,
                              int rows, int columns)
{
    int t = 2 * map->channels, k = map->kernel;
    size_t all = (size_t)(rows * columns);
    float out[64];
    for (int place = 0; place < rows * columns; place++) {
        for (int m = 0; m < t; m++) {
            double sum = (double)map->bias[m];
            for (int n = 0; n < t; n++) {
                for (int i = 0; i < k; i++) {
                    for (int j = 0; j < k; j++) {
                        int r = place / columns + i - k / 2, c = place % columns + j - k / 2;
                        if (r >= 0 && r < rows && c >= 0 && c < columns) {
                            sum += (double)map->weight[((m * t + n) * k + i) * k + j] *
                                   (double)fits_real(x, all, n, r * columns + c);
                        }
                    }
                }
            }
            out[m] = (float)sum;
        }
        for (int c = 0; c < map->channels; c++) {
            y[(size_t)c * all + (size_t)place] = CMPLXF(out[2 * c], out[2 * c + 1]);
        }
    }
}

/* Pilots whose y is the map of x, plus noise of a variance on x after that.  Free x and y. */
static inline fit_pilots_t fits_pilots(rng_t *rng, const fits_map_t *map, int pairs, int side,
                                       float noise_var)
{
    size_t one = (size_t)(map->channels * side * side), all = one * (size_t)pairs;
    float complex *x = malloc(all * sizeof *x), *y = malloc(all * sizeof *y);
    float complex *noise = malloc(all * sizeof *noise);
    rng_complex_normal(rng, 1.0f, x, all);
    rng_complex_normal(rng, noise_var, noise, all);
    for (int i = 0; i < pairs; i++) {
        fits_apply(map, x + (size_t)i * one, y + (size_t)i * one, side, side);
    }
    for (size_t i = 0; i < all; i++) {
        x[i] += noise[i];
    }
    free(noise);
    return (fit_pilots_t){pairs, map->channels, side, side, x, y};
}

static inline void fits_free(fit_pilots_t *pilots)
{
    free((void *)pilots->x);
    free((void *)pilots->y);
}

static inline void fits_map_free(fits_map_t *map)
{
    free(map->weight);
    free(map->bias);
}

/* What was fitted, as a map, through its adapter. */
static inline fits_map_t fits_of(const fit_t *fit)
{
    err_t err = ERR_INIT;
    adapter_info_t info = ADAPTER_INFO_INIT;
    info.base = 7;
    adapter_t *adapter = fit_adapter(fit, &info, 0, &err);
    if (!adapter) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(adapter);
    const adapter_array_t *w = adapter_find(adapter, "equaliser.weight");
    const adapter_array_t *b = adapter_find(adapter, "equaliser.bias");
    fits_map_t map = {(int)w->shape[0] / 2, w->rank == 4 ? (int)w->shape[2] : 1,
                      malloc(adapter_elements(w) * sizeof(float)),
                      malloc(adapter_elements(b) * sizeof(float))};
    memcpy(map.weight, w->data, adapter_elements(w) * sizeof(float));
    memcpy(map.bias, b->data, adapter_elements(b) * sizeof(float));
    adapter_destroy(adapter);
    return map;
}

/* NMSE of a map on pilots, by the definition. */
static inline double fits_nmse(const fits_map_t *map, const fit_pilots_t *p)
{
    size_t one = (size_t)(p->channels * p->rows * p->columns);
    float complex *out = malloc(one * sizeof *out);
    double error = 0.0, energy = 0.0;
    for (int i = 0; i < p->pairs; i++) {
        fits_apply(map, p->x + (size_t)i * one, out, p->rows, p->columns);
        for (size_t k = 0; k < one; k++) {
            float complex y = p->y[(size_t)i * one + k], e = y - out[k];
            error += (double)(crealf(e) * crealf(e) + cimagf(e) * cimagf(e));
            energy += (double)(crealf(y) * crealf(y) + cimagf(y) * cimagf(y));
        }
    }
    free(out);
    return error / energy;
}

/* Fits; NULL printed. */
static inline fit_t *fits_run(const fit_pilots_t *pilots, fit_method_t method)
{
    err_t err = ERR_INIT;
    fit_options_t options = FIT_OPTIONS_INIT;
    options.method = method;
    fit_t *fit = fit_create(pilots, &options, &err);
    if (!fit) {
        fprintf(stderr, "%s\n", err.text);
    }
    CU_ASSERT_PTR_NOT_NULL_FATAL(fit);
    return fit;
}

static inline double fits_db(double ratio)
{
    return 10.0 * log10(ratio);
}

#endif
