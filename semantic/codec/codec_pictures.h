/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codec_pictures: 8-bit pictures into a network's input and out of its output.  Private to
 * semantic/codec. */
#ifndef SEMANTIC_CODEC_CODEC_PICTURES_H
#define SEMANTIC_CODEC_CODEC_PICTURES_H

#include <stdint.h>

/* rgb[height][width][3] -> out[rows][columns][3] in 0 .. 1, rows and columns at least as many; the
   last row and column are repeated into the padding. */
void codec_put_picture(const uint8_t *rgb, int width, int height, int rows, int columns,
                       float *out);

/* in[…][columns][3] -> rgb[height][width][3], clamped and rounded; NaN becomes 0. */
void codec_take_picture(const float *in, int columns, int width, int height, uint8_t *rgb);

#endif
