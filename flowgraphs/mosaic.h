/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mosaic: several pictures of one size side by side as one: row by row from the top left, as
 * nearly square as it goes.  Places that are left over are mid-grey.
 */
#ifndef FLOWGRAPHS_MOSAIC_H
#define FLOWGRAPHS_MOSAIC_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    int pictures, width, height; /* of each picture */
    int columns, rows;
} mosaic_t;

mosaic_t mosaic_of(int pictures, int width, int height);
int mosaic_width(const mosaic_t *mosaic);
int mosaic_height(const mosaic_t *mosaic);
size_t mosaic_bytes(const mosaic_t *mosaic);

/* rgb[pictures][height][width][3] -> whole[mosaic_bytes], and back. */
void mosaic_join(const mosaic_t *mosaic, const uint8_t *rgb, uint8_t *whole);
void mosaic_split(const mosaic_t *mosaic, const uint8_t *whole, uint8_t *rgb);

#endif
