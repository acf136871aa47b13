/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * csi_file: channel state as the Linux 802.11n CSI Tool logs it from an Intel
 * 5300 card (Halperin, Hu, Sheth, Wetherall: "Tool release: gathering 802.11n
 * traces with channel state information", 2011).
 *
 * A file is a row of records: length (16 bits, big-endian, of what follows), a
 * code, and the body.  Code 0xBB is a channel measurement: a header of 20 bytes
 * (little-endian) and 30 groups of nrx * ntx pairs of signed bytes, packed without
 * alignment after 3 bits each.  Other codes are skipped.
 *
 * Files are untrusted: every length is checked before it is used.
 */
#ifndef AIR_CSI_FILE_H
#define AIR_CSI_FILE_H

#include "err.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CSI_FILE_CARRIERS = 30 };

typedef struct {
    uint32_t timestamp_us; /* of the card; wraps */
    int nrx, ntx;          /* 1 … 3 each */
    int rssi[3];           /* per receive antenna, dB above an offset; 0: none */
    int agc_db;
    int antenna[3]; /* which antenna row i of the matrix comes from, 0 … 2 */
    bool wide;      /* 40 MHz channel, else 20 */
    const uint8_t *body;
} csi_packet_t;

typedef struct csi_file csi_file_t;

/*
 * NULL with ERR_IO, or ERR_FORMAT with the file's name and the byte at which a
 * record is cut off, has impossible numbers, or the file holds no measurement.
 */
csi_file_t *csi_file_open(const char *path, err_t *err);

/* The same from memory, which is copied; `name` stands for the file in messages. */
csi_file_t *csi_file_parse(const uint8_t *data, size_t size, const char *name, err_t *err);
void csi_file_close(csi_file_t *file); /* NULL is fine */

size_t csi_file_count(const csi_file_t *file);
const csi_packet_t *csi_file_at(const csi_file_t *file, size_t index);

/*
 * h[30] of receive antenna rx (0 … 2) and transmit antenna tx, in the card's units.
 * False when the packet does not hold that pair.
 */
bool csi_packet_read(const csi_packet_t *packet, int rx, int tx, float complex *h);

/* Mean power of all its values, in the card's units. */
double csi_packet_power(const csi_packet_t *packet);

/* Offset of carrier i (0 … 29) from the channel's middle. */
double csi_carrier_hz(bool wide, int i);

#endif
