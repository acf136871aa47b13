/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * still: one picture in a fixed number of bytes, by a common image format: JPEG
 * (libjpeg-turbo), WebP (libwebp), AVIF (libavif).  What a digital link sends where
 * codec/codec.h would send its symbols.
 *
 *     still_t *s = still_create(STILL_WEBP, width, height, 253, &err);
 *     if (still_encode(s, rgb, bytes) == STILL_SENT) …          // bytes[253]
 *     if (!still_decode(s, received, rgb)) … not a picture
 *
 * Size and budget are known at both ends, so no byte says them again.  A budget of tens of
 * bytes is common (a CIFAR picture), and a JPEG file has 600 bytes before its first
 * coefficient, an AVIF file 292.  So what both ends can make themselves is not sent: the
 * stream is abbreviated, and the receiver puts the rest back before it decodes:
 *
 *     JPEG   one byte for quality and chroma sampling, then the entropy-coded scan (Huffman
 *            tables of ITU-T T.81 annex K).  From STILL_WHOLE_JPEG bytes on, a whole progressive
 *            file with tables of its own, where that is better.
 *     WebP   the VP8 frame without RIFF and chunk headers, start code and size.
 *     AVIF   one byte for the chroma sampling, then the payload of the AV1 frame OBU, without
 *            container, sequence header and OBU header.
 *
 * The rest of the budget is zeros.  still_encode searches the formats' settings for the
 * least squared error that fits, and has decoded what it returns.
 *
 * Received bytes are hostile: any are taken, memory and time are bounded by the picture's
 * size (which never comes from the bytes) and the budget.  There is no checksum: bytes
 * that were damaged on the way may decode to a wrong picture; the channel code's CRC tells.
 *
 * One thread at a time.  The libraries allocate in every call, this code at create only.
 */
#ifndef STILLS_STILL_H
#define STILLS_STILL_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { STILL_JPEG, STILL_WEBP, STILL_AVIF, STILL_KINDS } still_kind_t;

typedef enum {
    STILL_SENT,
    STILL_OVER_BUDGET, /* even the lowest quality takes more bytes; they are all zeros */
} still_outcome_t;

enum {
    STILL_SIDE_MAX = 8192,       /* pixels */
    STILL_BUDGET_MAX = 16 << 20, /* bytes */
    STILL_WHOLE_JPEG = 1024,
};

typedef struct still still_t;

/* "jpeg", "webp", "avif"; and back: -1 when there is none of that name. */
const char *still_name(still_kind_t kind);
int still_find(const char *name);

/* Errors: a side or the budget out of 1 … max; no memory. */
still_t *still_create(still_kind_t kind, int width, int height, size_t budget, err_t *err);
void still_destroy(still_t *still); /* NULL is fine */

size_t still_budget(const still_t *still);

/* rgb[height][width][3] -> bytes[budget].  The same picture gives the same bytes. */
still_outcome_t still_encode(still_t *still, const uint8_t *rgb, uint8_t *bytes);

/* bytes[budget] -> rgb[height][width][3]; false: they are no picture (rgb is then undefined).
   Zeros alone never are one. */
bool still_decode(still_t *still, const uint8_t *bytes, uint8_t *rgb);

/* Fills out[pixels][3] with the mean colour of rgb[pixels][3], what a picture that was not
   received counts as. */
void still_mean_colour(const uint8_t *rgb, size_t pixels, uint8_t *out);

#endif
