/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "federated/federated_adapter.h"

#include <stdio.h>
#include <stdlib.h>

/* One side of a map: where its row or column goes among real channels 2c (re) and 2c + 1 (im). */
typedef struct {
    int count;    /* complex entries, or real ones when `real` */
    bool real;    /* widely linear */
    int antennas; /* 0: latents; else symbols */
} side_t;

/* Complex channels that a side needs. */
static int channels_of(const side_t *side)
{
    return side->real ? (side->count + 1) / 2 : side->count;
}

/* The real channel of entry i, part p (p is 0 when real). */
static int place_of(const side_t *side, int i, int p)
{
    if (!side->real) {
        return 2 * i + p;
    }
    if (side->antennas == 0) {
        int half = (side->count + 1) / 2;
        return 2 * (i % half) + i / half;
    }
    int use = i / (2 * side->antennas), within = i % (2 * side->antennas);
    return 2 * (use * side->antennas + within % side->antennas) + within / side->antennas;
}

typedef struct {
    float *weight, *bias;
    int width; /* 2C */
} sheet_t;

static void lay_weight(sheet_t *sheet, const matrix_t *w, const side_t *out, const side_t *in)
{
    for (int i = 0; i < w->rows; i++) {
        for (int j = 0; j < w->cols; j++) {
            const double *v = matrix_at(w, i, j);
            float re = (float)v[0];
            int row = place_of(out, i, 0), col = place_of(in, j, 0);
            sheet->weight[row * sheet->width + col] = re;
            if (!w->real) {
                float im = (float)v[1];
                int below = place_of(out, i, 1), right = place_of(in, j, 1);
                sheet->weight[below * sheet->width + right] = re;
                sheet->weight[below * sheet->width + col] = im;
                sheet->weight[row * sheet->width + right] = -im;
            }
        }
    }
}

static void lay_bias(sheet_t *sheet, const matrix_t *b, const side_t *out)
{
    for (int i = 0; i < b->rows; i++) {
        for (int p = 0; p < (b->real ? 1 : 2); p++) {
            sheet->bias[place_of(out, i, p)] = (float)matrix_at(b, i, 0)[p];
        }
    }
}

static adapter_t *make(const matrix_t *w, const matrix_t *b, const side_t *out, const side_t *in,
                       const federated_adapter_info_t *info, err_t *err)
{
    int rows = channels_of(out), cols = channels_of(in), width = 2 * (rows > cols ? rows : cols);
    sheet_t sheet = {.weight = calloc((size_t)width * (size_t)width, sizeof *sheet.weight),
                     .bias = calloc((size_t)width, sizeof *sheet.bias),
                     .width = width};
    adapter_info_t about = ADAPTER_INFO_INIT;
    adapter_t *adapter = NULL;
    about.base = info->base;
    about.kind = ADAPTER_LINEAR;
    snprintf(about.name, sizeof about.name, "%s", info->name ? info->name : "");
    if (!sheet.weight || !sheet.bias) {
        err_set(err, ERR_MEMORY, "no memory for a map of %d channels", width / 2);
    } else {
        const adapter_array_t arrays[] = {{"equaliser.weight", 2, {width, width}, sheet.weight},
                                          {"equaliser.bias", 1, {width}, sheet.bias}};
        lay_weight(&sheet, w, out, in);
        lay_bias(&sheet, b, out);
        adapter = adapter_build(&about, arrays, 2, NULL, 0, err);
    }
    free(sheet.weight);
    free(sheet.bias);
    return adapter;
}

adapter_t *federated_adapter_z(const matrix_t *z, const federated_result_t *x,
                               const federated_adapter_info_t *info, err_t *err)
{
    const side_t out = {z->rows, z->real, info->antennas}, in = {z->cols, z->real, 0};
    matrix_t inverse = {0}, w = {0}, b = {0};
    adapter_t *adapter = NULL;
    if (matrix_create(&inverse, z->cols, z->cols, z->real, err) == 0 &&
        matrix_create(&w, z->rows, z->cols, z->real, err) == 0 &&
        matrix_create(&b, z->rows, 1, z->real, err) == 0) {
        matrix_add_diagonal(&inverse, 1.0);
        matrix_solve_left(&x->x_lower, &inverse);
        matrix_multiply(1.0, z, MATRIX_AS_IS, &inverse, MATRIX_AS_IS, 0.0, &w);
        matrix_multiply(-1.0, &w, MATRIX_AS_IS, &x->x_mean, MATRIX_AS_IS, 0.0, &b);
        adapter = make(&w, &b, &out, &in, info, err);
    }
    matrix_destroy(&inverse);
    matrix_destroy(&w);
    matrix_destroy(&b);
    return adapter;
}

adapter_t *federated_adapter_g(const federated_user_result_t *user, double scale,
                               const federated_adapter_info_t *info, err_t *err)
{
    const matrix_t *g = &user->g_dep;
    const side_t out = {g->rows, g->real, 0}, in = {g->cols, g->real, info->antennas};
    matrix_t w = {0};
    adapter_t *adapter = NULL;
    if (matrix_create(&w, g->rows, g->cols, g->real, err) == 0) {
        matrix_multiply(scale, &user->lower, MATRIX_AS_IS, g, MATRIX_AS_IS, 0.0, &w);
        adapter = make(&w, &user->mean, &out, &in, info, err);
    }
    matrix_destroy(&w);
    return adapter;
}
