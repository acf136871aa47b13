/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "figure.h"

#include "figure_data.h"
#include "file.h"
#include "gnuplot.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { PATH_SIZE = 4096 };

static const char *const panels[FIGURE_VALUES] = {"PSNR of the mean MSE, dB",
                                                  "accuracy of the judge", "share of frames lost",
                                                  "SSIM", "images/s on the air, back to back"};

static void put_blocks(FILE *out, const figure_data_t *data)
{
    for (size_t s = 0; s < data->series_count; s++) {
        const figure_series_t *series = &data->series[s];
        fprintf(out, "$series%zu << end\n", s);
        for (size_t i = 0; i < series->count; i++) {
            const figure_point_t *point = &series->points[i];
            fprintf(out, "%.10g", point->x);
            for (int v = 0; v < FIGURE_VALUES; v++) {
                fprintf(out, " %.6g %.6g %.6g", point->value[v], point->low[v], point->high[v]);
            }
            fputc('\n', out);
        }
        fprintf(out, "end\n");
    }
}

static void put_range(FILE *out, const figure_data_t *data, int panel)
{
    switch (panel) {
    case FIGURE_PSNR:
        fprintf(out, "  set yrange [*:*]\n");
        break;
    case FIGURE_ACCURACY:
    case FIGURE_SSIM:
        fprintf(out, "  set yrange [0:1]\n");
        break;
    case FIGURE_THROUGHPUT:
        fprintf(out, "  set yrange [0:*]\n");
        break;
    default: /* autoscaling does not look at the ends of the intervals */
        fprintf(out, "  set yrange [0:%.3g]\n", fmin(1.0, 1.1 * data->loss_most));
    }
}

/* A band where there is a line, bars where there is a single point. */
static void put_panel(FILE *out, const figure_data_t *data, int panel)
{
    int y = 2 + 3 * panel; /* column of the data blocks: value, low, high */
    fprintf(out, "  set key %s\n  set ylabel '%s'\n",
            panel == FIGURE_LOSS         ? "top right"
            : panel == FIGURE_THROUGHPUT ? "top left"
                                         : "bottom right",
            panels[panel]);
    put_range(out, data, panel);
    fprintf(out, "  plot ");
    for (size_t s = 0; s < data->series_count; s++) {
        int style = (int)(s % 8) + 1;
        bool line = data->series[s].count > 1;
        if (line) {
            fprintf(out, "$series%zu using 1:%d:%d with filledcurves linestyle %d notitle, ", s,
                    y + 1, y + 2, style);
        }
        if (line) {
            fprintf(out, "$series%zu using 1:%d with linespoints", s, y);
        } else {
            fprintf(out, "$series%zu using 1:%d:%d:%d with yerrorbars", s, y, y + 1, y + 2);
        }
        fprintf(out, " linestyle %d title ", style);
        gnuplot_quote(out, data->series[s].label);
        fprintf(out, "%s", s + 1 < data->series_count ? ", " : "\n");
    }
}

/* As wide as the points; a single place on the axis has no width of its own. */
static void put_x_range(FILE *out, const figure_data_t *data)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < data->series_count; i++) {
        const figure_series_t *series = &data->series[i];
        low = fmin(low, series->points[0].x);
        high = fmax(high, series->points[series->count - 1].x);
    }
    double margin = low < high ? 0.03 * (high - low) : 1.0;
    if (data->log_x) {
        fprintf(out, "set logscale x\nset xrange [%.9g:%.9g]\n", low / 1.1, high * 1.1);
    } else {
        fprintf(out, "set xrange [%.9g:%.9g]\n", low - margin, high + margin);
    }
}

/* Colours that the colour-blind tell apart (Okabe and Ito). */
static void put_styles(FILE *out)
{
    static const char *const colours[] = {"0072B2", "D55E00", "009E73", "CC79A7",
                                          "E69F00", "56B4E9", "000000", "999933"};
    for (int i = 0; i < 8; i++) {
        fprintf(out,
                "set style line %d linecolor rgb '#%s' linewidth 1.5 pointtype %d "
                "pointsize 0.6\n",
                i + 1, colours[i], i + 4);
    }
    fprintf(out, "set style fill transparent solid 0.2 noborder\n"
                 "set border 3 linewidth 0.8\nset tics nomirror scale 0.5\n"
                 "set key samplen 2 spacing 1.05\n"
                 "set grid linetype 1 linecolor rgb '#dddddd' linewidth 0.5\n");
}

/* A column of a paper is 3.5 inches wide. */
static void put_script(FILE *out, const figure_data_t *data, int used)
{
    fprintf(out, "# gnuplot figure.gp    draws figure.png, figure.pdf and figure.svg\n"
                 "# from the numbers of results.csv\n");
    put_styles(out);
    fprintf(out, "set xlabel ");
    gnuplot_quote(out, data->x_label);
    fprintf(out, "\n");
    put_x_range(out, data);
    put_blocks(out, data);
    fprintf(out,
            "do for [kind in 'png pdf svg'] {\n"
            "  if (kind eq 'png') { set terminal pngcairo noenhanced size 900,%d font 'sans,11' "
            "linewidth 1.2 }\n"
            "  if (kind eq 'pdf') { set terminal pdfcairo noenhanced size 3.5in,%.2fin font "
            "'serif,8' linewidth 0.8 }\n"
            "  if (kind eq 'svg') { set terminal svg noenhanced size 720,%d font 'sans-serif,12' "
            "}\n"
            "  set output 'figure.'.kind\n"
            "  set multiplot layout %d,1\n",
            420 * used, 2.4 * used, 380 * used, used);
    for (int i = 0; i < FIGURE_VALUES; i++) {
        if (data->has[i]) {
            put_panel(out, data, i);
        }
    }
    fprintf(out, "  unset multiplot\n  unset output\n}\n");
}

static int write_script(const char *path, const figure_data_t *data, err_t *err)
{
    int used = 0;
    for (int i = 0; i < FIGURE_VALUES; i++) {
        used += data->has[i];
    }
    if (used == 0) {
        return err_set(err, ERR_STATE, "nothing was received: there is nothing to draw");
    }
    file_writer_t *writer = file_writer_open(path, err);
    if (writer == NULL) {
        return -1;
    }
    put_script(file_writer_stream(writer), data, used);
    return file_writer_commit(writer, err);
}

/* What the campaign wants drawn, if there was one. */
static figure_choice_t choice_read(const char *folder)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/campaign.json", folder);
    figure_choice_t choice = {.x = "", .y = ""};
    json_t *record = json_load_file(path, 0, NULL);
    const json_t *figure = json_object_get(record, "figure");
    const char *x = json_string_value(json_object_get(figure, "x"));
    const char *y = json_string_value(json_object_get(figure, "y"));
    snprintf(choice.x, sizeof choice.x, "%s", x != NULL ? x : "");
    snprintf(choice.y, sizeof choice.y, "%s", y != NULL ? y : "");
    json_decref(record);
    return choice;
}

int figure_make(const char *folder, err_t *err)
{
    char path[PATH_SIZE];
    if (strlen(folder) + 32 > sizeof path) {
        return err_set(err, ERR_ARGUMENT, "the name of the folder is too long");
    }
    snprintf(path, sizeof path, "%s/results.csv", folder);
    figure_choice_t choice = choice_read(folder);
    figure_data_t *data = figure_data_load(path, &choice, err);
    if (data == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/figure.gp", folder);
    int status = write_script(path, data, err);
    figure_data_free(data);
    return status == 0 ? gnuplot_run(folder, "figure.gp", err) : -1;
}
