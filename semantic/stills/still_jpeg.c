/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JPEG (ITU-T T.81) by libjpeg-turbo.  A stream begins with one byte:
 *
 *     1 … 200   sequential, the tables of annex K: 1 + 100 (4:4:4, else 4:2:0) + quality - 1;
 *               the entropy-coded scan follows.  Its header is made by compressing the
 *               first line of nothing with the same settings.
 *     201       a whole file follows
 *
 * Everything else is no picture.  libjpeg's error handler must not return, so it jumps.
 */
#include "stills/still_kind.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after stdio.h, which it needs */
#include <jerror.h>
#include <jpeglib.h>

enum {
    QUALITIES = 100,
    FIRST_WHOLE = 201,
    END = 2,          /* the marker that ends a file */
    HEAD_ROOM = 1024, /* 623 bytes are needed */
    SCANS_MOST = 64,  /* a progressive file by libjpeg has 10 */
};

typedef struct {
    struct jpeg_compress_struct to[2]; /* [whole]: tables that were fitted to a picture stay */
    struct jpeg_decompress_struct from;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr room;
    struct jpeg_progress_mgr progress;
    jmp_buf out;
    int compressors; /* created */
    bool expands;
    int width, height;
    size_t budget, head_bytes;
    uint8_t *file; /* [HEAD_ROOM + budget + END] */
} jpeg_t;

_Noreturn static void fail(j_common_ptr info)
{
    jpeg_t *j = info->client_data;
    longjmp(j->out, 1);
}

/* A warning is damage: such a picture was not received. */
static void on_message(j_common_ptr info, int level)
{
    if (level < 0) {
        fail(info);
    }
}

static void ignore(j_compress_ptr info)
{
    (void)info;
}

static boolean full(j_compress_ptr info)
{
    fail((j_common_ptr)info);
}

/* Each scan costs a pass over all coefficients. */
static void on_progress(j_common_ptr info)
{
    if (info->is_decompressor && ((j_decompress_ptr)info)->input_scan_number > SCANS_MOST) {
        fail(info);
    }
}

static void jpeg_close(void *state)
{
    jpeg_t *j = state;
    if (j == NULL) {
        return;
    }
    for (int i = 0; i < j->compressors; i++) {
        jpeg_destroy_compress(&j->to[i]);
    }
    if (j->expands) {
        jpeg_destroy_decompress(&j->from);
    }
    free(j->file);
    free(j);
}

/* Everything up to the scan, into `file`: its length. */
static size_t put_head(jpeg_t *j, bool full_chroma, int quality);

static bool start(jpeg_t *j)
{
    j->from.err = jpeg_std_error(&j->errors);
    j->errors.error_exit = fail;
    j->errors.emit_message = on_message;
    j->room.init_destination = j->room.term_destination = ignore;
    j->room.empty_output_buffer = full;
    j->progress.progress_monitor = on_progress;
    j->from.client_data = j;
    if (setjmp(j->out) != 0) {
        return false;
    }
    while (j->compressors < 2) {
        struct jpeg_compress_struct *to = &j->to[j->compressors];
        to->err = &j->errors;
        to->client_data = j;
        jpeg_create_compress(to);
        to->dest = &j->room;
        j->compressors++;
    }
    jpeg_create_decompress(&j->from);
    j->expands = true;
    j->from.progress = &j->progress;
    j->head_bytes = put_head(j, false, 1);
    return j->head_bytes > 0;
}

static void *jpeg_open(int width, int height, size_t budget, err_t *err)
{
    jpeg_t *j = calloc(1, sizeof *j);
    if (j != NULL) {
        j->width = width;
        j->height = height;
        j->budget = budget;
        j->file = malloc(HEAD_ROOM + budget + END);
    }
    if (j == NULL || j->file == NULL || !start(j)) {
        jpeg_close(j);
        err_set(err, ERR_MEMORY, "no memory for JPEG in %zu bytes", budget);
        return NULL;
    }
    return j;
}

static void set(jpeg_t *j, bool full_chroma, int quality, bool whole, uint8_t *at, size_t room)
{
    struct jpeg_compress_struct *to = &j->to[whole];
    to->image_width = (JDIMENSION)j->width;
    to->image_height = (JDIMENSION)j->height;
    to->input_components = 3;
    to->in_color_space = JCS_RGB;
    jpeg_set_defaults(to);
    to->dct_method = JDCT_ISLOW;
    to->write_JFIF_header = FALSE;
    jpeg_set_quality(to, quality, TRUE);
    to->comp_info[0].h_samp_factor = to->comp_info[0].v_samp_factor = full_chroma ? 1 : 2;
    if (whole) {
        to->optimize_coding = TRUE;
        jpeg_simple_progression(to);
    }
    j->room.next_output_byte = at;
    j->room.free_in_buffer = room;
    jpeg_start_compress(to, TRUE);
}

