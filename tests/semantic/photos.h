/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Smooth pictures of waves, as a folder of photos for trainers. */
#ifndef TESTS_SEMANTIC_PHOTOS_H
#define TESTS_SEMANTIC_PHOTOS_H

#include "images/image.h"

#include <math.h>
#include <stdio.h>

/* FOLDER/photos/0.png …, photo n of side + 16 n by side.  The folder is there.  0 or -1. */
static inline int photos_make(const char *folder, int count, int side)
{
    image_t image = IMAGE_EMPTY;
    err_t err = ERR_INIT;
    int status = 0;
    for (int n = 0; status == 0 && n < count; n++) {
        char path[256];
        status = image_resize(&image, side + 16 * n, side, &err);
        for (int y = 0; status == 0 && y < image.height; y++) {
            for (int x = 0; x < image.width * 3; x++) {
                double wave = sin(0.05 * (n + 1) * x + 0.1 * y) + cos(0.07 * y * (n + 1));
                image.rgb[y * image.width * 3 + x] = (uint8_t)(128.0 + 50.0 * wave);
            }
        }
        snprintf(path, sizeof(path), "%s/photos/%d.png", folder, n);
        status = status == 0 ? image_save_png(path, &image, &err) : status;
    }
    image_free(&image);
    return status;
}

#endif
