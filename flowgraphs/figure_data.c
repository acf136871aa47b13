/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "figure_data.h"

#include "gather.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_SIZE = 512, COLUMNS_MOST = 256 };

/* Columns of results.csv that say what was asked for; the last of the measured ones. */
static const char *const settings[] = {"source",   "codec",        "rate",
                                       "channel",  "snr_db",       "delay_spread_ns",
                                       "receiver", "frame_images", NULL};
static const char last_measured[] = "on_air";

typedef struct {
    const table_t *table;
    size_t x; /* column of the abscissa */
    size_t labels[COLUMNS_MOST];
    size_t label_count;
    int psnr, psnr_ci, accuracy, accuracy_ci, lost, sent, ssim;
    int throughput; /* -1: the table has none */
} plan_t;

/* A number, or a ratio like 1/6. */
static double number(const table_t *table, size_t row, size_t column)
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
        if (!isfinite(number(table, row, column))) {
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

static int plan_columns(plan_t *plan, const char *path, err_t *err)
{
    const table_t *t = plan->table;
    const char *const names[] = {"psnr_mse_db", "psnr_ci_db",  "accuracy",
                                 "accuracy_ci", "frames_lost", "frames_sent", "ssim"};
    int *const places[] = {&plan->psnr,        &plan->psnr_ci, &plan->accuracy,
                           &plan->accuracy_ci, &plan->lost,    &plan->sent,    &plan->ssim};
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
static bool is_implied(const plan_t *plan, size_t column)
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

static void plan_labels(plan_t *plan)
{
    const table_t *table = plan->table;
    for (size_t c = 0; c < table_columns(table); c++) {
        if (c != plan->x && is_setting(table, c) && varies(table, c) &&
            !is_implied(plan, c)) {
            plan->labels[plan->label_count++] = c;
        }
    }
}

/* The column that a choice means: its name, or a key whose last part is its name. */
static int plan_x(plan_t *plan, const char *choice, const char *path, err_t *err)
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

static int plan_make(plan_t *plan, const table_t *table, const figure_choice_t *choice,
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

static void make_label(const plan_t *plan, size_t row, char label[LABEL_SIZE])
{
    size_t used = 0;
    label[0] = '\0';
    for (size_t i = 0; i < plan->label_count && used < LABEL_SIZE; i++) {
        size_t c = plan->labels[i];
        int length = snprintf(label + used, LABEL_SIZE - used, "%s%s %s", used > 0 ? ", " : "",
                              table_name(plan->table, c), table_text(plan->table, row, c));
        used += length > 0 ? (size_t)length : 0;
    }
}

static figure_series_t *find_series(figure_data_t *data, const char *label, size_t rows)
{
    for (size_t i = 0; i < data->series_count; i++) {
        if (strcmp(data->series[i].label, label) == 0) {
            return &data->series[i];
        }
    }
    figure_series_t *series = &data->series[data->series_count];
    series->label = strdup(label);
    series->points = calloc(rows, sizeof *series->points);
    if (series->label == NULL || series->points == NULL) {
        free(series->label);
        free(series->points);
        return NULL;
    }
    data->series_count++;
    return series;
}

static figure_point_t row_point(const plan_t *plan, size_t row)
{
    const table_t *t = plan->table;
    double throughput =
        plan->throughput >= 0 ? table_number(t, row, (size_t)plan->throughput) : (double)NAN;
    return (figure_point_t){.x = number(t, row, plan->x),
                            .value = {[FIGURE_PSNR] = table_number(t, row, (size_t)plan->psnr),
                                      [FIGURE_ACCURACY] =
                                          table_number(t, row, (size_t)plan->accuracy),
                                      [FIGURE_SSIM] = table_number(t, row, (size_t)plan->ssim),
                                      [FIGURE_THROUGHPUT] = throughput},
                            .half_width = {table_number(t, row, (size_t)plan->psnr_ci),
                                           table_number(t, row, (size_t)plan->accuracy_ci)},
                            .lost = table_number(t, row, (size_t)plan->lost),
                            .sent = table_number(t, row, (size_t)plan->sent),
                            .rows = 1.0};
}

/* Averages into the point of the same abscissa: independent rows, so variances add. */
static void series_add(figure_series_t *series, const figure_point_t *new)
{
    size_t i = 0;
    while (i < series->count && series->points[i].x < new->x) {
        i++;
    }
    figure_point_t *point = &series->points[i];
    if (i == series->count || point->x != new->x) {
        memmove(point + 1, point, (series->count - i) * sizeof *point);
        *point = *new;
        series->count++;
        return;
    }
    double n = point->rows;
    for (int v = 0; v < FIGURE_VALUES; v++) {
        point->value[v] = (point->value[v] * n + new->value[v]) / (n + 1);
        point->half_width[v] = hypot(point->half_width[v] * n, new->half_width[v]) / (n + 1);
    }
    point->lost += new->lost;
    point->sent += new->sent;
    point->rows = n + 1;
}

static int read_rows(figure_data_t *data, const plan_t *plan, err_t *err)
{
    size_t rows = table_rows(plan->table);
    data->series = calloc(rows, sizeof *data->series);
    for (size_t row = 0; data->series != NULL && row < rows; row++) {
        char label[LABEL_SIZE];
        make_label(plan, row, label);
        figure_series_t *series = find_series(data, label, rows);
        if (series == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for the figure");
        }
        figure_point_t point = row_point(plan, row);
        point.x = isfinite(point.x) ? point.x : 0.0; /* a single point without an abscissa */
        series_add(series, &point);
    }
    return data->series != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for the figure");
}

/* The ends of a point's intervals.  Wilson's interval of a share is not centred on the share. */
static void set_intervals(figure_point_t *point)
{
    for (int v = 0; v < FIGURE_VALUES; v++) {
        double half = isfinite(point->half_width[v]) ? point->half_width[v] : 0.0;
        point->low[v] = point->value[v] - half;
        point->high[v] = point->value[v] + half;
    }
    double share = point->sent > 0.0 ? point->lost / point->sent : (double)NAN;
    double middle, half;
    gather_wilson_interval(point->lost, point->sent, &middle, &half);
    point->value[FIGURE_LOSS] = share;
    point->low[FIGURE_LOSS] = fmax(middle - half, 0.0);
    point->high[FIGURE_LOSS] = fmin(middle + half, 1.0);
}

/* The panels that were asked for; all of them -1 for "auto". */
static int panels_wanted(const char *text, int wanted[FIGURE_VALUES], err_t *err)
{
    static const char *const names[FIGURE_VALUES] = {"psnr", "accuracy", "loss", "ssim",
                                                     "throughput"};
    char copy[sizeof((figure_choice_t *)0)->y], *save = NULL;
    bool automatic = text[0] == '\0' || strcmp(text, "auto") == 0;
    for (int v = 0; v < FIGURE_VALUES; v++) {
        wanted[v] = automatic ? -1 : 0;
    }
    snprintf(copy, sizeof copy, "%s", automatic ? "" : text);
    for (char *word = strtok_r(copy, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
        int v = 0;
        while (v < FIGURE_VALUES && strcmp(word, names[v]) != 0) {
            v++;
        }
        if (v == FIGURE_VALUES) {
            return err_set(err, ERR_ARGUMENT,
                           "figure.y: there is no %s (psnr, accuracy, loss, ssim, throughput)",
                           word);
        }
        wanted[v] = 1;
    }
    return 0;
}

static void note_range(figure_data_t *data, const int wanted[FIGURE_VALUES])
{
    bool some[FIGURE_VALUES] = {false}, lost = false;
    double low = INFINITY, high = -INFINITY;
    for (size_t s = 0; s < data->series_count; s++) {
        for (size_t i = 0; i < data->series[s].count; i++) {
            const figure_point_t *point = &data->series[s].points[i];
            for (int v = 0; v < FIGURE_VALUES; v++) {
                some[v] |= isfinite(point->value[v]);
            }
            lost |= point->value[FIGURE_LOSS] > 0.0;
            data->loss_most = fmax(data->loss_most, point->high[FIGURE_LOSS]);
            low = fmin(low, point->x);
            high = fmax(high, point->x);
        }
    }
    data->log_x = low > 0.0 && high / low > 10.0;
    for (int v = 0; v < FIGURE_VALUES; v++) {
        bool usual = v == FIGURE_PSNR || v == FIGURE_ACCURACY || (v == FIGURE_LOSS && lost);
        data->has[v] = some[v] && (wanted[v] < 0 ? usual : wanted[v] > 0);
    }
}

static int fill(figure_data_t *data, const plan_t *plan, const figure_choice_t *choice, err_t *err)
{
    int wanted[FIGURE_VALUES];
    if (panels_wanted(choice->y, wanted, err) != 0 || read_rows(data, plan, err) != 0) {
        return -1;
    }
    for (size_t s = 0; s < data->series_count; s++) {
        for (size_t i = 0; i < data->series[s].count; i++) {
            set_intervals(&data->series[s].points[i]);
        }
    }
    note_range(data, wanted);
    return 0;
}

/* For people. */
static const char *x_words(const char *name)
{
    static const char *const words[][2] = {
        {"snr_db", "SNR per data sub-carrier (Es/N0), dB"},
        {"delay_spread_ns", "rms delay spread, ns"},
        {"rate", "rate k/n, complex symbols per source value"},
        {"on_air", "complex samples on the air per source value"},
        {"waveform.retrain_every", "payload symbols between known ones"},
        {"channel.doppler_hz", "largest Doppler shift, Hz"}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(name, words[i][0]) == 0) {
            return words[i][1];
        }
    }
    return name;
}

figure_data_t *figure_data_load(const char *path, const figure_choice_t *choice, err_t *err)
{
    table_t *table = table_load(path, err);
    if (table == NULL) {
        return NULL;
    }
    plan_t plan = {.table = table};
    figure_data_t *data = calloc(1, sizeof *data);
    if (data == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the figure");
    } else if (plan_make(&plan, table, choice, path, err) != 0 ||
               fill(data, &plan, choice, err) != 0) {
        figure_data_free(data);
        data = NULL;
    } else {
        snprintf(data->x_name, sizeof data->x_name, "%s", x_words(table_name(table, plan.x)));
        data->x_label = data->x_name;
    }
    table_free(table);
    return data;
}

void figure_data_free(figure_data_t *data)
{
    if (data == NULL) {
        return;
    }
    for (size_t i = 0; i < data->series_count; i++) {
        free(data->series[i].label);
        free(data->series[i].points);
    }
    free(data->series);
    free(data);
}
