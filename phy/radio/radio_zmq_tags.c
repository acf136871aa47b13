/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/radio_zmq_tags.h"

#include <string.h>

/* PMT codes (pmt/pmt_serial_tags.h). */
enum {
    PMT_TRUE,
    PMT_FALSE,
    PMT_SYMBOL,
    PMT_INT32,
    PMT_DOUBLE,
    PMT_COMPLEX,
    PMT_NULL,
    PMT_PAIR,
    PMT_VECTOR,
    PMT_DICT,
    PMT_UNIFORM_VECTOR,
    PMT_UINT64,
    PMT_TUPLE,
    PMT_INT64,
};

typedef struct {
    const uint8_t *at;
    size_t left;
    bool bad;
} reader_t;

static void skip(reader_t *r, uint64_t count)
{
    if (count > r->left) {
        r->bad = true;
        r->left = 0;
    } else {
        r->at += count;
        r->left -= (size_t)count;
    }
}

static uint64_t big_endian(reader_t *r, size_t bytes)
{
    uint64_t value = 0;
    if (r->left >= bytes) {
        for (size_t i = 0; i < bytes; i++) {
            value = value << 8 | r->at[i];
        }
    }
    skip(r, bytes);
    return r->bad ? 0 : value;
}

static uint64_t little_endian(const uint8_t *data)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) {
        value = value << 8 | data[i];
    }
    return value;
}

static void skip_uniform_vector(reader_t *r)
{
    static const uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 16}; /* u8 … f64, c32, c64 */
    const uint64_t type = big_endian(r, 1) & 0x7f;
    const uint64_t items = big_endian(r, 4);
    const uint64_t padding = big_endian(r, 1);
    if (type >= sizeof sizes) {
        r->bad = true;
        return;
    }
    skip(r, padding + items * sizes[type]);
}

/* One node of a PMT; returns how many follow as its children. */
static uint64_t skip_node(reader_t *r)
{
    switch (big_endian(r, 1)) {
    case PMT_TRUE:
    case PMT_FALSE:
    case PMT_NULL:
        return 0;
    case PMT_SYMBOL:
        skip(r, big_endian(r, 2));
        return 0;
    case PMT_INT32:
        skip(r, 4);
        return 0;
    case PMT_DOUBLE:
    case PMT_UINT64:
    case PMT_INT64:
        skip(r, 8);
        return 0;
    case PMT_COMPLEX:
        skip(r, 16);
        return 0;
    case PMT_PAIR:
    case PMT_DICT:
        return 2;
    case PMT_VECTOR:
    case PMT_TUPLE:
        return big_endian(r, 4);
    case PMT_UNIFORM_VECTOR:
        skip_uniform_vector(r);
        return 0;
    default:
        r->bad = true;
        return 0;
    }
}

/* Counts the nodes to come instead of calling itself: nesting costs no stack. */
static void skip_pmt(reader_t *r)
{
    uint64_t nodes = 1;
    while (nodes > 0 && !r->bad) {
        nodes += skip_node(r);
        nodes--;
        r->bad = r->bad || nodes > r->left; /* each needs a byte at least */
    }
}

bool radio_zmq_tags_begin(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 0xF0 && data[1] == 0x5F && data[2] == 1;
}

size_t radio_zmq_tags_read(const uint8_t *data, size_t size, uint64_t *offset)
{
    if (size < RADIO_ZMQ_TAGS_BYTES || !radio_zmq_tags_begin(data, size)) {
        return 0;
    }
    *offset = little_endian(data + 3);
    const uint64_t tags = little_endian(data + 11);
    reader_t r = {data + RADIO_ZMQ_TAGS_BYTES, size - RADIO_ZMQ_TAGS_BYTES, false};
    for (uint64_t i = 0; i < tags && !r.bad; i++) {
        skip(&r, 8);
        skip_pmt(&r);
        skip_pmt(&r);
        skip_pmt(&r);
    }
    return r.bad ? 0 : size - r.left;
}

void radio_zmq_tags_write(uint8_t header[RADIO_ZMQ_TAGS_BYTES], uint64_t offset)
{
    memset(header, 0, RADIO_ZMQ_TAGS_BYTES);
    header[0] = 0xF0;
    header[1] = 0x5F;
    header[2] = 1;
    for (int i = 0; i < 8; i++) {
        header[3 + i] = (uint8_t)(offset >> (8 * i));
    }
}
