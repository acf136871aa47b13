/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "figure_plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Columns of results.csv that say what was asked for; the last of the measured ones. */
static const char *const settings[] = {"source",   "codec",        "rate",
                                       "channel",  "snr_db",       "delay_spread_ns",
                                       "receiver", "frame_images", NULL};
static const char last_measured[] = "on_air";

double figure_plan_number(const table_t *table, size_t row, size_t column)
{
    int numerator, denominator, length = 0;
    const char *text = table_text(table, row, column);
    if (sscanf(text, "%d/%d%n", &numerator, &denominator, &length) == 2 && text[length] == '\0' &&
        denominator != 0) {
        return (double)numerator / denominator;
    }
    return table_number(table, row, column);
}

static bool varies(const table_t *table, size_t column)
{
    for (size_t row = 1; row < table_rows(table); row++) {
        if (strcmp(table_text(table, row, column), table_text(table, 0, column)) != 0) {
            return true;
        }
    }
    return false;
}

static bool numeric(const table_t *table, size_t column)
{
    for (size_t row = 0; row < table_rows(table); row++) {
        if (!isfinite(figure_plan_number(table, row, column))) {
            return false;
        }
    }
    return true;
}

/* Settings: the named columns, and every column behind the measured ones. */
static bool is_setting(const table_t *table, size_t column)
{
    int last = table_find(table, last_measured);
    if (last >= 0 && column > (size_t)last) {
        return true;
    }
    for (int i = 0; settings[i] != NULL; i++) {
        if (strcmp(settings[i], table_name(table, column)) == 0) {
            return true;
        }
    }
    return false;
}

static int find(const table_t *table, const char *name, const char *path, err_t *err)
{
    int column = table_find(table, name);
    if (column < 0) {
        err_set(err, ERR_FORMAT, "%s has no column %s", path, name);
    }
    return column;
}

static int plan_columns(figure_plan_t *plan, const char *path, err_t *err)
{
    const table_t *t = plan->table;
    const char *const names[] = {"psnr_mse_db", "psnr_ci_db",  "accuracy", "accuracy_ci",
                                 "frames_lost", "frames_sent", "ssim"};
    int *const places[] = {&plan->psnr, &plan->psnr_ci, &plan->accuracy, &plan->accuracy_ci,
                           &plan->lost, &plan->sent,    &plan->ssim};
    plan->throughput = table_find(t, "images_per_s");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        *places[i] = find(t, names[i], path, err);
        if (*places[i] < 0) {
            return -1;
        }
    }
    return 0;
}

/* Whether a column says nothing beside the abscissa and the labels so far: zipped settings, or a
   delay spread that each channel had only one of. */
static bool is_implied(const figure_plan_t *plan, size_t column)
{
    const table_t *table = plan->table;
    for (size_t a = 0; a < table_rows(table); a++) {
        for (size_t b = 0; b < a; b++) {
            bool same = strcmp(table_text(table, a, plan->x), table_text(table, b, plan->x)) == 0;
            for (size_t i = 0; same && i < plan->label_count; i++) {
                same = strcmp(table_text(table, a, plan->labels[i]),
                              table_text(table, b, plan->labels[i])) == 0;
            }
            if (same && strcmp(table_text(table, a, column), table_text(table, b, column)) != 0) {
                return false;
            }
        }
    }
    return true;
}

static void plan_labels(figure_plan_t *plan)
{
    const table_t *table = plan->table;
    for (size_t c = 0; c < table_columns(table); c++) {
        if (c != plan->x && is_setting(table, c) && varies(table, c) && !is_implied(plan, c)) {
            plan->labels[plan->label_count++] = c;
        }
    }
}

/* The column that a choice means: its name, or a key whose last part is its name. */
static int plan_x(figure_plan_t *plan, const char *choice, const char *path, err_t *err)
{
    const table_t *table = plan->table;
    if (choice[0] != '\0' && strcmp(choice, "auto") != 0) {
        const char *dot = strrchr(choice, '.');
        int x = table_find(table, choice);
        x = x < 0 && dot != NULL ? table_find(table, dot + 1) : x;
        if (x < 0 || !numeric(table, (size_t)x)) {
            return err_set(err, ERR_ARGUMENT, "%s has no numbers in a column %s", path, choice);
        }
        plan->x = (size_t)x;
        return 0;
    }
    int x = find(table, "snr_db", path, err);
    if (x < 0) {
        return -1;
    }
    plan->x = (size_t)x;
    for (size_t c = 0; c < table_columns(table) && !varies(table, plan->x); c++) {
        if (is_setting(table, c) && varies(table, c) && numeric(table, c)) {
            plan->x = c;
        }
    }
    return 0;
}

int figure_plan_make(figure_plan_t *plan, const table_t *table, const figure_choice_t *choice,
                     const char *path, err_t *err)
{
    plan->table = table;
    if (table_rows(table) == 0 || table_columns(table) > COLUMNS_MOST) {
        return err_set(err, ERR_FORMAT, "%s has no rows yet", path);
    }
    if (plan_x(plan, choice->x, path, err) != 0 || plan_columns(plan, path, err) != 0) {
        return -1;
    }
    plan_labels(plan);
    return 0;
}
