/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * header: what a frame says about itself, and how it survives noise.
 *
 * 21 bytes of fields and a CRC-24 make 24 bytes; 8 tail bits; a convolutional
 * code of constraint length 9 and rate 1/3; the 600 coded bits are repeated
 * cyclically to fill 2400 places, scrambled, and interleaved over all data
 * carriers of 10 QPSK symbols.  Readable well below 0 dB (docs/WAVEFORM.md).
 *
 * Every field of a received header is hostile until header_check has passed
 * it; header_decode does that.
 */
#ifndef WAVEFORM_HEADER_H
#define WAVEFORM_HEADER_H

#include "err.h"
#include "waveform/numerology.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEADER_VERSION = 1,
    HEADER_BYTES = 24,
    HEADER_SYMBOLS = NUMEROLOGY_HEADER * NUMEROLOGY_DATA, /* 2400 QPSK points */
    HEADER_SOFT_BITS = 2 * HEADER_SYMBOLS,                /* 4800 */
    HEADER_MAX_SIDE = 4095,                               /* pixels */
    HEADER_MAX_SYMBOLS = 1048575,                         /* per image */
    /* In the flags: a number that changes from run to run, so that a receiver knows a transmitter
       that started anew.  Bit 3 is free. */
    HEADER_FLAG_SESSION = 7,
};

typedef struct {
    uint8_t source;        /* id of the transmitter */
    uint8_t destination;   /* id of the receiver meant; 255: all */
    uint16_t frame;        /* counts frames, wraps */
    uint8_t dataset;       /* data-set id */
    uint32_t image_id;     /* of the first image; the others follow it */
    uint8_t images;        /* in this frame, 1 … 255 */
    uint8_t codec;         /* codec id */
    uint8_t rate;          /* p: the codec's rate, 1 … 255 */
    uint16_t adapter_tag;  /* which adapters this frame was encoded with; 0: none */
    uint16_t width, height; /* of each image, 1 … 4095 pixels */
    uint32_t symbols;      /* K: payload symbols per image, 1 … 1048575 */
    uint8_t flags;         /* 0 … 15, HEADER_FLAG_… */
} frame_header_t;

/* 0, or -1 and a sentence naming the field that is out of range. */
int header_check(const frame_header_t *header, err_t *err);

/* Payload symbols of the frame: images * K. */
size_t header_payload(const frame_header_t *header);

/* Fields to bytes with CRC, and back; unpack is false when CRC, version or a field is wrong. */
void header_pack(const frame_header_t *header, uint8_t bytes[HEADER_BYTES]);
bool header_unpack(const uint8_t bytes[HEADER_BYTES], frame_header_t *header);

/* Fields to QPSK points of unit energy: point i on data carrier i mod 120 of symbol i / 120. */
void header_encode(const frame_header_t *header, float complex points[HEADER_SYMBOLS]);

/*
 * Soft bits to fields.  soft[2 i] and soft[2 i + 1] are the log-likelihood
 * ratios (up to a common factor) of the real and imaginary part of point i:
 * positive where the part is positive.  Anything is accepted; NaN counts as
 * "not known".  False when no header can be read.
 */
bool header_decode(const float soft[HEADER_SOFT_BITS], frame_header_t *header);

#endif
