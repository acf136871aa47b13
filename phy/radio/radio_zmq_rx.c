/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receiving side's thread: messages become blocks.  Where the pattern can hold its sender back
 * (REQ, PULL) a full ring just takes no message; SUB cannot, so whole messages are dropped and
 * counted.  A timestamp is the count of samples; GNU Radio's tag header, where it comes, knows it
 * better, and shows what got lost on the way.
 */
#include "radio/radio_zmq.h"
#include "radio/radio_zmq_tags.h"

#include "clock.h"
#include "program.h"

#include <string.h>
#include <zmq.h>

typedef struct {
    const uint8_t *data; /* of the samples, any alignment */
    size_t count;
    bool tagged;
    uint64_t offset;
} content_t;

static bool receiving(const radio_zmq_t *r)
{
    return atomic_load(&r->epoch) % 2 == 1;
}

/* Finds the samples in a message's last frame.  False: it is not what it should be. */
static bool understand(const radio_zmq_t *r, const uint8_t *data, size_t size, content_t *content)
{
    const size_t item = sizeof(float complex);
    const radio_zmq_tags_t mode = r->config.rx_tags;
    size_t head = 0;
    if (mode == RADIO_ZMQ_TAGS_YES ||
        (mode == RADIO_ZMQ_TAGS_AUTO && radio_zmq_tags_begin(data, size))) {
        head = radio_zmq_tags_read(data, size, &content->offset);
        if (head > RADIO_ZMQ_MAX_TAGS || (head > 0 && (size - head) % item != 0)) {
            head = 0;
        }
        /* Raw samples may begin with these three bytes by chance; then their length fits. */
        if (head == 0 && (mode == RADIO_ZMQ_TAGS_YES || size % item != 0)) {
            return false;
        }
    }
    content->tagged = head > 0;
    content->data = data + head;
    content->count = (size - head) / item;
    return (size - head) % item == 0 && content->count > 0 &&
           content->count <= RADIO_ZMQ_MAX_SAMPLES;
}

/* A message into `last`: the frame with the samples.  1; 0: none is there; -1: one that is bad. */
static int take_message(radio_zmq_t *r, zmq_msg_t *last)
{
    const char *key = r->config.rx.key;
    int frames = 0;
    bool good = true;
    do {
        if (zmq_msg_recv(last, r->rx.socket, ZMQ_DONTWAIT) < 0) {
            return frames == 0 ? 0 : -1;
        }
        frames++;
        if (frames == 1 && zmq_msg_more(last) && *key != 0) {
            good = zmq_msg_size(last) == strlen(key) &&
                   memcmp(zmq_msg_data(last), key, strlen(key)) == 0;
        }
    } while (zmq_msg_more(last));
    /* One frame, or a key (any, when none was asked for) and one. */
    return good && frames <= 2 && (*key == 0 || frames == 2) ? 1 : -1;
}

/* Before the samples go into the ring: what their place in time is. */
static void place(radio_zmq_t *r, const content_t *content)
{
    if (!content->tagged) {
        r->rx_synced = true;
        return;
    }
    if (r->rx_synced && content->offset > r->rx_time) {
        const uint64_t lost = content->offset - r->rx_time;
        r->rx_lost += lost;
        r->rx_discontinuous = true;
        radio_events_add(&r->events, RADIO_EVENT_OVERFLOW, content->offset, lost);
    } else if (content->offset != r->rx_time) {
        r->rx_discontinuous = true; /* the first, or a sender that began anew */
        r->rx_lost = 0;
    }
    r->rx_time = content->offset;
    r->rx_synced = true;
}

static void put_block(radio_zmq_t *r, const uint8_t *data, size_t count)
{
    radio_zmq_rx_block_t *block = ring_acquire(r->blocks);
    const uint32_t epoch = atomic_load(&r->epoch);
    if (epoch != r->rx_epoch) { /* a fresh start */
        r->rx_epoch = epoch;
        r->rx_discontinuous = true;
        r->rx_lost = 0;
    }
    memcpy(block->samples, data, count * sizeof *block->samples);
    for (size_t i = 0; r->rx_gain != 1.0f && i < count; i++) {
        block->samples[i] *= r->rx_gain;
    }
    block->timestamp = r->rx_time;
    block->count = count;
    block->lost = r->rx_lost;
    block->discontinuous = r->rx_discontinuous;
    block->epoch = epoch;
    r->rx_lost = 0;
    r->rx_discontinuous = false;
    r->rx_time += count;
    ring_commit(r->blocks);
}

