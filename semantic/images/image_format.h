/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_format: the decoders behind image_decode.  `image` may be half filled on failure. */
#ifndef SEMANTIC_IMAGES_IMAGE_FORMAT_H
#define SEMANTIC_IMAGES_IMAGE_FORMAT_H

#include "images/image.h"

int image_decode_png(const uint8_t *bytes, size_t size, const char *name, image_t *image,
                     err_t *err);
int image_decode_jpeg(const uint8_t *bytes, size_t size, const char *name, image_t *image,
                      err_t *err);

#endif
