/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WebP, lossy: a RIFF file of one chunk with one VP8 key frame (RFC 6386).  Of its first 30
 * bytes
 *
 *     "RIFF" size "WEBP"   "VP8 " size   tag[3] 9d 01 2a width[2] height[2]
 *
 * only the tag is sent.  The chunk that the receiver makes is as long as the budget: the
 * boolean decoder does not look behind the last coefficient.
 */
#include "stills/still_kind.h"

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/encode.h>

enum {
    HEAD = 30, /* bytes of a file before the frame's first partition ... */
    TAG_AT = 20,
    TAG = 3, /* ... of which so many are sent */
    LEVELS = 128,
};

typedef struct {
    int width, height;
    size_t budget;
    uint8_t *file; /* [HEAD + budget - TAG + 1] as the receiver makes it */
} webp_t;

static void put(uint8_t *at, size_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static void webp_close(void *state)
{
    webp_t *w = state;
    if (w != NULL) {
        free(w->file);
        free(w);
    }
}

static size_t file_bytes(const webp_t *w)
{
    size_t frame = HEAD - TAG_AT + w->budget - TAG;
    return TAG_AT + frame + (frame & 1);
}

static void *webp_open(int width, int height, size_t budget, err_t *err)
{
    webp_t *w = calloc(1, sizeof *w);
    if (w != NULL) {
        *w = (webp_t){.width = width, .height = height, .budget = budget > TAG ? budget : TAG};
        w->file = calloc(1, file_bytes(w));
        w->budget = budget;
    }
    if (w == NULL || w->file == NULL) {
        webp_close(w);
        err_set(err, ERR_MEMORY, "no memory for WebP in %zu bytes", budget);
        return NULL;
    }
    if (budget > TAG) {
        size_t size = file_bytes(w);
        memcpy(w->file, "RIFF....WEBPVP8 ....tag\x9d\x01\x2a", 26);
        put(w->file + 4, size - 8, 4);
        put(w->file + 16, size - TAG_AT, 4);
        put(w->file + 26, (size_t)width, 2);
        put(w->file + 28, (size_t)height, 2);
    }
    return w;
}

static int webp_variants(const void *state)
{
    (void)state;
    return 2;
}

/* The last bytes of a frame may be zeros or not; those behind them are. */
static size_t abbreviate(const webp_t *w, const WebPMemoryWriter *file, uint8_t *out)
{
    if (file->size <= HEAD || memcmp(file->mem + 12, "VP8 ", 4) != 0 ||
        file->size - HEAD + TAG > w->budget) {
        return 0;
    }
    memcpy(out, file->mem + TAG_AT, TAG);
    memcpy(out + TAG, file->mem + HEAD, file->size - HEAD);
    return file->size - HEAD + TAG;
}

static size_t webp_compress(void *state, const uint8_t *rgb, int variant, int level, uint8_t *out)
{
    const webp_t *w = state;
    WebPConfig config;
    WebPPicture picture;
    if (!WebPConfigInit(&config) || !WebPPictureInit(&picture)) {
        return 0;
    }
    config.quality = 100.0f * (float)level / (LEVELS - 1);
    config.method = 6;
    config.sns_strength = 50;
    config.segments = 1;
    config.filter_strength = variant == 0 ? 0 : 30;
    WebPMemoryWriter file;
    WebPMemoryWriterInit(&file);
    picture.width = w->width;
    picture.height = w->height;
    picture.writer = WebPMemoryWrite;
    picture.custom_ptr = &file;
    size_t size = 0;
    if (WebPPictureImportRGB(&picture, rgb, 3 * w->width) && WebPEncode(&config, &picture)) {
        size = abbreviate(w, &file, out);
    }
    WebPPictureFree(&picture);
    WebPMemoryWriterClear(&file);
    return size;
}

static bool webp_expand(void *state, const uint8_t *bytes, uint8_t *rgb)
{
    webp_t *w = state;
    if (w->budget <= TAG) {
        return false;
    }
    memcpy(w->file + TAG_AT, bytes, TAG);
    memcpy(w->file + HEAD, bytes + TAG, w->budget - TAG);
    size_t stride = 3 * (size_t)w->width;
    return WebPDecodeRGBInto(w->file, file_bytes(w), rgb, stride * (size_t)w->height,
                             (int)stride) != NULL;
}

const still_kind_ops_t still_webp = {
    .name = "webp",
    .levels = LEVELS,
    .open = webp_open,
    .close = webp_close,
    .variants = webp_variants,
    .compress = webp_compress,
    .expand = webp_expand,
};
