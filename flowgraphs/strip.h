/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * strip: the first pictures of a data set side by side, as they were sent or as
 * they arrived: a point's sample for the report.  A place that nothing was put in is
 * mid-grey: that picture was lost.
 */
#ifndef FLOWGRAPHS_STRIP_H
#define FLOWGRAPHS_STRIP_H

#include "images/dataset.h"
#include "images/image.h"

enum { STRIP_WIDTH_MOST = 2048 };

typedef struct {
    image_t image; /* empty: no strip is wanted */
    int width, height, places;
} strip_t;

#define STRIP_EMPTY                                                                                \
    {                                                                                              \
        IMAGE_EMPTY, 0, 0, 0                                                                       \
    }

/* Room for `places` pictures of that size; fewer (at least one) where they are wider together than
   STRIP_WIDTH_MOST. */
int strip_create(strip_t *strip, int places, int width, int height, err_t *err);
void strip_free(strip_t *strip); /* empty is fine */

/* Puts rgb[height][width][3] at a place; one that there is not, or of another size, is left out. */
void strip_put(strip_t *strip, uint64_t place, int width, int height, const uint8_t *rgb);

/* The first pictures of a data set as they are, into a PNG file. */
int strip_save_sent(const dataset_t *dataset, int places, const char *path, err_t *err);

#endif