static bool has_room(const radio_zmq_t *r, size_t blocks)
{
    return ring_slots(r->blocks) - ring_fill(r->blocks) >= blocks;
}

static void keep(radio_zmq_t *r, const content_t *content)
{
    const size_t blocks = (content->count + RADIO_ZMQ_BLOCK - 1) / RADIO_ZMQ_BLOCK;
    place(r, content);
    if (r->config.rx.type == RADIO_ZMQ_SPREAD && !has_room(r, blocks)) {
        radio_events_add(&r->events, RADIO_EVENT_OVERFLOW, r->rx_time + content->count,
                         content->count);
        r->rx_time += content->count;
        r->rx_lost += content->count;
        r->rx_discontinuous = true;
        return;
    }
    for (size_t at = 0; at < content->count && receiving(r);) {
        if (ring_wait_space(r->blocks, 0.02) == 1) {
            const size_t left = content->count - at;
            const size_t n = left < RADIO_ZMQ_BLOCK ? left : RADIO_ZMQ_BLOCK;
            put_block(r, content->data + at * sizeof(float complex), n);
            at += n;
        } else if (atomic_load(&r->stopping)) {
            return;
        }
    }
}

/* REQ: one request at a time, as long as there is room for the answer. */
static void ask(radio_zmq_t *r)
{
    const uint8_t any = 0xFF;
    const uint32_t count = r->config.request;
    const void *body = count > 0 ? (const void *)&count : &any;
    if (!r->rx_asked && has_room(r, ring_slots(r->blocks) / 2)) {
        r->rx_asked = zmq_send(r->rx.socket, body, count > 0 ? 4 : 1, ZMQ_DONTWAIT) > 0;
    }
}

/* What a peer that went and came back means: an unknown number of samples is missing. */
static void look_around(radio_zmq_t *r)
{
    const radio_zmq_change_t change = radio_zmq_peers_look(&r->rx, &r->events, r->rx_time);
    if (change != RADIO_ZMQ_SAME && r->config.rx.type == RADIO_ZMQ_DEMAND && r->rx.peers == 0) {
        r->rx_asked = false; /* the answer will never come */
    }
    if (change == RADIO_ZMQ_RETURNED && r->rx_synced) {
        const double away_s = (double)(clock_now_ns() - r->rx.gone_ns) * 1e-9;
        r->rx_time += 1 + (uint64_t)(away_s * r->rate_hz);
        r->rx_discontinuous = true;
        r->rx_synced = false;
        r->rx_asked = false;
    }
}

static void serve(radio_zmq_t *r, zmq_msg_t *message)
{
    content_t content;
    const bool spread = r->config.rx.type == RADIO_ZMQ_SPREAD;
    if (!receiving(r) && !spread) {
        clock_sleep_s(0.005); /* the sender waits */
        return;
    }
    if (r->config.rx.type == RADIO_ZMQ_DEMAND) {
        ask(r);
    } else if (!spread && !has_room(r, 1)) {
        (void)ring_wait_space(r->blocks, 0.02);
        return;
    }
    if (!radio_zmq_ready(r->rx.socket, false, 20)) {
        return;
    }
    const int got = take_message(r, message);
    look_around(r); /* a sender that has just come back: its arrival was told before its samples */
    r->rx_asked = r->rx_asked && got == 0;
    if (got == 1 && understand(r, zmq_msg_data(message), zmq_msg_size(message), &content)) {
        if (receiving(r)) {
            keep(r, &content);
        } else {
            place(r, &content);
            r->rx_time += content.count;
        }
    } else if (got != 0) {
        radio_events_malformed(&r->events);
        if (r->config.rx.type == RADIO_ZMQ_DEMAND) {
            clock_sleep_s(0.001); /* nobody can make us ask at full speed for nothing */
        }
    }
    atomic_store(&r->now, r->config.tx.used ? atomic_load(&r->now) : r->rx_time);
}

void *radio_zmq_rx_run(void *self)
{
    radio_zmq_t *r = self;
    zmq_msg_t message;
    (void)zmq_msg_init(&message);
    program_name_thread("zmq-rx");
    while (!atomic_load(&r->stopping)) {
        look_around(r);
        serve(r, &message);
    }
    (void)zmq_msg_close(&message);
    radio_zmq_peers_close(&r->rx);
    return NULL;
}
