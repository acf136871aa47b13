/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PNG through libpng.  Sample values are taken as they are (no gamma), as every
 * other tool of the field does; alpha is composited over black.
 *
 * libpng reports errors by longjmp.  Everything it may jump over lives in a
 * struct outside the function that called setjmp, so nothing is clobbered.
 */
#include "images/image_format.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* zlib shrinks at most about 1030 times: a smaller file lies about its size. */
enum { DEFLATE_RATIO_MAX = 1040, CHUNK_BYTES_MAX = 8 << 20 };

typedef struct {
    const uint8_t *bytes;
    size_t size, at;
    const char *name;
    err_t *err;
    uint8_t *rgba; /* one pass over the picture, or NULL */
    png_bytep *rows;
} png_source_t;

static void on_error(png_structp png, png_const_charp message)
{
    png_source_t *source = png_get_error_ptr(png);
    err_set(source->err, ERR_FORMAT, "%s: damaged PNG: %s", source->name, message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message; /* ancillary chunks we do not use */
}

static void read_bytes(png_structp png, png_bytep out, png_size_t count)
{
    png_source_t *source = png_get_io_ptr(png);
    if (count > source->size - source->at) {
        png_error(png, "the file ends early");
    }
    memcpy(out, source->bytes + source->at, count);
    source->at += count;
}

/* Reads the header and asks libpng for 8-bit RGBA.  Jumps on damage. */
static int read_header(png_structp png, png_infop info, const png_source_t *source, image_t *image)
{
    png_read_info(png, info);
    png_uint_32 width = png_get_image_width(png, info);
    png_uint_32 height = png_get_image_height(png, info);
    double raw = (double)height * (1.0 + (double)png_get_rowbytes(png, info));
    if (raw > (double)DEFLATE_RATIO_MAX * (double)source->size) {
        return err_set(source->err, ERR_FORMAT, "%s: damaged PNG: %lu x %lu pixels in %zu bytes",
                       source->name, (unsigned long)width, (unsigned long)height, source->size);
    }
    if (image_resize(image, (int)width, (int)height, source->err) < 0) {
        return err_prefix(source->err, "%s", source->name);
    }
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 0xff, PNG_FILLER_AFTER);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
    return 0;
}

static int read_rows(png_structp png, png_source_t *source, const image_t *image)
{
    size_t stride = (size_t)image->width * 4;
    source->rgba = malloc(stride * (size_t)image->height);
    source->rows = malloc((size_t)image->height * sizeof(*source->rows));
    if (source->rgba == NULL || source->rows == NULL) {
        return err_set(source->err, ERR_MEMORY, "%s: no memory for %d x %d pixels", source->name,
                       image->width, image->height);
    }
    for (int y = 0; y < image->height; y++) {
        source->rows[y] = source->rgba + (size_t)y * stride;
    }
    png_read_image(png, source->rows);
    png_read_end(png, NULL);
    return 0;
}

static void composite(const uint8_t *rgba, image_t *image)
{
    size_t pixels = (size_t)image->width * (size_t)image->height;
    for (size_t i = 0; i < pixels; i++) {
        unsigned alpha = rgba[4 * i + 3];
        for (size_t c = 0; c < 3; c++) {
            image->rgb[3 * i + c] = (uint8_t)((rgba[4 * i + c] * alpha + 127) / 255);
        }
    }
}

/* The one function that setjmp returns to twice; it has no locals that change. */
static int read_guarded(png_structp png, png_infop info, png_source_t *source, image_t *image)
{
    if (setjmp(png_jmpbuf(png)) != 0) {
        return -1;
    }
    png_set_read_fn(png, source, read_bytes);
    png_set_user_limits(png, IMAGE_SIDE_MAX, IMAGE_SIDE_MAX);
    png_set_chunk_malloc_max(png, CHUNK_BYTES_MAX);
    if (read_header(png, info, source, image) < 0) {
        return -1;
    }
    return read_rows(png, source, image);
}

int image_decode_png(const uint8_t *bytes, size_t size, const char *name, image_t *image,
                     err_t *err)
{
    png_source_t source = {.bytes = bytes, .size = size, .name = name, .err = err};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    int status = info == NULL ? err_set(err, ERR_MEMORY, "%s: libpng did not start", name)
                              : read_guarded(png, info, &source, image);
    if (status == 0) {
        composite(source.rgba, image);
    }
    png_destroy_read_struct(&png, &info, NULL);
    free(source.rgba);
    free(source.rows);
    return status;
}

int image_encode_png(const image_t *image, uint8_t **bytes, size_t *size, err_t *err)
{
    png_image head = {.version = PNG_IMAGE_VERSION,
                      .width = (png_uint_32)image->width,
                      .height = (png_uint_32)image->height,
                      .format = PNG_FORMAT_RGB};
    if (image->rgb == NULL) {
        return err_set(err, ERR_ARGUMENT, "an empty picture cannot become a PNG");
    }
    png_alloc_size_t room = PNG_IMAGE_PNG_SIZE_MAX(head);
    uint8_t *out = malloc(room);
    if (out == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a PNG of %zu bytes", (size_t)room);
    }
    if (png_image_write_to_memory(&head, out, &room, 0, image->rgb, 0, NULL) == 0) {
        free(out);
        return err_set(err, ERR_IO, "libpng could not write %d x %d pixels: %s", image->width,
                       image->height, head.message);
    }
    *bytes = out;
    *size = room;
    return 0;
}
