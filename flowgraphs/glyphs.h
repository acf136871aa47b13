/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * glyphs: words on pictures, in letters of 5x7 pixels: digits, a-z, and - . , : / +.
 * Capital letters are drawn as small ones but B, P, S, N, R; others leave a blank.
 */
#ifndef FLOWGRAPHS_GLYPHS_H
#define FLOWGRAPHS_GLYPHS_H

#include "images/image.h"

enum { GLYPH_WIDTH = 6, GLYPH_HEIGHT = 7 }; /* width with the blank column behind it */

/* Draws `text` with its top left corner at x, y, each dot scale x scale pixels; what falls
   outside the picture is cut. */
void glyphs_draw(image_t *image, int x, int y, int scale, const char *text,
                 const uint8_t colour[3]);

#endif
