/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "intake.h"

#include "program.h"
#include "ring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BLOCKS = 256 }; /* 0.27 s at 7.68 MS/s */

struct intake {
    radio_t *radio;
    ring_t *blocks;
    intake_block_t spare; /* what finds no room is pulled too */
    pthread_t thread;
    _Atomic bool stop;
    _Atomic uint64_t lost;
};

static void *pull_blocks(void *context)
{
    intake_t *in = context;
    program_name_thread("radio");
    (void)program_come_first();
    while (!atomic_load(&in->stop)) {
        intake_block_t *room = ring_acquire(in->blocks), *block = room != NULL ? room : &in->spare;
        float complex *x[1] = {block->samples};
        radio_pull_t info = {0};
        const ssize_t count = radio_pull(in->radio, x, INTAKE_BLOCK, 0.05, &info, NULL);
        if (count <= 0) {
            continue;
        }
        block->timestamp = info.timestamp;
        block->count = (size_t)count;
        atomic_fetch_add(&in->lost, info.lost + (room != NULL ? 0 : (uint64_t)count));
        if (room != NULL) {
            ring_commit(in->blocks);
        }
    }
    return NULL;
}

intake_t *intake_start(radio_t *radio, err_t *err)
{
    intake_t *in = calloc(1, sizeof *in);
    if (in == NULL) {
        err_set(err, ERR_MEMORY, "no memory for samples");
        return NULL;
    }
    in->radio = radio;
    in->blocks = ring_create(BLOCKS, sizeof(intake_block_t), err);
    if (in->blocks == NULL || pthread_create(&in->thread, NULL, pull_blocks, in) != 0) {
        if (in->blocks != NULL) {
            err_set(err, ERR_MEMORY, "cannot start a thread");
        }
        ring_destroy(in->blocks);
        free(in);
        return NULL;
    }
    return in;
}

void intake_stop(intake_t *intake)
{
    if (intake != NULL) {
        atomic_store(&intake->stop, true);
        pthread_join(intake->thread, NULL);
        ring_destroy(intake->blocks);
        free(intake);
    }
}

const intake_block_t *intake_next(intake_t *intake, double timeout_s)
{
    return ring_wait_items(intake->blocks, timeout_s) == 1 ? ring_peek(intake->blocks) : NULL;
}

void intake_release(intake_t *intake)
{
    ring_release(intake->blocks);
}

uint64_t intake_lost(const intake_t *intake)
{
    return atomic_load(&intake->lost);
}
