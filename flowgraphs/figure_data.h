/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * figure_data: the lines of a figure, drawn out of the rows of results.csv.
 */
#ifndef FLOWGRAPHS_FIGURE_DATA_H
#define FLOWGRAPHS_FIGURE_DATA_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

enum { FIGURE_PSNR, FIGURE_ACCURACY, FIGURE_LOSS, FIGURE_SSIM, FIGURE_THROUGHPUT, FIGURE_VALUES };

/* What is drawn; "" or "auto": as figure.h says. */
typedef struct {
    char x[64];  /* a column of results.csv */
    char y[128]; /* psnr, accuracy, loss, ssim, throughput, with commas between */
} figure_choice_t;

/* NaN where there is no value; low and high are the value itself where there is no interval. */
typedef struct {
    double x;
    double value[FIGURE_VALUES], low[FIGURE_VALUES], high[FIGURE_VALUES]; /* 95 % intervals */
    double half_width[FIGURE_VALUES];
    double rows;       /* how many were averaged: one for each seed */
    double lost, sent; /* frames */
} figure_point_t;

typedef struct {
    char *label;            /* "rate 1/6, channel awgn": what tells it from the others */
    figure_point_t *points; /* [count], x rising */
    size_t count;
} figure_series_t;

typedef struct {
    const char *x_label;
    figure_series_t *series;
    size_t series_count;
    bool has[FIGURE_VALUES]; /* worth a panel */
    bool log_x;              /* the abscissa spans more than a decade */
    double loss_most;        /* the highest end of a loss interval */
    char x_name[64];
} figure_data_t;

/* Errors: not a results.csv (it lacks a column), no rows, a choice that there is not. */
figure_data_t *figure_data_load(const char *path, const figure_choice_t *choice, err_t *err);
void figure_data_free(figure_data_t *data); /* NULL is fine */

#endif