/* Where the entropy-coded scan begins in a file that libjpeg made; 0: nowhere. */
static size_t scan_at(const uint8_t *file, size_t size)
{
    size_t at = 2;
    while (at + 4 <= size && file[at] == 0xff) {
        bool scan = file[at + 1] == 0xda;
        at += 2 + (size_t)file[at + 2] * 256 + file[at + 3];
        if (scan) {
            return at <= size ? at : 0;
        }
    }
    return 0;
}

/* Writes the first line of nothing: by then libjpeg has written all headers. */
static size_t put_head(jpeg_t *j, bool full_chroma, int quality)
{
    uint8_t *volatile line = calloc(3, (size_t)j->width);
    memset(j->file, 0, HEAD_ROOM);
    if (line != NULL && setjmp(j->out) == 0) {
        JSAMPROW rows[] = {line};
        set(j, full_chroma, quality, false, j->file, HEAD_ROOM);
        jpeg_write_scanlines(&j->to[0], rows, 1);
    }
    jpeg_abort_compress(&j->to[0]);
    free(line);
    return scan_at(j->file, HEAD_ROOM);
}

/* A whole file into `file`; its size, 0 when it is larger than `room`. */
static size_t compress(jpeg_t *j, const uint8_t *rgb, bool full_chroma, int quality, bool whole,
                       size_t room)
{
    struct jpeg_compress_struct *to = &j->to[whole];
    if (setjmp(j->out) != 0) {
        jpeg_abort_compress(to);
        return 0;
    }
    set(j, full_chroma, quality, whole, j->file, room);
    while (to->next_scanline < to->image_height) {
        size_t at = 3 * (size_t)j->width * to->next_scanline;
        JSAMPROW rows[] = {(uint8_t *)(uintptr_t)(rgb + at)}; /* libjpeg knows no const */
        jpeg_write_scanlines(to, rows, 1);
    }
    jpeg_finish_compress(to);
    return room - j->room.free_in_buffer;
}

/* 4:2:0 and 4:4:4, each abbreviated; then as whole files where these have room. */
static int jpeg_variants(const void *state)
{
    const jpeg_t *j = state;
    return j->budget >= STILL_WHOLE_JPEG ? 4 : 2;
}

static size_t jpeg_compress(void *state, const uint8_t *rgb, int variant, int level, uint8_t *out)
{
    jpeg_t *j = state;
    bool full_chroma = (variant & 1) != 0, whole = variant > 1;
    size_t skipped = whole ? 0 : j->head_bytes, end = whole ? 0 : END;
    size_t size = compress(j, rgb, full_chroma, level + 1, whole, skipped + j->budget - 1 + end);
    if (size == 0) {
        return 0;
    }
    out[0] = (uint8_t)(whole ? FIRST_WHOLE : 1 + QUALITIES * full_chroma + level);
    size -= skipped + end;
    memcpy(out + 1, j->file + skipped, size);
    return 1 + size;
}

static bool as_expected(const jpeg_t *j)
{
    const struct jpeg_decompress_struct *from = &j->from;
    return from->image_width == (JDIMENSION)j->width &&
           from->image_height == (JDIMENSION)j->height && from->num_components == 3 &&
           from->jpeg_color_space == JCS_YCbCr;
}

static bool decode(jpeg_t *j, size_t size, uint8_t *rgb)
{
    if (setjmp(j->out) != 0) {
        jpeg_abort_decompress(&j->from);
        return false;
    }
    jpeg_mem_src(&j->from, j->file, size);
    jpeg_read_header(&j->from, TRUE);
    if (!as_expected(j)) {
        fail((j_common_ptr)&j->from);
    }
    j->from.out_color_space = JCS_RGB;
    j->from.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&j->from);
    while (j->from.output_scanline < j->from.output_height) {
        JSAMPROW rows[] = {rgb + 3 * (size_t)j->width * j->from.output_scanline};
        jpeg_read_scanlines(&j->from, rows, 1);
    }
    jpeg_abort_decompress(&j->from); /* what follows the scan is padding */
    return true;
}

static bool jpeg_expand(void *state, const uint8_t *bytes, uint8_t *rgb)
{
    jpeg_t *j = state;
    int first = bytes[0];
    if (first < 1 || first > FIRST_WHOLE) {
        return false;
    }
    size_t head = 0;
    if (first < FIRST_WHOLE) {
        head = put_head(j, first > QUALITIES, (first - 1) % QUALITIES + 1);
        if (head != j->head_bytes) {
            return false;
        }
    }
    memcpy(j->file + head, bytes + 1, j->budget - 1);
    memcpy(j->file + head + j->budget - 1, "\xff\xd9", END);
    return decode(j, head + j->budget - 1 + END, rgb);
}

const still_kind_ops_t still_jpeg = {
    .name = "jpeg",
    .levels = QUALITIES,
    .open = jpeg_open,
    .close = jpeg_close,
    .variants = jpeg_variants,
    .compress = jpeg_compress,
    .expand = jpeg_expand,
};
