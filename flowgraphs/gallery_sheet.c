/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The contact sheet: a grid of cells of one size, the columns' names above, PSNR below.  The
 * cells are ours; gnuplot lays the words over them, pixel for pixel.
 */
#include "crop.h"
#include "file.h"
#include "gallery.h"
#include "gnuplot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    CELL_WIDTH = 192,
    CELL_HEIGHT = 128,
    GAP = 8,
    HEAD = 30,   /* above the first row, for the columns' names */
    CAPTION = 14 /* below each cell */
};

static const uint8_t paper[3] = {255, 255, 255}, empty[3] = {224, 224, 224};

static void fill(image_t *image, int x, int y, int width, int height, const uint8_t colour[3])
{
    for (int row = y; row < y + height; row++) {
        uint8_t *pixel = image->rgb + 3 * ((size_t)row * (size_t)image->width + (size_t)x);
        for (int column = 0; column < width; column++, pixel += 3) {
            memcpy(pixel, colour, 3);
        }
    }
}

static void paste(image_t *sheet, int x, int y, const image_t *image)
{
    size_t bytes = 3 * (size_t)image->width;
    for (int row = 0; row < image->height; row++) {
        memcpy(sheet->rgb + 3 * ((size_t)(y + row) * (size_t)sheet->width + (size_t)x),
               image->rgb + (size_t)row * bytes, bytes);
    }
}

/* Scales a picture into its cell; a square one stands in the middle. */
static int draw_cell(image_t *sheet, int x, int y, const image_t *image, image_t *scaled,
                     err_t *err)
{
    if (image->rgb == NULL) {
        fill(sheet, x, y, CELL_WIDTH, CELL_HEIGHT, empty);
        return 0;
    }
    int width = CELL_HEIGHT * image->width / image->height;
    width = width < 1 ? 1 : width > CELL_WIDTH ? CELL_WIDTH : width;
    if (crop_image(image, width, CELL_HEIGHT, scaled, err) != 0) {
        return -1;
    }
    paste(sheet, x + (CELL_WIDTH - width) / 2, y, scaled);
    return 0;
}

static int cell_x(int column)
{
    return GAP + column * (CELL_WIDTH + GAP);
}

static int cell_y(int row)
{
    return HEAD + row * (CELL_HEIGHT + CAPTION + GAP);
}

/* All but the words. */
static int draw_cells(const gallery_t *gallery, image_t *sheet, err_t *err)
{
    if (image_resize(sheet, cell_x(gallery->columns), cell_y(gallery->rows), err) != 0) {
        return -1;
    }
    fill(sheet, 0, 0, sheet->width, sheet->height, paper);
    image_t scaled = IMAGE_EMPTY;
    int status = 0;
    for (int i = 0; status == 0 && i < gallery->rows * gallery->columns; i++) {
        status = draw_cell(sheet, cell_x(i % gallery->columns), cell_y(i / gallery->columns),
                           &gallery->images[i], &scaled, err);
    }
    image_free(&scaled);
    return status;
}

/* A text whose middle is y pixels from the top. */
static void put_label(FILE *out, const image_t *sheet, int x, int y, const char *where, int points,
                      const char *text)
{
    fprintf(out, "set label ");
    gnuplot_quote(out, text);
    fprintf(out, " at screen %.6f, screen %.6f %s front font ',%d'\n", (double)x / sheet->width,
            1.0 - (double)y / sheet->height, where, points);
}

static void put_labels(FILE *out, const gallery_t *gallery, const image_t *sheet)
{
    for (int i = 0; i < gallery->rows * gallery->columns; i++) {
        int column = i % gallery->columns;
        int x = cell_x(column), y = cell_y(i / gallery->columns);
        if (i < gallery->columns) {
            put_label(out, sheet, x, HEAD / 2, "left", 13, gallery->column_names[column]);
        }
        if (gallery->images[i].rgb == NULL) {
            put_label(out, sheet, x + CELL_WIDTH / 2, y + CELL_HEIGHT / 2, "center", 12,
                      "not received");
        }
        if (isfinite(gallery->psnr_db[i])) {
            char text[32];
            snprintf(text, sizeof text, "PSNR %.1f dB", gallery->psnr_db[i]);
            put_label(out, sheet, x, y + CELL_HEIGHT + CAPTION / 2, "left", 9, text);
        }
    }
}

static int write_script(const gallery_t *gallery, const image_t *sheet, const char *path,
                        err_t *err)
{
    file_writer_t *writer = file_writer_open(path, err);
    if (writer == NULL) {
        return -1;
    }
    FILE *out = file_writer_stream(writer);
    fprintf(out,
            "set terminal pngcairo noenhanced size %d,%d font 'sans'\nset output 'images.png'\n"
            "unset border\nunset tics\nunset key\nset lmargin at screen 0\n"
            "set rmargin at screen 1\nset tmargin at screen 1\nset bmargin at screen 0\n"
            "set xrange [-0.5:%d.5]\nset yrange [-0.5:%d.5]\n",
            sheet->width, sheet->height, sheet->width - 1, sheet->height - 1);
    put_labels(out, gallery, sheet);
    fprintf(out, "plot 'images-cells.png' binary filetype=png with rgbimage\n");
    return file_writer_commit(writer, err);
}

int gallery_draw(const gallery_t *gallery, const char *folder, err_t *err)
{
    char cells[4096], script[4096];
    image_t sheet = IMAGE_EMPTY;
    snprintf(cells, sizeof cells, "%s/images-cells.png", folder);
    snprintf(script, sizeof script, "%s/images.gp", folder);
    int status = draw_cells(gallery, &sheet, err);
    if (status == 0) {
        status = image_save_png(cells, &sheet, err);
    }
    if (status == 0) {
        status = write_script(gallery, &sheet, script, err);
    }
    if (status == 0) {
        status = gnuplot_run(folder, "images.gp", err);
    }
    unlink(cells);
    unlink(script);
    image_free(&sheet);
    return status;
}
