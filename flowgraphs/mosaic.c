/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mosaic.h"

#include <string.h>

enum { MID_GREY = 128 };

mosaic_t mosaic_of(int pictures, int width, int height)
{
    mosaic_t mosaic = {.pictures = pictures, .width = width, .height = height, .columns = 1};
    while (mosaic.columns * mosaic.columns < pictures) {
        mosaic.columns++;
    }
    mosaic.rows = (pictures + mosaic.columns - 1) / mosaic.columns;
    return mosaic;
}

int mosaic_width(const mosaic_t *mosaic)
{
    return mosaic->columns * mosaic->width;
}

int mosaic_height(const mosaic_t *mosaic)
{
    return mosaic->rows * mosaic->height;
}

size_t mosaic_bytes(const mosaic_t *mosaic)
{
    return 3 * (size_t)mosaic_width(mosaic) * (size_t)mosaic_height(mosaic);
}

/* Where line y of picture i lies in the whole. */
static size_t line_at(const mosaic_t *m, int i, int y)
{
    size_t row = (size_t)(i / m->columns) * (size_t)m->height + (size_t)y;
    size_t column = (size_t)(i % m->columns) * (size_t)m->width;
    return 3 * (row * (size_t)mosaic_width(m) + column);
}

void mosaic_join(const mosaic_t *mosaic, const uint8_t *rgb, uint8_t *whole)
{
    size_t line = 3 * (size_t)mosaic->width;
    memset(whole, MID_GREY, mosaic_bytes(mosaic));
    for (int i = 0; i < mosaic->pictures; i++) {
        for (int y = 0; y < mosaic->height; y++) {
            memcpy(whole + line_at(mosaic, i, y), rgb, line);
            rgb += line;
        }
    }
}

void mosaic_split(const mosaic_t *mosaic, const uint8_t *whole, uint8_t *rgb)
{
    size_t line = 3 * (size_t)mosaic->width;
    for (int i = 0; i < mosaic->pictures; i++) {
        for (int y = 0; y < mosaic->height; y++) {
            memcpy(rgb, whole + line_at(mosaic, i, y), line);
            rgb += line;
        }
    }
}
