/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recorder: writes samples to a SigMF recording while they pass.
 *
 *     recorder_t *rec = recorder_open(&config, &err);
 *     recorder_push(rec, x, count, timestamp);      the radio thread; never waits
 *     recorder_note(rec, &note);                    one other thread: a frame was seen there
 *     recorder_close(rec, &err);
 *
 * A thread of the recorder's own writes the disk.  When it is too slow, whole blocks are left
 * out and counted; the recording then has a gap, and says so by a new capture segment.
 *
 * The data file grows under its name; the metadata is replaced as a whole, now and then and at the
 * end, so that a recording is valid at any moment, however the program ends.  When the disk is
 * full the recording ends there and stays valid.
 */
#ifndef RADIO_RECORDER_H
#define RADIO_RECORDER_H

#include "options.h"
#include "radio/sigmf.h"

#include <stdbool.h>

typedef struct recorder recorder_t;

typedef struct {
    const char *path; /* NAME, NAME.sigmf-meta or NAME.sigmf-data; must not exist yet */
    sigmf_datatype_t datatype;
    double rate_hz, freq_hz;
    const char *hardware;    /* core:hw: "radio air:semradio" */
    const char *description; /* core:description */
} recorder_config_t;

/* Section "record": file, format. */
extern const option_t recorder_options[];

/* A recorder as those options want it; NULL with err->code ERR_NONE when they want none. */
recorder_t *recorder_from_options(const options_t *options, double rate_hz, double freq_hz,
                                  const char *description, err_t *err);

/* NULL: ERR_STATE (there is such a recording already), ERR_IO, ERR_MEMORY. */
recorder_t *recorder_open(const recorder_config_t *config, err_t *err);

/* What fits of x[count] now, in whole blocks; NULL is fine and records nothing. */
void recorder_push(recorder_t *recorder, const float complex *x, size_t count, uint64_t timestamp);

/* The same, and waits up to timeout_s for room.  How many samples were taken. */
size_t recorder_push_wait(recorder_t *recorder, const float complex *x, size_t count,
                          uint64_t timestamp, double timeout_s);

/* One annotation.  Numbers below 0, NaN and "" are left out. */
typedef struct {
    uint64_t timestamp, count; /* of its first sample; how many */
    char label[21];            /* core:label */
    char status[16];           /* "ok", "lost_header", … */
    int64_t frame, image_id, images, source, destination, codec, dataset, rate, adapter_tag;
    int64_t width, height, symbols;
    double snr_db, cfo_hz;
} recorder_note_t;

void recorder_note_init(recorder_note_t *note);

/* Takes one (NULL recorder is fine).  Beyond 1,000,000, or when the queue is full, notes are
 * counted as lost. */
void recorder_note(recorder_t *recorder, const recorder_note_t *note);

typedef struct {
    uint64_t samples;         /* written */
    uint64_t dropped_samples; /* too busy to take them */
    uint64_t clipped;         /* ci16: values beyond full scale */
    uint64_t notes, notes_lost;
} recorder_counts_t;
recorder_counts_t recorder_counts(const recorder_t *recorder);

/* Everything pushed so far is written (or given up).  Waits up to timeout_s. */
bool recorder_drained(recorder_t *recorder, double timeout_s);

/* The disk failed: true, and why.  The recording has ended there. */
bool recorder_failed(recorder_t *recorder, err_t *err);

/* Writes what is left and the metadata.  NULL is fine.  -1: ERR_IO, now or earlier. */
int recorder_close(recorder_t *recorder, err_t *err);

#endif
