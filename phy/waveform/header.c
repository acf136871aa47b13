/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Layout, most significant bit first (bits): version 4, flags 4, source 8,
 * destination 8, frame 16, dataset 8, image_id 32, images 8, codec 8, rate 8,
 * adapter_tag 16, width 12, height 12, symbols 20, zero 4; then CRC-24.
 *
 * Coded bit j of the cyclic repetition goes to place (j * STRIDE) mod 4800;
 * place q is part q & 1 of point i = q >> 1.  With an odd stride near 0.38 of
 * a symbol's 240 places (mod 240), neighbouring coded bits lie 45 carriers apart, and a
 * turn of the carriers by 17 per symbol keeps the repetitions of one bit apart.
 */
#include "waveform/header.h"

#include "coding/convolutional.h"

#include <liquid/liquid.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

enum {
    FIELD_BYTES = 21,
    INFO_BITS = 8 * HEADER_BYTES,
    CODED_BITS = CONVOLUTIONAL_RATE * (INFO_BITS + CONVOLUTIONAL_TAIL),
    STRIDE = 811,
    TURN = 17,
};

static int check_range(const char *name, unsigned long value, unsigned long least,
                       unsigned long most, err_t *err)
{
    if (value < least || value > most) {
        return err_set(err, ERR_ARGUMENT, "header: %s = %lu is not in %lu … %lu", name, value,
                       least, most);
    }
    return 0;
}

int header_check(const frame_header_t *header, err_t *err)
{
    if (check_range("images", header->images, 1, 255, err) != 0 ||
        check_range("rate", header->rate, 1, 255, err) != 0 ||
        check_range("width", header->width, 1, HEADER_MAX_SIDE, err) != 0 ||
        check_range("height", header->height, 1, HEADER_MAX_SIDE, err) != 0 ||
        check_range("symbols", header->symbols, 1, HEADER_MAX_SYMBOLS, err) != 0 ||
        check_range("flags", header->flags, 0, 15, err) != 0) {
        return -1;
    }
    return 0;
}

size_t header_payload(const frame_header_t *header)
{
    return (size_t)header->images * header->symbols;
}

typedef struct {
    uint8_t *bytes;
    unsigned at;
} bit_cursor_t;

static void put(bit_cursor_t *cursor, uint32_t value, unsigned bits)
{
    while (bits-- > 0) {
        cursor->bytes[cursor->at / 8] |= (uint8_t)((value >> bits & 1) << (7 - cursor->at % 8));
        cursor->at++;
    }
}

static uint32_t take(bit_cursor_t *cursor, unsigned bits)
{
    uint32_t value = 0;
    while (bits-- > 0) {
        uint32_t byte = cursor->bytes[cursor->at / 8];
        value = value << 1 | (byte >> (7 - cursor->at % 8) & 1u);
        cursor->at++;
    }
    return value;
}

static uint32_t checksum(const uint8_t *bytes)
{
    uint8_t copy[FIELD_BYTES];
    memcpy(copy, bytes, sizeof(copy));
    return crc_generate_key(LIQUID_CRC_24, copy, FIELD_BYTES) & 0xffffff;
}

void header_pack(const frame_header_t *h, uint8_t bytes[HEADER_BYTES])
{
    memset(bytes, 0, HEADER_BYTES);
    bit_cursor_t c = {bytes, 0};
    put(&c, HEADER_VERSION, 4);
    put(&c, h->flags, 4);
    put(&c, h->source, 8);
    put(&c, h->destination, 8);
    put(&c, h->frame, 16);
    put(&c, h->dataset, 8);
    put(&c, h->image_id, 32);
    put(&c, h->images, 8);
    put(&c, h->codec, 8);
    put(&c, h->rate, 8);
    put(&c, h->adapter_tag, 16);
    put(&c, h->width, 12);
    put(&c, h->height, 12);
    put(&c, h->symbols, 20);
    c.at = 8 * FIELD_BYTES;
    put(&c, checksum(bytes), 24);
}

bool header_unpack(const uint8_t bytes[HEADER_BYTES], frame_header_t *h)
{
    uint8_t copy[HEADER_BYTES];
    memcpy(copy, bytes, sizeof(copy));
    memset(h, 0, sizeof(*h));
    bit_cursor_t c = {copy, 8 * FIELD_BYTES};
    if (take(&c, 24) != checksum(copy)) {
        return false;
    }
    c.at = 0;
    frame_header_t read = {0};
    uint32_t version = take(&c, 4);
    read.flags = (uint8_t)take(&c, 4);
    read.source = (uint8_t)take(&c, 8);
    read.destination = (uint8_t)take(&c, 8);
    read.frame = (uint16_t)take(&c, 16);
    read.dataset = (uint8_t)take(&c, 8);
    read.image_id = take(&c, 32);
    read.images = (uint8_t)take(&c, 8);
    read.codec = (uint8_t)take(&c, 8);
    read.rate = (uint8_t)take(&c, 8);
    read.adapter_tag = (uint16_t)take(&c, 16);
    read.width = (uint16_t)take(&c, 12);
    read.height = (uint16_t)take(&c, 12);
    read.symbols = take(&c, 20);
    if (version != HEADER_VERSION || take(&c, 4) != 0 || header_check(&read, NULL) != 0) {
        return false;
    }
    *h = read;
    return true;
}

