/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All numbers of boxes are big endian; an OBU's size is LEB128, seven bits a byte. */
#include "stills/still_avif_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    BOX_HEAD = 8,
    FULL_BOX_HEAD = 12,
    OBU_SEQUENCE = 1,
    OBU_DELIMITER = 2,
    OBU_FRAME = 6,
    OBU_WITH_SIZE = 2, /* the one bit that libavif's OBUs have set besides the type */
};

typedef struct {
    size_t location_at;      /* of iloc's one extent: offset[4], length[4] */
    size_t mdat_at, item_at; /* the box; and the picture in it, up to the file's end */
    size_t sequence_at, sequence_bytes;
    size_t payload_at, payload_bytes;
} layout_t;

static size_t get4(const uint8_t *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static void put4(uint8_t *at, size_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

/* The box of that name among those in file[from … to]: its place, or `to`. */
static size_t find_box(const uint8_t *file, size_t from, size_t to, const char *name)
{
    while (to - from >= BOX_HEAD) {
        size_t size = get4(file + from);
        if (size < BOX_HEAD || size > to - from) {
            break;
        }
        if (memcmp(file + from + 4, name, 4) == 0) {
            return from;
        }
        from += size;
    }
    return to;
}

/* iloc, version 0: sizes of fields 4 4 0, one item, one extent, as libavif writes it. */
static int find_location(const uint8_t *file, size_t size, layout_t *layout)
{
    static const uint8_t known[] = {0, 0, 0, 0, 0x44, 0x00, 0, 1, 0, 1, 0, 0, 0, 1};
    size_t meta = find_box(file, 0, size, "meta");
    if (meta == size) {
        return -1;
    }
    size_t end = meta + get4(file + meta);
    size_t iloc =
        meta + FULL_BOX_HEAD < end ? find_box(file, meta + FULL_BOX_HEAD, end, "iloc") : end;
    if (iloc == end || get4(file + iloc) != BOX_HEAD + sizeof known + 8 ||
        memcmp(file + iloc + BOX_HEAD, known, sizeof known) != 0) {
        return -1;
    }
    layout->location_at = iloc + BOX_HEAD + sizeof known;
    layout->mdat_at = find_box(file, 0, size, "mdat");
    layout->item_at = get4(file + layout->location_at);
    size_t length = get4(file + layout->location_at + 4);
    return layout->item_at <= size && layout->item_at >= layout->mdat_at + BOX_HEAD &&
                   length == size - layout->item_at
               ? 0
               : -1;
}

/* Reads the head of an OBU at file[*at], moves there: its type, or -1; *length of its payload. */
static int obu(const uint8_t *file, size_t size, size_t *at, size_t *length)
{
    if (*at >= size) {
        return -1;
    }
    int head = file[(*at)++];
    *length = 0;
    for (int shift = 0; *at < size && shift < 28; shift += 7) {
        uint8_t byte = file[(*at)++];
        *length |= (size_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return (head & 0x87) == OBU_WITH_SIZE && *length <= size - *at ? head >> 3 : -1;
        }
    }
    return -1;
}

static int find_units(const uint8_t *file, size_t size, layout_t *layout)
{
    size_t at = layout->item_at;
    while (at < size) {
        size_t start = at, length;
        int type = obu(file, size, &at, &length);
        if (type == OBU_SEQUENCE) {
            layout->sequence_at = start;
            layout->sequence_bytes = at + length - start;
        } else if (type == OBU_FRAME) {
            layout->payload_at = at;
            layout->payload_bytes = length;
            return layout->sequence_bytes > 0 && at + length == size ? 0 : -1;
        } else if (type != OBU_DELIMITER) {
            return -1;
        }
        at += length;
    }
    return -1;
}

static int find_layout(const uint8_t *file, size_t size, layout_t *layout)
{
    *layout = (layout_t){0};
    return find_location(file, size, layout) == 0 && find_units(file, size, layout) == 0 ? 0 : -1;
}

/* LEB128; four bytes always, which the format allows. */
static void put_length(uint8_t *at, size_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)((value >> (7 * i) & 0x7f) | (i < 3 ? 0x80 : 0));
    }
}

int avif_file_make(avif_file_t *made, const uint8_t *file, size_t size, size_t payload_bytes,
                   err_t *err)
{
    layout_t layout;
    *made = (avif_file_t){0};
    if (find_layout(file, size, &layout) != 0) {
        return err_set(err, ERR_UNSUPPORTED,
                       "this libavif lays its files out in another way than 0.11 does");
    }
    /* What lies before the sequence header, the header, the frame's OBU. */
    size_t head = layout.item_at + layout.sequence_bytes;
    made->payload_at = head + 5;
    made->payload_bytes = payload_bytes;
    made->size = made->payload_at + payload_bytes;
    made->bytes = calloc(1, made->size);
    if (made->bytes == NULL) {
        return err_set(err, ERR_MEMORY, "no memory for an AVIF of %zu bytes", made->size);
    }
    memcpy(made->bytes, file, layout.item_at);
    memcpy(made->bytes + layout.item_at, file + layout.sequence_at, layout.sequence_bytes);
    made->sequence_at = layout.item_at;
    made->sequence_bytes = layout.sequence_bytes;
    made->bytes[head] = OBU_FRAME << 3 | OBU_WITH_SIZE;
    put_length(made->bytes + head + 1, payload_bytes);
    put4(made->bytes + layout.mdat_at, made->size - layout.mdat_at);
    put4(made->bytes + layout.location_at + 4, made->size - layout.item_at);
    return 0;
}

void avif_file_free(avif_file_t *made)
{
    free(made->bytes);
    *made = (avif_file_t){0};
}

size_t avif_file_payload(const avif_file_t *made, const uint8_t *file, size_t size,
                         size_t *payload_bytes)
{
    layout_t layout;
    if (find_layout(file, size, &layout) != 0 || layout.sequence_bytes != made->sequence_bytes ||
        memcmp(file + layout.sequence_at, made->bytes + made->sequence_at, made->sequence_bytes) !=
            0) {
        return 0;
    }
    *payload_bytes = layout.payload_bytes;
    return layout.payload_at;
}
