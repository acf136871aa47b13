/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures in memory, and which decoder a file's first bytes ask for. */
#include "images/image.h"

#include "file.h"
#include "images/image_format.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
static const uint8_t jpeg_signature[3] = {0xff, 0xd8, 0xff};

int image_resize(image_t *image, int width, int height, err_t *err)
{
    if (width < 1 || height < 1 || width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX ||
        (int64_t)width * height > IMAGE_PIXELS_MAX) {
        return err_set(err, ERR_FORMAT,
                       "a picture of %d x %d pixels is outside 1 .. %d a side, %d in all", width,
                       height, IMAGE_SIDE_MAX, IMAGE_PIXELS_MAX);
    }
    if (image->rgb != NULL && image->width == width && image->height == height) {
        return 0;
    }
    image_free(image);
    image->rgb = malloc((size_t)width * (size_t)height * 3);
    if (image->rgb == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for a picture of %d x %d", width, height);
    }
    image->width = width;
    image->height = height;
    return 0;
}

void image_free(image_t *image)
{
    free(image->rgb);
    image->rgb = NULL;
    image->width = image->height = 0;
}

size_t image_bytes(const image_t *image)
{
    return (size_t)image->width * (size_t)image->height * 3;
}

int image_decode(const void *bytes, size_t size, const char *name, image_t *image, err_t *err)
{
    int status;
    if (size >= sizeof(png_signature) && memcmp(bytes, png_signature, sizeof(png_signature)) == 0) {
        status = image_decode_png(bytes, size, name, image, err);
    } else if (size >= sizeof(jpeg_signature) &&
               memcmp(bytes, jpeg_signature, sizeof(jpeg_signature)) == 0) {
        status = image_decode_jpeg(bytes, size, name, image, err);
    } else {
        status = err_set(err, ERR_FORMAT, "%s: neither PNG nor JPEG", name);
    }
    if (status < 0) {
        image_free(image);
    }
    return status;
}

int image_load(const char *path, image_t *image, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (file_read_all(path, IMAGE_FILE_BYTES_MAX, &bytes, &size, err) < 0) {
        image_free(image);
        return -1;
    }
    int status = image_decode(bytes, size, path, image, err);
    free(bytes);
    return status;
}

int image_save_png(const char *path, const image_t *image, err_t *err)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (image_encode_png(image, &bytes, &size, err) < 0) {
        return err_prefix(err, "%s", path);
    }
    file_writer_t *writer = file_writer_open(path, err);
    int status = writer == NULL ? -1 : file_writer_write(writer, bytes, size, err);
    if (status < 0) {
        file_writer_abort(writer);
    } else {
        status = file_writer_commit(writer, err);
    }
    free(bytes);
    return status;
}
