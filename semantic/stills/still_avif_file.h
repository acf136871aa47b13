/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * still_avif_file: an AVIF file whose one frame's payload can be replaced.
 *
 * An AVIF file (ISO/IEC 14496-12 boxes) that libavif makes of one picture ends with the box
 * "mdat"; in it lie the sequence header and the frame as open bitstream units (OBU: AV1
 * specification, section 5.3); the box "iloc" says where.  avif_file_make lays such a
 * file out anew for a payload of any length.
 */
#ifndef STILLS_STILL_AVIF_FILE_H
#define STILLS_STILL_AVIF_FILE_H

#include "err.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *bytes; /* [size] */
    size_t size;
    size_t payload_at, payload_bytes;
    size_t sequence_at, sequence_bytes; /* the sequence header's OBU */
} avif_file_t;

/* `file[size]` by libavif, with room for `payload_bytes` instead of its frame.  -1: it is laid
   out in another way than this code knows, or there is no memory. */
int avif_file_make(avif_file_t *made, const uint8_t *file, size_t size, size_t payload_bytes,
                   err_t *err);
void avif_file_free(avif_file_t *made);

/* Where the frame's payload lies in another file of libavif's, and how long it is.  0: another
   sequence header than `made` has, or another layout. */
size_t avif_file_payload(const avif_file_t *made, const uint8_t *file, size_t size,
                         size_t *payload_bytes);

#endif
