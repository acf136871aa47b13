/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "figure_data.h"

#include "figure_plan.h"
#include "gather.h"
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_SIZE = 512 };

static void make_label(const figure_plan_t *plan, size_t row, char label[LABEL_SIZE])
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

static figure_point_t row_point(const figure_plan_t *plan, size_t row)
{
    const table_t *t = plan->table;
    double throughput =
        plan->throughput >= 0 ? table_number(t, row, (size_t)plan->throughput) : (double)NAN;
    return (figure_point_t){
        .x = figure_plan_number(t, row, plan->x),
        .value = {[FIGURE_PSNR] = table_number(t, row, (size_t)plan->psnr),
                  [FIGURE_ACCURACY] = table_number(t, row, (size_t)plan->accuracy),
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

static int read_rows(figure_data_t *data, const figure_plan_t *plan, err_t *err)
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

static int fill(figure_data_t *data, const figure_plan_t *plan, const figure_choice_t *choice,
                err_t *err)
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
    figure_plan_t plan = {.table = table};
    figure_data_t *data = calloc(1, sizeof *data);
    if (data == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the figure");
    } else if (figure_plan_make(&plan, table, choice, path, err) != 0 ||
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
