/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * image: 8-bit RGB pictures in memory, read from PNG and JPEG, written as PNG.
 *
 *     image_t picture = IMAGE_EMPTY;
 *     if (image_load("photo.jpg", &picture, &err) < 0) …
 *     … picture.rgb[(y * picture.width + x) * 3 + channel] …
 *     image_save_png("out.png", &picture, &err);
 *     image_free(&picture);
 *
 * The format is told from the content, never from the name.  Grey, palette,
 * 16-bit, and transparent files become 8-bit RGB (transparency over black);
 * CMYK JPEG is refused.  Files are treated as hostile: a damaged, truncated, or
 * oversized one is an error that names the file, never a half-filled picture.
 */
#ifndef SEMANTIC_IMAGES_IMAGE_H
#define SEMANTIC_IMAGES_IMAGE_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_SIDE_MAX = 16384,           /* pixels, each side */
    IMAGE_PIXELS_MAX = 64 << 20,      /* width * height */
    IMAGE_FILE_BYTES_MAX = 256 << 20, /* of a file that image_load reads */
};

typedef struct {
    int width, height; /* pixels, 1 .. IMAGE_SIDE_MAX; 0 in an empty image */
    uint8_t *rgb;      /* [height][width][3], owned; NULL in an empty image */
} image_t;

#define IMAGE_EMPTY {0, 0, NULL}

/*
 * Makes `image` (empty, or of any earlier size) width x height; pixels are
 * undefined.  Keeps the memory when the size is unchanged.  0 or -1.
 */
int image_resize(image_t *image, int width, int height, err_t *err);

/* Gives the memory back and leaves an empty image.  An empty one is fine. */
void image_free(image_t *image);

/* Bytes of an image's pixels: 3 * width * height. */
size_t image_bytes(const image_t *image);

/*
 * Reads a PNG or JPEG file into `image` (empty or of any earlier size).  0, or
 * -1 with `image` emptied; errors name `path`.
 */
int image_load(const char *path, image_t *image, err_t *err);

/* The same from memory; `name` stands for the file in errors. */
int image_decode(const void *bytes, size_t size, const char *name, image_t *image, err_t *err);

/* Writes a PNG atomically: PATH.tmp.PID, fsync, rename.  0 or -1. */
int image_save_png(const char *path, const image_t *image, err_t *err);

/* A PNG in memory (free() it).  0 or -1. */
int image_encode_png(const image_t *image, uint8_t **bytes, size_t *size, err_t *err);

#endif
