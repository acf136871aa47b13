/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "strip.h"

#include <string.h>

enum { MID_GREY = 128 };

int strip_create(strip_t *strip, int places, int width, int height, err_t *err)
{
    int most = STRIP_WIDTH_MOST / width;
    strip->places = places < most ? places : most;
    strip->places = strip->places > 0 ? strip->places : 1;
    strip->width = width;
    strip->height = height;
    if (image_resize(&strip->image, strip->places * width, height, err) != 0) {
        return -1;
    }
    memset(strip->image.rgb, MID_GREY, image_bytes(&strip->image));
    return 0;
}

void strip_free(strip_t *strip)
{
    image_free(&strip->image);
}

void strip_put(strip_t *strip, uint64_t place, int width, int height, const uint8_t *rgb)
{
    if (strip->image.rgb == NULL || place >= (uint64_t)strip->places || width != strip->width ||
        height != strip->height) {
        return;
    }
    size_t row = 3 * (size_t)width;
    for (int y = 0; y < height; y++) {
        uint8_t *to = strip->image.rgb + (size_t)y * 3 * (size_t)strip->image.width;
        memcpy(to + (size_t)place * row, rgb + (size_t)y * row, row);
    }
}

int strip_save_sent(const dataset_t *dataset, int places, const char *path, err_t *err)
{
    strip_t strip = STRIP_EMPTY;
    image_t picture = IMAGE_EMPTY;
    int status = dataset_get(dataset, 0, &picture, NULL, err);
    if (status == 0) {
        status = strip_create(&strip, places, picture.width, picture.height, err);
    }
    for (size_t i = 0; status == 0 && i < dataset_count(dataset) && i < (size_t)strip.places; i++) {
        status = dataset_get(dataset, i, &picture, NULL, err);
        if (status == 0) {
            strip_put(&strip, i, picture.width, picture.height, picture.rgb);
        }
    }
    if (status == 0) {
        status = image_save_png(path, &strip.image, err);
    }
    image_free(&picture);
    strip_free(&strip);
    return status;
}
