/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crop: a large photo as a small one: the largest part of the wanted shape out
 * of its middle, reduced by averaging areas (no aliasing, no ringing).
 */
#ifndef FLOWGRAPHS_CROP_H
#define FLOWGRAPHS_CROP_H

#include "images/image.h"

/*
 * `out` becomes width x height.  Enlarging repeats pixels, as a contact sheet
 * wants it.  0, or -1 (size out of range, memory); `in` and `out` differ.
 */
int crop_image(const image_t *in, int width, int height, image_t *out, err_t *err);

#endif
