/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "figure.h"

#include "figure_data.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 4096, PANEL_HEIGHT = 420, WIDTH = 900 };

static const char *const panels[FIGURE_VALUES] = {"PSNR of the mean MSE, dB",
                                                  "accuracy of the judge", "share of frames lost"};

static void put_quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputc('\'', out);
        }
        fputc(*text, out);
    }
    fputc('\'', out);
}

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
        fprintf(out, "set yrange [*:*]\n");
        break;
    case FIGURE_ACCURACY:
        fprintf(out, "set yrange [0:1]\n");
        break;
    default: /* autoscaling does not look at the ends of the intervals */
        fprintf(out, "set yrange [0:%.3g]\n", fmin(1.0, 1.1 * data->loss_most));
    }
}

static void put_panel(FILE *out, const figure_data_t *data, int panel)
{
    int y = 2 + 3 * panel; /* column of the data blocks: value, low, high */
    fprintf(out, "set key %s right\nset ylabel '%s'\n", panel == FIGURE_LOSS ? "top" : "bottom",
            panels[panel]);
    put_range(out, data, panel);
    fprintf(out, "plot \\\n");
    for (size_t s = 0; s < data->series_count; s++) {
        fprintf(out, "  $series%zu using 1:%d:%d:%d with yerrorlines linestyle %zu title ", s, y,
                y + 1, y + 2, s % 8 + 1);
        put_quoted(out, data->series[s].label);
        fprintf(out, "%s\n", s + 1 < data->series_count ? ", \\" : "");
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
    if (low < high) {
        fprintf(out, "set autoscale xfix\nset offsets graph 0.03, graph 0.03, 0, 0\n");
    } else {
        fprintf(out, "set xrange [%.9g:%.9g]\n", low - 1.0, low + 1.0);
    }
}

static void put_script(FILE *out, const figure_data_t *data)
{
    static const char *const colours[] = {"0072B2", "D55E00", "009E73", "CC79A7",
                                          "E69F00", "56B4E9", "000000", "999933"};
    int used = 0;
    for (int i = 0; i < FIGURE_VALUES; i++) {
        used += data->has[i];
    }
    fprintf(out,
            "# gnuplot figure.gp    draws figure.png from results.csv's numbers\n"
            "set terminal pngcairo noenhanced size %d,%d font 'sans,11'\n"
            "set output 'figure.png'\n",
            WIDTH, PANEL_HEIGHT * used);
    for (int i = 0; i < 8; i++) {
        fprintf(out,
                "set style line %d linecolor rgb '#%s' linewidth 1.6 pointtype %d "
                "pointsize 0.9\n",
                i + 1, colours[i], i + 4);
    }
    fprintf(out, "set grid linetype 1 linecolor rgb '#dddddd' linewidth 0.5\nset xlabel ");
    put_quoted(out, data->x_label);
    fprintf(out, "\n");
    put_x_range(out, data);
    put_blocks(out, data);
    fprintf(out, "set multiplot layout %d,1\n", used);
    for (int i = 0; i < FIGURE_VALUES; i++) {
        if (data->has[i]) {
            put_panel(out, data, i);
        }
    }
    fprintf(out, "unset multiplot\n");
}

static int write_script(const char *path, const figure_data_t *data, err_t *err)
{
    file_writer_t *writer = file_writer_open(path, err);
    if (writer == NULL) {
        return -1;
    }
    put_script(file_writer_stream(writer), data);
    return file_writer_commit(writer, err);
}

static void gnuplot_main(const char *folder)
{
    int nothing = open("/dev/null", O_RDWR);
    if (nothing >= 0) {
        dup2(nothing, STDIN_FILENO);
        dup2(nothing, STDOUT_FILENO);
    }
    if (chdir(folder) == 0) {
        execlp("gnuplot", "gnuplot", "figure.gp", (char *)NULL);
    }
    _exit(errno == ENOENT ? 127 : 126);
}

static int run_gnuplot(const char *folder, err_t *err)
{
    fflush(NULL);
    pid_t process = fork();
    if (process < 0) {
        return err_set_errno(err, errno, "cannot start gnuplot");
    }
    if (process == 0) {
        gnuplot_main(folder);
    }
    int status;
    while (waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) {
            return err_set_errno(err, errno, "cannot wait for gnuplot");
        }
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return err_set(err, ERR_UNSUPPORTED,
                       "gnuplot is not installed (apt install gnuplot-nox): no figure, but "
                       "%s/results.csv is there",
                       folder);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return err_set(err, ERR_IO, "gnuplot could not draw %s/figure.gp", folder);
    }
    return 0;
}

int figure_make(const char *folder, err_t *err)
{
    char path[PATH_SIZE];
    if (strlen(folder) + 32 > sizeof path) {
        return err_set(err, ERR_ARGUMENT, "the name of the folder is too long");
    }
    snprintf(path, sizeof path, "%s/results.csv", folder);
    figure_data_t *data = figure_data_load(path, err);
    if (data == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/figure.gp", folder);
    int status = write_script(path, data, err);
    figure_data_free(data);
    return status == 0 ? run_gnuplot(folder, err) : -1;
}
