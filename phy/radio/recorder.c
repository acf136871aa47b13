/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "radio/recorder_private.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_S 1.0 /* of samples in the ring */

void recorder_push(recorder_t *r, const float complex *x, size_t count, uint64_t timestamp)
{
    if (r != NULL) {
        const size_t taken = recorder_push_wait(r, x, count, timestamp, 0.0);
        atomic_fetch_add(&r->dropped, count - taken);
    }
}

size_t recorder_push_wait(recorder_t *r, const float complex *x, size_t count, uint64_t timestamp,
                          double timeout_s)
{
    size_t done = 0;
    while (done < count) {
        if (timeout_s > 0.0) {
            (void)ring_wait_space(r->ring, timeout_s);
        }
        recorder_block_t *block = ring_acquire(r->ring);
        if (block == NULL) {
            break;
        }
        const size_t left = count - done;
        block->count = left < RECORDER_BLOCK ? left : RECORDER_BLOCK;
        block->timestamp = timestamp + done;
        memcpy(block->samples, x + done, block->count * sizeof *x);
        done += block->count;
        atomic_fetch_add(&r->pushed, 1);
        ring_commit(r->ring);
    }
    return done;
}

void recorder_note_init(recorder_note_t *note)
{
    *note = (recorder_note_t){.frame = -1,
                              .image_id = -1,
                              .images = -1,
                              .source = -1,
                              .destination = -1,
                              .codec = -1,
                              .dataset = -1,
                              .rate = -1,
                              .adapter_tag = -1,
                              .width = -1,
                              .height = -1,
                              .symbols = -1,
                              .snr_db = (double)NAN,
                              .cfo_hz = (double)NAN};
}

void recorder_note(recorder_t *r, const recorder_note_t *note)
{
    if (r != NULL && !ring_push(r->note_ring, note)) {
        atomic_fetch_add(&r->notes_lost, 1);
    }
}

recorder_counts_t recorder_counts(const recorder_t *r)
{
    return (recorder_counts_t){.samples = atomic_load(&r->samples),
                               .dropped_samples = atomic_load(&r->dropped),
                               .clipped = atomic_load(&r->clipped),
                               .notes = atomic_load(&r->notes_taken),
                               .notes_lost = atomic_load(&r->notes_lost)};
}

bool recorder_drained(recorder_t *r, double timeout_s)
{
    const uint64_t end = clock_now_ns() + (uint64_t)(fmax(timeout_s, 0.0) * 1e9);
    while (atomic_load(&r->done) != atomic_load(&r->pushed)) {
        if (clock_now_ns() >= end) {
            return false;
        }
        clock_sleep_s(0.001);
    }
    return true;
}

bool recorder_failed(recorder_t *r, err_t *err)
{
    const bool failed = atomic_load(&r->failed);
    if (failed && err != NULL) {
        *err = r->why;
    }
    return failed;
}

static int copy_text(char **to, const char *from)
{
    *to = strdup(from != NULL ? from : "");
    return *to != NULL ? 0 : -1;
}

static int open_files(recorder_t *r, const recorder_config_t *config, err_t *err)
{
    r->meta_path = sigmf_path(config->path, SIGMF_META);
    r->data_path = sigmf_path(config->path, SIGMF_DATA);
    if (r->meta_path == NULL || r->data_path == NULL ||
        copy_text(&r->hardware, config->hardware) != 0 ||
        copy_text(&r->description, config->description) != 0) {
        return err_set(err, ERR_MEMORY, "no memory for a recording");
    }
    if (access(r->meta_path, F_OK) == 0 || access(r->data_path, F_OK) == 0) {
        return err_set(err, ERR_STATE, "%s is there already; recordings are not overwritten",
                       access(r->meta_path, F_OK) == 0 ? r->meta_path : r->data_path);
    }
    r->fd = open(r->data_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (r->fd < 0) {
        return err_set_errno(err, errno, "cannot write %s", r->data_path);
    }
    return recorder_write_meta(r, false, err);
}

static int prepare(recorder_t *r, const recorder_config_t *config, err_t *err)
{
    r->datatype = config->datatype;
    r->rate_hz = config->rate_hz;
    r->freq_hz = config->freq_hz;
    r->start_ns = r->meta_ns = clock_now_ns();
    r->start_wall_ns = clock_wall_ns();
    r->next_meta_ns = r->start_ns + (uint64_t)(RECORDER_FIRST_META_S * 1e9);
    const size_t blocks = (size_t)(BUFFER_S * config->rate_hz / RECORDER_BLOCK) + 8;
    r->ring = ring_create(blocks, sizeof(recorder_block_t), err);
    r->note_ring = ring_create(1024, sizeof(recorder_note_t), err);
    r->scratch = malloc(RECORDER_BLOCK * sizeof(float complex));
    if (r->ring == NULL || r->note_ring == NULL) {
        return -1;
    }
    return r->scratch != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for a recording");
}

static void release(recorder_t *r)
{
    if (r->fd >= 0) {
        (void)close(r->fd);
    }
    ring_destroy(r->ring);
    ring_destroy(r->note_ring);
    free(r->scratch);
    free(r->segments);
    free(r->notes);
    free(r->meta_path);
    free(r->data_path);
    free(r->hardware);
    free(r->description);
    free(r);
}

recorder_t *recorder_open(const recorder_config_t *config, err_t *err)
{
    recorder_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a recording");
        return NULL;
    }
    r->fd = -1;
    int code = prepare(r, config, err) != 0 || open_files(r, config, err) != 0 ? -1 : 0;
    if (code == 0) {
        const int why = pthread_create(&r->thread, NULL, recorder_run, r);
        code = why == 0 ? 0 : err_set_errno(err, why, "cannot start a thread");
    }
    if (code != 0) {
        release(r);
        return NULL;
    }
    return r;
}

int recorder_close(recorder_t *r, err_t *err)
{
    if (r == NULL) {
        return 0;
    }
    ring_close(r->ring);
    pthread_join(r->thread, NULL);
    recorder_take_notes(r);
    int code = atomic_load(&r->failed) ? err_set(err, r->why.code, "%s", r->why.text) : 0;
    if (code == 0 && fsync(r->fd) != 0) {
        code = err_set_errno(err, errno, "cannot write %s", r->data_path);
    }
    if (recorder_write_meta(r, true, code == 0 ? err : NULL) != 0) {
        code = -1;
    }
    release(r);
    return code;
}
