/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who lives, and who has which slot. */
#include "radio/segment_lock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct flock lock_on(int byte)
{
    return (struct flock){
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

bool segment_lock_take(int fd, int byte)
{
    struct flock lock = lock_on(byte);
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

void segment_lock_drop(int fd, int byte)
{
    struct flock lock = lock_on(byte);
    lock.l_type = F_UNLCK;
    (void)fcntl(fd, F_OFD_SETLK, &lock);
}

bool segment_lock_held(int fd, int byte)
{
    struct flock lock = lock_on(byte);
    return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

uint64_t segment_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

double segment_value(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool segment_air_lives(const segment_t *segment)
{
    return atomic_load(&segment->header->state) == SEGMENT_RUNNING &&
           segment_lock_held(segment->fd, 0);
}

bool segment_slot_lives(const segment_t *segment, int slot)
{
    return segment_lock_held(segment->fd, 1 + slot);
}

static void empty_ring(segment_ring_t *ring)
{
    atomic_store(&ring->head, 0);
    atomic_store(&ring->tail, 0);
    atomic_store(&ring->mark_head, 0);
    atomic_store(&ring->mark_tail, 0);
    atomic_store(&ring->want_head, 0);
    atomic_store(&ring->want_room, 0);
    atomic_store(&ring->readable.sleeping, 0);
    atomic_store(&ring->writable.sleeping, 0);
}

static int prepare_slot(segment_t *segment, int i, err_t *err)
{
    const char *base = (const char *)segment->header;
    const off_t offset = (off_t)((const char *)segment->tx[i] - base);
    const size_t bytes = (size_t)(segment->tx_samples + segment->rx_samples) * sizeof(float complex);
    const int failure = posix_fallocate(segment->fd, offset, (off_t)bytes);
    if (failure != 0) {
        return err_set_errno(err, failure, "no room for %zu MiB in the air's shared memory",
                             bytes >> 20);
    }
    segment_slot_t *slot = &segment->header->slot[i];
    empty_ring(&slot->tx);
    empty_ring(&slot->rx);
    atomic_store(&slot->epoch, 0);
    atomic_store(&slot->event_head, 0);
    atomic_store(&slot->event_tail, 0);
    atomic_store(&slot->events_lost, 0);
    atomic_store(&slot->pid, (uint32_t)getpid());
    return 0;
}

int segment_claim(segment_t *segment, err_t *err)
{
    for (int i = 0; i < SEGMENT_SLOTS; i++) {
        if (!segment_lock_take(segment->fd, 1 + i)) {
            continue;
        }
        if (atomic_load(&segment->header->slot[i].state) == SLOT_FREE) {
            if (prepare_slot(segment, i, err) < 0) {
                segment_lock_drop(segment->fd, 1 + i);
                return -1;
            }
            return i;
        }
        segment_lock_drop(segment->fd, 1 + i); /* the air has not yet cleared it */
    }
    return err_set(err, ERR_STATE, "the air has no room: all %d radios are taken", SEGMENT_SLOTS);
}

void segment_release(segment_t *segment, int slot)
{
    atomic_store(&segment->header->slot[slot].state, SLOT_LEAVING);
    wake_signal(&segment->header->air);
}
