/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The contact sheet: a grid of cells of one size, the columns' names above, PSNR below. */
#include "crop.h"
#include "gallery.h"
#include "glyphs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    CELL_WIDTH = 192,
    CELL_HEIGHT = 128,
    GAP = 8,
    HEAD = 30,   /* above the first row, for the columns' names */
    CAPTION = 14 /* below each cell */
};

static const uint8_t paper[3] = {255, 255, 255}, ink[3] = {32, 32, 32}, empty[3] = {224, 224, 224};

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
        static const char none[] = "not received";
        int width = 2 * GLYPH_WIDTH * (int)strlen(none);
        glyphs_draw(sheet, x + (CELL_WIDTH - width) / 2, y + CELL_HEIGHT / 2 - GLYPH_HEIGHT, 2,
                    none, ink);
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

int gallery_draw(const gallery_t *gallery, image_t *sheet, err_t *err)
{
    int width = GAP + gallery->columns * (CELL_WIDTH + GAP);
    int height = HEAD + gallery->rows * (CELL_HEIGHT + CAPTION + GAP);
    if (image_resize(sheet, width, height, err) != 0) {
        return -1;
    }
    fill(sheet, 0, 0, width, height, paper);
    image_t scaled = IMAGE_EMPTY;
    int status = 0;
    for (int i = 0; status == 0 && i < gallery->rows * gallery->columns; i++) {
        int row = i / gallery->columns, column = i % gallery->columns;
        int x = GAP + column * (CELL_WIDTH + GAP);
        int y = HEAD + row * (CELL_HEIGHT + CAPTION + GAP);
        if (row == 0) {
            glyphs_draw(sheet, x, GAP, 2, gallery->column_names[column], ink);
        }
        status = draw_cell(sheet, x, y, &gallery->images[i], &scaled, err);
        if (isfinite(gallery->psnr_db[i])) {
            char text[32];
            snprintf(text, sizeof text, "PSNR %.1f dB", gallery->psnr_db[i]);
            glyphs_draw(sheet, x, y + CELL_HEIGHT + 4, 1, text, ink);
        }
    }
    image_free(&scaled);
    return status;
}
