/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Picture files: what goes out comes back, and damaged files are refused by name. */
#include "check.h"
#include "images/image.h"
#include "rng.h"

#include <png.h>
#include <stdlib.h>
#include <turbojpeg.h>
#include <unistd.h>

enum { WIDTH = 33, HEIGHT = 47 };

static void paint(image_t *image, int width, int height)
{
    CU_ASSERT_EQUAL_FATAL(image_resize(image, width, height, NULL), 0);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = image->rgb + (y * width + x) * 3;
            pixel[0] = (uint8_t)(5 * x);
            pixel[1] = (uint8_t)(5 * y);
            pixel[2] = (uint8_t)(2 * (x + y));
        }
    }
}

static void test_round_trip(void)
{
    char path[] = "/tmp/semradio-image-XXXXXX";
    err_t err = ERR_INIT;
    image_t sent = IMAGE_EMPTY, back = IMAGE_EMPTY;
    close(mkstemp(path));
    paint(&sent, WIDTH, HEIGHT);
    CHECK_INT(image_save_png(path, &sent, &err), 0);
    CHECK_INT(image_load(path, &back, &err), 0);
    CHECK_INT(back.width, WIDTH);
    CHECK_INT(back.height, HEIGHT);
    CHECK_INT(memcmp(sent.rgb, back.rgb, image_bytes(&sent)), 0);
    unlink(path);
    CHECK_INT(image_save_png("/nonexistent/folder/x.png", &sent, &err), -1);
    CHECK_ERROR_NAMES(&err, "/nonexistent/folder/x.png");
    image_free(&sent);
    image_free(&back);
}

/* Writes a picture with libpng's own interface in `format` and reads it here. */
static void decode_format(png_uint_32 format, const void *pixels, int width, image_t *out)
{
    png_image head = {
        .version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = 1, .format = format};
    uint8_t bytes[4096];
    png_alloc_size_t size = sizeof(bytes);
    err_t err = ERR_INIT;
    CU_ASSERT_FATAL(png_image_write_to_memory(&head, bytes, &size, 0, pixels, 0, NULL) != 0);
    CHECK_INT(image_decode(bytes, size, "format", out, &err), 0);
}

static void test_kinds(void)
{
    image_t out = IMAGE_EMPTY;
    const uint8_t grey[3] = {0, 100, 255}, clear[8] = {200, 100, 50, 255, 200, 100, 50, 0};
    decode_format(PNG_FORMAT_GRAY, grey, 3, &out);
    CHECK_INT(out.rgb[3], 100);
    CHECK_INT(out.rgb[4], 100);
    CHECK_INT(out.rgb[8], 255);
    decode_format(PNG_FORMAT_RGBA, clear, 2, &out);
    CHECK_INT(out.rgb[0], 200);
    CHECK_INT(out.rgb[2], 50);
    CHECK_INT(out.rgb[3], 0); /* transparent is black */
    const png_uint_16 deep[3] = {65535, 0, 32896};
    decode_format(PNG_FORMAT_LINEAR_RGB, deep, 1, &out);
    CHECK_INT(out.rgb[0], 255);
    CHECK_INT(out.rgb[1], 0);
    image_free(&out);
}

static size_t make_jpeg(const image_t *image, uint8_t **bytes)
{
    tjhandle encoder = tjInitCompress();
    unsigned long size = 0;
    *bytes = NULL;
    CU_ASSERT_EQUAL(tjCompress2(encoder, image->rgb, image->width, 0, image->height, TJPF_RGB,
                                bytes, &size, TJSAMP_444, 95, 0),
                    0);
    tjDestroy(encoder);
    return size;
}

static void test_jpeg(void)
{
    err_t err = ERR_INIT;
    image_t sent = IMAGE_EMPTY, back = IMAGE_EMPTY;
    uint8_t *bytes;
    paint(&sent, WIDTH, HEIGHT);
    size_t size = make_jpeg(&sent, &bytes);
    CHECK_INT(image_decode(bytes, size, "a.jpg", &back, &err), 0);
    CHECK_INT(back.width, WIDTH);
    int worst = 0;
    for (size_t i = 0; i < image_bytes(&sent); i++) {
        int d = abs(sent.rgb[i] - back.rgb[i]);
        worst = d > worst ? d : worst;
    }
    CHECK_AT_MOST(worst, 24);
    tjFree(bytes);
    image_free(&sent);
    image_free(&back);
}

/* Every way to cut a file short is an error that names it and leaves the image empty. */
static void refuse_cuts(const uint8_t *bytes, size_t size, const char *name)
{
    for (size_t cut = 0; cut < size; cut += cut < 64 ? 1 : 37) {
        err_t err = ERR_INIT;
        image_t out = IMAGE_EMPTY;
        uint8_t *copy = malloc(cut + 1); /* exact, so that sanitizers see an overrun */
        memcpy(copy, bytes, cut);
        if (image_decode(copy, cut, name, &out, &err) != -1) {
            CU_FAIL("a cut file was read");
            fprintf(stderr, "%s cut at %zu of %zu was read\n", name, cut, size);
        }
        CHECK_ERROR_NAMES(&err, name);
        CU_ASSERT_PTR_NULL(out.rgb);
        image_free(&out);
        free(copy);
    }
}

