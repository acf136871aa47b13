/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sigmf: the metadata of a recording, as SigMF 1.x has it (github.com/sigmf/SigMF): NAME.sigmf-meta
 * is one JSON object beside NAME.sigmf-data, which holds raw samples.
 *
 * Read are one-channel recordings of datatype cf32_le or ci16_le.  What the file says must be true:
 * malformed JSON, another datatype, a field of the wrong type, segments out of order or beyond the
 * data are errors that name the file and the field.  Unknown fields are left alone.
 *
 * Time: core:global_index of a segment is its first sample's timestamp.  A segment that begins
 * later than the one before it ends comes after a gap.
 *
 * Of our own namespace, declared optional in core:extensions: "semradio:sample_count" in global
 * (samples in the data file), and in each annotation what is known of a frame (recorder.h).
 */
#ifndef RADIO_SIGMF_H
#define RADIO_SIGMF_H

#include "err.h"

#include <complex.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { SIGMF_CF32, SIGMF_CI16 } sigmf_datatype_t;

#define SIGMF_META       ".sigmf-meta"
#define SIGMF_DATA       ".sigmf-data"
#define SIGMF_CI16_SCALE 32767.0f /* full scale 1.0 */

typedef struct {
    uint64_t start;     /* first sample, counted in the data file */
    uint64_t timestamp; /* its place in time */
    double freq_hz;     /* NaN: not told */
} sigmf_segment_t;

typedef struct {
    uint64_t start, count; /* in the data file; count 0: not told */
    char label[64];        /* "": none */
} sigmf_annotation_t;

typedef struct {
    sigmf_datatype_t datatype;
    double rate_hz;
    uint64_t samples; /* said to be in the data file; UINT64_MAX: not told */
    uint64_t trailing_bytes;
    sigmf_segment_t *segments; /* at least one, the first at 0 */
    size_t segment_count;
    sigmf_annotation_t *annotations;
    size_t annotation_count;
} sigmf_t;

size_t sigmf_sample_bytes(sigmf_datatype_t datatype);
const char *sigmf_datatype_name(sigmf_datatype_t datatype);

/* text[length] is the metadata; `name` stands for the file in messages.  NULL: ERR_FORMAT,
   ERR_UNSUPPORTED (well-formed, but not for us), ERR_MEMORY. */
sigmf_t *sigmf_parse(const char *text, size_t length, const char *name, err_t *err);

/* Reads NAME.sigmf-meta; `path` is that, or NAME, or NAME.sigmf-data. */
sigmf_t *sigmf_load(const char *path, err_t *err);
void sigmf_free(sigmf_t *sigmf); /* NULL is fine */

/* Everything the metadata says lies within `samples` samples.  ERR_FORMAT. */
int sigmf_check_data(const sigmf_t *sigmf, uint64_t samples, const char *name, err_t *err);

/* NAME.sigmf-meta or NAME.sigmf-data for any of the three; malloc'ed, NULL without memory. */
char *sigmf_path(const char *path, const char *suffix);

/* Between file and samples; values beyond +-1 are clipped to ci16, their number is returned. */
void sigmf_decode(sigmf_datatype_t datatype, const void *data, float complex *x, size_t count);
size_t sigmf_encode(sigmf_datatype_t datatype, const float complex *x, void *data, size_t count);

#endif
