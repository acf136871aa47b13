/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What recorder.c, recorder_write.c (samples) and recorder_meta.c share; for no one else. */
#ifndef RADIO_RECORDER_PRIVATE_H
#define RADIO_RECORDER_PRIVATE_H

#include "radio/recorder.h"
#include "ring.h"

#include <pthread.h>
#include <stdatomic.h>

#define RECORDER_FIRST_META_S 2.0 /* the metadata is written anew after 2 s, 4 s, 8 s … */

enum { RECORDER_BLOCK = 8192, RECORDER_MAX_NOTES = 1 << 20 };

typedef struct {
    uint64_t timestamp;
    size_t count;
    float complex samples[RECORDER_BLOCK];
} recorder_block_t;

struct recorder {
    char *meta_path, *data_path, *hardware, *description;
    sigmf_datatype_t datatype;
    double rate_hz, freq_hz;
    uint64_t start_ns, start_wall_ns;
    ring_t *ring, *note_ring;
    pthread_t thread;
    _Atomic uint64_t pushed, done; /* blocks */
    _Atomic uint64_t samples, dropped, clipped, notes_taken, notes_lost;
    _Atomic bool failed;
    err_t why; /* written before `failed` */

    /* the writing thread's */
    int fd;
    uint8_t *scratch;
    uint64_t written, shift;
    sigmf_segment_t *segments;
    size_t segment_count, segment_room;
    bool fresh_segment;
    recorder_note_t *notes;
    size_t note_count, note_room;
    uint64_t meta_ns, next_meta_ns;
};

/* The writing thread; context is the recorder. */
void *recorder_run(void *context);
/* Notes from their ring to the list. */
void recorder_take_notes(recorder_t *recorder);

/* Replaces the metadata by what is known now.  `last`: the number of samples is final. */
int recorder_write_meta(recorder_t *recorder, bool last, err_t *err);

#endif