static void test_truncated(void)
{
    image_t image = IMAGE_EMPTY;
    uint8_t *png, *jpeg;
    size_t png_size;
    paint(&image, WIDTH, HEIGHT);
    CHECK_INT(image_encode_png(&image, &png, &png_size, NULL), 0);
    size_t jpeg_size = make_jpeg(&image, &jpeg);
    refuse_cuts(png, png_size, "cut.png");
    refuse_cuts(jpeg, jpeg_size - 2, "cut.jpg");
    free(png);
    tjFree(jpeg);
    image_free(&image);
}

/* Random damage may or may not be noticed, but never crashes, and a picture is whole or absent. */
static void test_damaged(void)
{
    image_t image = IMAGE_EMPTY, out = IMAGE_EMPTY;
    uint8_t *files[2];
    size_t sizes[2];
    rng_t rng;
    rng_seed(&rng, 7, 0);
    paint(&image, WIDTH, HEIGHT);
    CHECK_INT(image_encode_png(&image, &files[0], &sizes[0], NULL), 0);
    sizes[1] = make_jpeg(&image, &files[1]);
    for (int trial = 0; trial < 400; trial++) {
        size_t size = sizes[trial % 2];
        uint8_t *copy = malloc(size);
        memcpy(copy, files[trial % 2], size);
        for (int i = 0; i < 3; i++) {
            copy[8 + rng_below(&rng, (uint32_t)size - 8)] = (uint8_t)rng_below(&rng, 256);
        }
        err_t err = ERR_INIT;
        int status = image_decode(copy, size, "damaged", &out, &err);
        CU_ASSERT((status == 0) == (out.rgb != NULL));
        CU_ASSERT(status == 0 || strstr(err.text, "damaged") != NULL);
        free(copy);
    }
    free(files[0]);
    tjFree(files[1]);
    image_free(&image);
    image_free(&out);
}

static uint32_t crc(const uint8_t *at, size_t size)
{
    uint32_t value = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        value ^= at[i];
        for (int bit = 0; bit < 8; bit++) {
            value = value >> 1 ^ ((value & 1u) != 0 ? 0xedb88320u : 0u);
        }
    }
    return ~value;
}

/* A tiny file that claims a huge picture. */
static void test_bomb(void)
{
    image_t image = IMAGE_EMPTY, out = IMAGE_EMPTY;
    err_t err = ERR_INIT;
    uint8_t *png;
    size_t size;
    paint(&image, 4, 4);
    CHECK_INT(image_encode_png(&image, &png, &size, NULL), 0);
    const uint8_t claim[8] = {0, 0, 0x1f, 0xff, 0, 0, 0x1f, 0xff}; /* 8191 x 8191 */
    memcpy(png + 16, claim, 8);
    uint32_t sum = crc(png + 12, 17);
    for (int i = 0; i < 4; i++) {
        png[29 + i] = (uint8_t)(sum >> (24 - 8 * i));
    }
    CHECK_INT(image_decode(png, size, "bomb.png", &out, &err), -1);
    CHECK_ERROR_NAMES(&err, "bomb.png");
    CHECK_ERROR_NAMES(&err, "8191");
    free(png);
    image_free(&image);
    CHECK_INT(image_resize(&out, 16384, 16384, &err), -1);
    CHECK_INT(image_resize(&out, 0, 5, &err), -1);
}

static void test_neither(void)
{
    err_t err = ERR_INIT;
    image_t out = IMAGE_EMPTY;
    CHECK_INT(image_decode("GIF89a...", 9, "x.gif", &out, &err), -1);
    CHECK_ERROR_NAMES(&err, "x.gif");
    CHECK_INT(image_decode("", 0, "empty.png", &out, &err), -1);
    CHECK_ERROR_NAMES(&err, "empty.png");
    CHECK_INT(image_load("/nonexistent.png", &out, &err), -1);
    CHECK_ERROR_NAMES(&err, "/nonexistent.png");
}

static const check_test_t tests[] = {
    {"a PNG written here reads back bit for bit", test_round_trip},
    {"grey, transparent, and 16-bit PNG become 8-bit RGB", test_kinds},
    {"a JPEG reads close to what was packed", test_jpeg},
    {"every truncated file is refused by name", test_truncated},
    {"random damage never crashes", test_damaged},
    {"a small file that claims a huge picture is refused", test_bomb},
    {"other files are refused by name", test_neither},
};

int main(void)
{
    return check_run("image", tests, CHECK_COUNT(tests));
}
