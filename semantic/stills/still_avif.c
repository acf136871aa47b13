/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AVIF by libavif (AV1 by libaom there, decoded by what libavif prefers).  A stream is one byte
 *
 *     1   4:2:0
 *     2   4:4:4
 *
 * and the payload of the one AV1 frame OBU.  The receiver has a frame around it for each: the
 * file that libavif makes of a blank picture of this size with the same settings, the frame's
 * payload in it replaced by as many bytes as the budget has (still_avif_file.h).  So size,
 * bit depth and colours are the receiver's own.  Zeros behind a frame are AV1's own padding.
 */
#include "stills/still_avif_file.h"
#include "stills/still_kind.h"

#include <avif/avif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLINGS = 2,
    LEVELS = 64, /* AV1's quantizer from worst to best */
    SPEED = 8,   /* of 0 … 10 */
};

static const avifPixelFormat samplings[SAMPLINGS] = {AVIF_PIXEL_FORMAT_YUV420,
                                                     AVIF_PIXEL_FORMAT_YUV444};

typedef struct {
    int width, height;
    size_t budget;
    avif_file_t frame[SAMPLINGS]; /* for payloads of budget - 1 bytes */
} avif_t;

static avifRGBImage view(avifImage *image, uint8_t *rgb)
{
    avifRGBImage out;
    avifRGBImageSetDefaults(&out, image);
    out.format = AVIF_RGB_FORMAT_RGB;
    out.depth = 8;
    out.pixels = rgb;
    out.rowBytes = 3 * image->width;
    return out;
}

static avifEncoder *encoder(int level)
{
    avifEncoder *e = avifEncoderCreate();
    if (e == NULL) {
        return NULL;
    }
    char quantizer[12];
    snprintf(quantizer, sizeof quantizer, "%d", LEVELS - 1 - level);
    e->codecChoice = AVIF_CODEC_CHOICE_AOM;
    e->maxThreads = 1;
    e->speed = SPEED;
    e->minQuantizer = AVIF_QUANTIZER_BEST_QUALITY;
    e->maxQuantizer = AVIF_QUANTIZER_WORST_QUALITY;
    avifEncoderSetCodecSpecificOption(e, "end-usage", "q");
    avifEncoderSetCodecSpecificOption(e, "cq-level", quantizer);
    avifEncoderSetCodecSpecificOption(e, "tune", "psnr");
    return e;
}

/* A file of the picture; empty when libavif fails. */
static avifRWData make_file(const avif_t *a, const uint8_t *rgb, int sampling, int level)
{
    avifRWData file = AVIF_DATA_EMPTY;
    avifEncoder *e = encoder(level);
    avifImage *image =
        avifImageCreate((uint32_t)a->width, (uint32_t)a->height, 8, samplings[sampling]);
    if (e != NULL && image != NULL) {
        image->matrixCoefficients = AVIF_MATRIX_COEFFICIENTS_BT601;
        image->yuvRange = AVIF_RANGE_FULL;
        avifRGBImage in = view(image, (uint8_t *)(uintptr_t)rgb); /* libavif knows no const */
        if (avifImageRGBToYUV(image, &in) != AVIF_RESULT_OK ||
            avifEncoderWrite(e, image, &file) != AVIF_RESULT_OK) {
            avifRWDataFree(&file);
        }
    }
    if (image != NULL) {
        avifImageDestroy(image);
    }
    if (e != NULL) {
        avifEncoderDestroy(e);
    }
    return file;
}

static void avif_close(void *state)
{
    avif_t *a = state;
    if (a != NULL) {
        for (int i = 0; i < SAMPLINGS; i++) {
            avif_file_free(&a->frame[i]);
        }
        free(a);
    }
}

static int make_frames(avif_t *a, err_t *err)
{
    uint8_t *blank = calloc(3 * (size_t)a->width, (size_t)a->height);
    int status = blank != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for a blank AVIF");
    for (int i = 0; status == 0 && i < SAMPLINGS; i++) {
        avifRWData file = make_file(a, blank, i, LEVELS / 2);
        status = avif_file_make(&a->frame[i], file.data, file.size, a->budget - 1, err);
        avifRWDataFree(&file);
    }
    free(blank);
    return status;
}

static void *avif_open(int width, int height, size_t budget, err_t *err)
{
    avif_t *a = calloc(1, sizeof *a);
    if (a == NULL) {
        err_set(err, ERR_MEMORY, "no memory for an AVIF");
        return NULL;
    }
    *a = (avif_t){.width = width, .height = height, .budget = budget};
    if (make_frames(a, err) != 0) {
        avif_close(a);
        return NULL;
    }
    return a;
}

static int avif_variants(const void *state)
{
    (void)state;
    return SAMPLINGS;
}

static size_t avif_compress(void *state, const uint8_t *rgb, int variant, int level, uint8_t *out)
{
    avif_t *a = state;
    avifRWData file = make_file(a, rgb, variant, level);
    size_t size = 0, at = 0;
    if (file.size > 0) {
        at = avif_file_payload(&a->frame[variant], file.data, file.size, &size);
    }
    if (at == 0 || size > a->budget - 1) {
        size = 0;
    } else {
        out[0] = (uint8_t)(variant + 1);
        memcpy(out + 1, file.data + at, size);
        size++;
    }
    avifRWDataFree(&file);
    return size;
}

static bool to_rgb(const avif_t *a, avifDecoder *decoder, uint8_t *rgb)
{
    avifImage *image = decoder->image;
    if (image->width != (uint32_t)a->width || image->height != (uint32_t)a->height) {
        return false;
    }
    avifRGBImage out = view(image, rgb);
    return avifImageYUVToRGB(image, &out) == AVIF_RESULT_OK;
}

static bool avif_expand(void *state, const uint8_t *bytes, uint8_t *rgb)
{
    avif_t *a = state;
    if (bytes[0] < 1 || bytes[0] > SAMPLINGS) {
        return false;
    }
    avif_file_t *frame = &a->frame[bytes[0] - 1];
    memcpy(frame->bytes + frame->payload_at, bytes + 1, a->budget - 1);
    avifDecoder *decoder = avifDecoderCreate();
    if (decoder == NULL) {
        return false;
    }
    decoder->maxThreads = 1;
    decoder->imageSizeLimit = (uint32_t)(a->width * a->height);
    bool shown = avifDecoderSetIOMemory(decoder, frame->bytes, frame->size) == AVIF_RESULT_OK &&
                 avifDecoderParse(decoder) == AVIF_RESULT_OK &&
                 avifDecoderNextImage(decoder) == AVIF_RESULT_OK && to_rgb(a, decoder, rgb);
    avifDecoderDestroy(decoder);
    return shown;
}

const still_kind_ops_t still_avif = {
    .name = "avif",
    .levels = LEVELS,
    .open = avif_open,
    .close = avif_close,
    .variants = avif_variants,
    .compress = avif_compress,
    .expand = avif_expand,
};