enum { REPEATED = HEADER_SOFT_BITS / CODED_BITS };
_Static_assert(HEADER_SOFT_BITS % CODED_BITS == 0, "every coded bit is sent equally often");

static uint16_t place[HEADER_SOFT_BITS]; /* of coded bit j mod 600 in the soft-bit array */
static uint16_t source[HEADER_SOFT_BITS]; /* and back: the coded bit at each place */
static float sign[HEADER_SOFT_BITS];      /* -1: bit j is sent inverted */
static float level[HEADER_SOFT_BITS];     /* the same by place, times the amplitude */
static pthread_once_t tables_made = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    unsigned state = 0x1ff; /* x^9 + x^5 + 1, so that equal bytes do not make peaks */
    for (size_t j = 0; j < HEADER_SOFT_BITS; j++) {
        size_t q = j * STRIDE % HEADER_SOFT_BITS;
        size_t point = q >> 1, symbol = point / NUMEROLOGY_DATA;
        size_t carrier = (point + TURN * symbol) % NUMEROLOGY_DATA;
        unsigned bit = (state >> 8 ^ state >> 4) & 1u;
        place[j] = (uint16_t)(2 * (symbol * NUMEROLOGY_DATA + carrier) + (q & 1));
        source[place[j]] = (uint16_t)(j % CODED_BITS);
        sign[j] = bit ? -1.0f : 1.0f;
        level[place[j]] = sign[j] * (float)M_SQRT1_2;
        state = (state << 1 | bit) & 0x1ff;
    }
}

void header_encode(const frame_header_t *header, float complex points[HEADER_SYMBOLS])
{
    uint8_t bytes[HEADER_BYTES], bits[INFO_BITS], coded[CODED_BITS];
    float value[CODED_BITS];
    header_pack(header, bytes);
    for (size_t i = 0; i < INFO_BITS; i++) {
        bits[i] = bytes[i / 8] >> (7 - i % 8) & 1;
    }
    convolutional_encode(bits, INFO_BITS, coded);
    for (size_t i = 0; i < CODED_BITS; i++) {
        value[i] = coded[i] ? 1.0f : -1.0f;
    }
    pthread_once(&tables_made, make_tables);
    for (size_t i = 0; i < HEADER_SYMBOLS; i++) {
        points[i] = CMPLXF(level[2 * i] * value[source[2 * i]],
                           level[2 * i + 1] * value[source[2 * i + 1]]);
    }
}

/* The repetitions of each coded bit added up. */
static void combine(const float *soft, float sum[CODED_BITS])
{
    memset(sum, 0, CODED_BITS * sizeof(*sum));
    pthread_once(&tables_made, make_tables);
    for (size_t r = 0; r < REPEATED; r++) {
        const uint16_t *from = place + r * CODED_BITS;
        const float *with = sign + r * CODED_BITS;
        for (size_t j = 0; j < CODED_BITS; j++) {
            float s = soft[from[j]];
            s = fabsf(s) <= 1e30f ? s : 0.0f; /* false for NaN too */
            sum[j] += with[j] * s;
        }
    }
}

bool header_decode(const float soft[HEADER_SOFT_BITS], frame_header_t *header)
{
    float sum[CODED_BITS];
    combine(soft, sum);
    float mean = 0.0f;
    for (size_t i = 0; i < CODED_BITS; i++) {
        mean += fabsf(sum[i]) / CODED_BITS;
    }
    memset(header, 0, sizeof(*header));
    if (!(mean > 0.0f)) {
        return false;
    }
    int8_t quantised[CODED_BITS];
    for (size_t i = 0; i < CODED_BITS; i++) {
        float q = sum[i] / mean * 32.0f;
        quantised[i] = (int8_t)lrintf(q > 127.0f ? 127.0f : q < -127.0f ? -127.0f : q);
    }
    uint8_t bits[INFO_BITS], bytes[HEADER_BYTES] = {0};
    convolutional_decode(quantised, INFO_BITS, bits);
    for (size_t i = 0; i < INFO_BITS; i++) {
        bytes[i / 8] |= (uint8_t)(bits[i] << (7 - i % 8));
    }
    return header_unpack(bytes, header);
}
