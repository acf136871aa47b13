/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * segment: the shared memory in which radios and semradio-air meet.
 *
 * One POSIX segment per air, "/semradio.UID.NAME", mode 0600.  semradio-air
 * makes it; a radio claims one of its slots.  A slot has a ring of samples each
 * way, with marks: what happens at a position of the ring (a burst starts or
 * ends; time jumps).  Marks are published before the samples they belong to.
 *
 * Who lives is told by the kernel, not by process numbers: the air holds an
 * open-file-description lock on byte 0, the radio in slot i on byte 1 + i; they
 * fall when a process ends, however it ends.
 *
 * Nothing read from a segment is trusted: sizes and positions are checked at
 * attach and at every use, against copies of our own.
 */
#ifndef RADIO_SEGMENT_H
#define RADIO_SEGMENT_H

#include "err.h"
#include "radio/wake.h"

#include <complex.h>
#include <stdbool.h>
#include <stddef.h>

#define SEGMENT_MAGIC UINT64_C(0x7269614f49444152) /* "RADIOair" */
#define SEGMENT_VERSION 3u
#define SEGMENT_SLOTS 16 /* one transmitter and ten receivers, and some more */
#define SEGMENT_MARKS 256 /* per ring; power of two */
#define SEGMENT_EVENTS 64 /* per slot; power of two */
#define SEGMENT_MIN_RING ((uint64_t)1 << 12)
#define SEGMENT_MAX_RING ((uint64_t)1 << 26)
#define SEGMENT_ASAP UINT64_MAX

typedef enum { MARK_START, MARK_END, MARK_FRESH, MARK_GAP } mark_kind_t;

typedef struct {
    uint64_t position;  /* in samples since the slot was claimed */
    uint64_t timestamp; /* START, FRESH, GAP: of the sample at `position` */
    uint64_t value;     /* GAP: samples lost; FRESH: the epoch it answers; START: 1: even if late */
    uint64_t kind;
} mark_t;

typedef struct {
    _Alignas(64) _Atomic uint64_t head; /* written by the producer */
    _Atomic uint64_t mark_head;
    _Atomic uint64_t want_room; /* the producer sleeps until so much fits */
    _Alignas(64) _Atomic uint64_t tail; /* written by the consumer */
    _Atomic uint64_t mark_tail;
    _Atomic uint64_t want_head; /* the consumer sleeps until the head is there */
    _Alignas(64) wake_t readable;
    wake_t writable;
    mark_t marks[SEGMENT_MARKS];
} segment_ring_t;

typedef struct {
    uint64_t kind, timestamp, count;
} segment_event_t;

typedef enum { SLOT_FREE, SLOT_ATTACHED, SLOT_LEAVING } slot_state_t;

typedef struct {
    _Alignas(64) _Atomic uint32_t state;
    _Atomic uint32_t epoch; /* odd: receiving; counts starts and stops */
    _Atomic uint64_t freq_bits, tx_freq_bits; /* may change while it runs */
    _Atomic uint32_t pid; /* for messages */
    _Alignas(64) _Atomic uint64_t event_head;
    _Atomic uint64_t events_lost;
    _Alignas(64) _Atomic uint64_t event_tail;
    segment_event_t events[SEGMENT_EVENTS];
    segment_ring_t tx; /* radio to air */
    segment_ring_t rx; /* air to radio */
} segment_slot_t;

typedef enum { SEGMENT_RUNNING = 1, SEGMENT_CLOSED } segment_state_t;

typedef struct {
    _Atomic uint64_t magic; /* written last */
    uint32_t version, slots;
    uint64_t total_bytes, tx_samples, rx_samples;
    double rate_hz;
    _Atomic uint32_t state;
    _Atomic uint32_t pid;
    _Alignas(64) _Atomic uint64_t now; /* samples since the air began */
    wake_t air;                        /* the air sleeps here */
    /* What may be set while it runs (doubles as bits) … */
    _Alignas(64) _Atomic uint64_t snr_bits, cfo_bits;
    /* … and what the air says about itself. */
    _Atomic uint64_t dropped, late, underflows, stalls, bursts, radios;
    _Atomic uint64_t speed_bits, load_bits; /* samples per second, CPU share */
    segment_slot_t slot[SEGMENT_SLOTS];
} segment_header_t;

typedef struct {
    int fd;
    size_t size;
    segment_header_t *header;
    uint64_t tx_samples, rx_samples; /* checked copies */
    double rate_hz;
    float complex *tx[SEGMENT_SLOTS], *rx[SEGMENT_SLOTS];
} segment_t;

typedef struct {
    uint64_t tx_samples, rx_samples; /* powers of two */
    double rate_hz;
} segment_shape_t;

/* A name is 1 to 64 of A-Z a-z 0-9 _ . -, not starting with a dot. */
int segment_check_name(const char *name, err_t *err);

/*
 * The air's end.  A segment left by a dead air is replaced; ERR_STATE when one
 * lives.  `*replaced` tells.  segment_destroy marks it closed, wakes everybody and
 * removes the name.
 */
int segment_create(segment_t *segment, const char *name, const segment_shape_t *shape,
                   bool *replaced, err_t *err);
void segment_destroy(segment_t *segment, const char *name);

/*
 * The radio's end: ERR_TIMEOUT when there is no living air of that name *now*,
 * ERR_FORMAT when the segment is not what it should be.
 */
int segment_attach(segment_t *segment, const char *name, err_t *err);
void segment_detach(segment_t *segment);

/* Claims a free slot and empties it.  Its number, or -1 with ERR_STATE, ERR_IO. */
int segment_claim(segment_t *segment, err_t *err);
void segment_release(segment_t *segment, int slot);

bool segment_air_lives(const segment_t *segment);
bool segment_slot_lives(const segment_t *segment, int slot);

uint64_t segment_bits(double value);
double segment_value(uint64_t bits);

/*
 * Rings.  `samples` and `size` belong to the caller's checked copies.
 * ring_filled: readable samples; ring_room: writable ones; both UINT64_MAX when
 * the other side has written nonsense.
 */
uint64_t segment_filled(segment_ring_t *ring, uint64_t size);
uint64_t segment_room(segment_ring_t *ring, uint64_t size);
bool segment_mark_room(segment_ring_t *ring, uint64_t marks);
void segment_mark_push(segment_ring_t *ring, const mark_t *mark);
/* The oldest mark (a copy), or the one `ahead` after it; false when there is none, and for nonsense. */
bool segment_mark_peek(segment_ring_t *ring, uint64_t ahead, mark_t *mark);
void segment_mark_pop(segment_ring_t *ring);
/* Moves head or tail on and wakes the other side when it has what it waits for. */
void segment_written(segment_ring_t *ring, uint64_t count);
void segment_read(segment_ring_t *ring, uint64_t count, uint64_t size);

/* Events, air to radio; a full queue counts. */
void segment_event_push(segment_slot_t *slot, const segment_event_t *event);
bool segment_event_pop(segment_slot_t *slot, segment_event_t *event);

#endif
