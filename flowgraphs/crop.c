/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each output pixel is the mean of the input's area under it, pixels at the
 * edge weighted by their share: first along the rows, then down the columns,
 * in one pass over a band of rows for each output row.
 */
#include "crop.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The part of the input that is kept. */
typedef struct {
    double left, top, width, height;
} part_t;

static part_t middle(const image_t *in, int width, int height)
{
    double scale = fmin((double)in->width / width, (double)in->height / height);
    part_t part = {.width = width * scale, .height = height * scale};
    part.left = ((double)in->width - part.width) / 2;
    part.top = ((double)in->height - part.height) / 2;
    return part;
}

/* Adds weight * (areas of one input row) to sums[width][3]. */
static void add_row(const image_t *in, int y, const part_t *part, int width, double weight,
                    double *sums)
{
    const uint8_t *row = in->rgb + (size_t)y * (size_t)in->width * 3;
    double step = part->width / width;
    for (int x = 0; x < width; x++) {
        double from = part->left + x * step, to = from + step;
        int last = (int)ceil(to) < in->width ? (int)ceil(to) : in->width;
        for (int i = (int)from; i < last; i++) {
            double share = (fmin(to, i + 1.0) - fmax(from, (double)i)) * weight;
            for (int c = 0; c < 3; c++) {
                sums[3 * x + c] += share * row[3 * i + c];
            }
        }
    }
}

static void make_row(const image_t *in, int y, const part_t *part, image_t *out, double *sums)
{
    double step = part->height / out->height, from = part->top + y * step, to = from + step;
    int last = (int)ceil(to) < in->height ? (int)ceil(to) : in->height;
    memset(sums, 0, (size_t)out->width * 3 * sizeof *sums);
    for (int i = (int)from; i < last; i++) {
        double share = fmin(to, i + 1.0) - fmax(from, (double)i);
        add_row(in, i, part, out->width, share, sums);
    }
    double area = step * (part->width / out->width);
    uint8_t *row = out->rgb + (size_t)y * (size_t)out->width * 3;
    for (int i = 0; i < 3 * out->width; i++) {
        double value = sums[i] / area + 0.5;
        row[i] = (uint8_t)(value < 255.0 ? value : 255.0);
    }
}

int crop_image(const image_t *in, int width, int height, image_t *out, err_t *err)
{
    if (image_resize(out, width, height, err) != 0) {
        return -1;
    }
    double *sums = malloc((size_t)width * 3 * sizeof *sums);
    if (sums == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to reduce a picture");
    }
    part_t part = middle(in, width, height);
    for (int y = 0; y < height; y++) {
        make_row(in, y, &part, out, sums);
    }
    free(sums);
    return 0;
}
