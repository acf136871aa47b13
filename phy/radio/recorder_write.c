/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The recorder's own thread, the only one that touches the disk. */
#include "radio/recorder_private.h"

#include "clock.h"
#include "program.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define GAP_META_S 1.0 /* the metadata is not written anew more often than this after gaps */

static void fail(recorder_t *r, const char *what)
{
    const int why = errno;
    (void)ftruncate(r->fd, (off_t)(r->written * sigmf_sample_bytes(r->datatype)));
    err_set_errno(&r->why, why, "%s %s", what, r->data_path);
    atomic_store(&r->failed, true);
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* A segment more when the block does not continue the last one.  False: no memory. */
static bool note_segment(recorder_t *r, uint64_t timestamp)
{
    if (r->segment_count > 0) {
        const sigmf_segment_t *last = &r->segments[r->segment_count - 1];
        if (timestamp == last->timestamp + (r->written - last->start)) {
            return true;
        }
        if (timestamp < last->timestamp + (r->written - last->start)) {
            /* The radio's clock began anew: SigMF has no word for that, so time goes on. */
            r->shift += last->timestamp + (r->written - last->start) + 1 - timestamp;
            timestamp = last->timestamp + (r->written - last->start) + 1;
        }
    }
    if (r->segment_count == r->segment_room) {
        const size_t room = r->segment_room > 0 ? 2 * r->segment_room : 64;
        sigmf_segment_t *more = realloc(r->segments, room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        r->segments = more;
        r->segment_room = room;
    }
    r->segments[r->segment_count++] = (sigmf_segment_t){r->written, timestamp, r->freq_hz};
    r->fresh_segment = true;
    return true;
}

static void write_block(recorder_t *r, const recorder_block_t *block)
{
    if (atomic_load(&r->failed)) {
        return;
    }
    if (!note_segment(r, block->timestamp + r->shift)) {
        errno = ENOMEM;
        fail(r, "cannot go on with");
        return;
    }
    const size_t clipped = sigmf_encode(r->datatype, block->samples, r->scratch, block->count);
    if (!write_all(r->fd, r->scratch, block->count * sigmf_sample_bytes(r->datatype))) {
        fail(r, "cannot write");
        return;
    }
    r->written += block->count;
    atomic_store(&r->samples, r->written);
    atomic_fetch_add(&r->clipped, clipped);
}

void recorder_take_notes(recorder_t *r)
{
    recorder_note_t note;
    while (ring_pop(r->note_ring, &note)) {
        if (r->note_count == r->note_room && r->note_room < RECORDER_MAX_NOTES) {
            const size_t room = r->note_room > 0 ? 2 * r->note_room : 256;
            recorder_note_t *more = realloc(r->notes, room * sizeof *more);
            if (more != NULL) {
                r->notes = more;
                r->note_room = room;
            }
        }
        if (r->note_count == r->note_room) {
            atomic_fetch_add(&r->notes_lost, 1);
            continue;
        }
        note.timestamp += r->shift;
        r->notes[r->note_count++] = note;
        atomic_fetch_add(&r->notes_taken, 1);
    }
}

/* Keeps the recording valid for the case that the program is killed. */
static void refresh_meta(recorder_t *r, uint64_t now_ns)
{
    const bool gap = r->fresh_segment && now_ns > r->meta_ns + (uint64_t)(GAP_META_S * 1e9);
    if (!gap && now_ns < r->next_meta_ns) {
        return;
    }
    if (recorder_write_meta(r, false, atomic_load(&r->failed) ? NULL : &r->why) != 0) {
        atomic_store(&r->failed, true);
    }
    r->fresh_segment = false;
    r->meta_ns = now_ns;
    if (now_ns >= r->next_meta_ns) {
        r->next_meta_ns = now_ns + (now_ns - r->start_ns);
    }
}

void *recorder_run(void *context)
{
    recorder_t *r = context;
    program_name_thread("recorder");
    program_stand_back(5);
    for (;;) {
        const int got = ring_wait_items(r->ring, 0.1);
        if (got == 1) {
            write_block(r, ring_peek(r->ring));
            ring_release(r->ring);
            atomic_fetch_add(&r->done, 1);
        }
        recorder_take_notes(r);
        if (got < 0) {
            return NULL;
        }
        refresh_meta(r, clock_now_ns());
    }
}
