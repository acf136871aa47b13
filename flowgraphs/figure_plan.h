/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * figure_plan: which columns of results.csv are the axes and the labels of a figure.  Only
 * figure_data.c uses this.
 */
#ifndef FLOWGRAPHS_FIGURE_PLAN_H
#define FLOWGRAPHS_FIGURE_PLAN_H

#include "figure_data.h"
#include "table.h"

enum { COLUMNS_MOST = 256 };

typedef struct {
    const table_t *table;
    size_t x; /* column of the abscissa */
    size_t labels[COLUMNS_MOST];
    size_t label_count;
    int psnr, psnr_ci, accuracy, accuracy_ci, lost, sent, ssim;
    int throughput; /* -1: the table has none */
} figure_plan_t;

/* Errors: no rows, a column that is missing, a choice that there is not; they name `path`. */
int figure_plan_make(figure_plan_t *plan, const table_t *table, const figure_choice_t *choice,
                     const char *path, err_t *err);

/* A field as a number; a ratio like 1/6 is one.  NaN for others. */
double figure_plan_number(const table_t *table, size_t row, size_t column);

#endif
