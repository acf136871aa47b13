/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * radio_zmq_tags: the header that GNU Radio's ZeroMQ blocks write before the samples when
 * "pass tags" is on, packed and little-endian:
 *
 *     u16 0x5FF0, u8 1 (version), u64 offset, u64 number of tags,
 *     then per tag: u64 offset, and key, value, source id as serialised PMTs
 *
 * `offset` counts items since the sender began; it is the only timestamp there is.  Layout as
 * measured on GNU Radio 3.10.5; PMT codes from its pmt/pmt_serial_tags.h.
 */
#ifndef RADIO_RADIO_ZMQ_TAGS_H
#define RADIO_RADIO_ZMQ_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RADIO_ZMQ_TAGS_BYTES = 19 }; /* of a header without tags */

/* Does data[size] begin like such a header (it may still be cut short)? */
bool radio_zmq_tags_begin(const uint8_t *data, size_t size);

/*
 * Reads past a whole header.  Its length in bytes, with *offset, or 0 when it is cut short or not
 * well-formed.  The tags themselves are skipped.  Any bytes are fine.
 */
size_t radio_zmq_tags_read(const uint8_t *data, size_t size, uint64_t *offset);

/* A header without tags. */
void radio_zmq_tags_write(uint8_t header[RADIO_ZMQ_TAGS_BYTES], uint64_t offset);

#endif
