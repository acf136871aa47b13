/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Feeds arbitrary bytes to the picture decoders (PNG or JPEG by their first bytes).
 * What they accept must be readable to the last pixel.
 */
#include "images/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    err_t err = ERR_INIT;
    image_t image = IMAGE_EMPTY;
    if (image_decode(data, size, "input", &image, &err) == 0) {
        static volatile unsigned seen; /* or nothing would need to be read */
        unsigned sum = 0;
        for (size_t i = 0; i < image_bytes(&image); i++) {
            sum += image.rgb[i];
        }
        seen = sum;
        (void)seen;
    } else if (err.code == ERR_NONE || image.rgb != NULL) {
        abort(); /* refused without saying why, or half a picture left behind */
    }
    image_free(&image);
    return 0;
}
