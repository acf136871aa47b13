/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sending side.  REP is a ROUTER socket that speaks the envelope of REQ ([peer][][request]),
 * because a REP socket must answer a peer that has gone: its samples would be lost.  PUB is an
 * XPUB socket, which tells who listens.
 */
#include "radio/radio_zmq.h"
#include "radio/radio_zmq_tags.h"

#include "clock.h"
#include "program.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

enum { PEER_ID = 256 };

typedef struct {
    uint8_t peer[PEER_ID];
    size_t peer_size;
    size_t most; /* samples to answer with; 0: no request is there */
} request_t;

/* One frame into data[room].  Its length (may be more than room), -1 when there is none. */
static int frame(void *socket, uint8_t *data, size_t room, bool *more)
{
    int flag = 0;
    size_t size = sizeof flag;
    const int length = zmq_recv(socket, data, room, ZMQ_DONTWAIT);
    *more = length >= 0 && zmq_getsockopt(socket, ZMQ_RCVMORE, &flag, &size) == 0 && flag != 0;
    return length;
}

static void skip_rest(void *socket, bool more)
{
    uint8_t nothing[1];
    while (more && frame(socket, nothing, sizeof nothing, &more) >= 0) {
    }
}

/* Shorter than 4 bytes: any number (srsRAN sends 1); 4 bytes: how many (GNU Radio). */
static size_t asked_for(const uint8_t *body, int length)
{
    uint32_t count = RADIO_ZMQ_SILENCE;
    if (length == 4) {
        memcpy(&count, body, sizeof count);
    }
    return length > 4 || length < 1 ? 0 : count < RADIO_ZMQ_MAX_SEND ? count : RADIO_ZMQ_MAX_SEND;
}

static void take_request(radio_zmq_t *r, request_t *request)
{
    uint8_t delimiter[1], body[8];
    bool more = false;
    const int id = frame(r->tx.socket, request->peer, sizeof request->peer, &more);
    if (id < 0) {
        return;
    }
    request->peer_size = (size_t)id;
    const int empty = more ? frame(r->tx.socket, delimiter, sizeof delimiter, &more) : -1;
    const int length = more ? frame(r->tx.socket, body, sizeof body, &more) : -1;
    request->most = empty == 0 && !more && id <= PEER_ID ? asked_for(body, length) : 0;
    skip_rest(r->tx.socket, more);
    if (request->most == 0) {
        radio_events_malformed(&r->events);
    }
}

static void take_subscriptions(radio_zmq_t *r)
{
    uint8_t first[1] = {2};
    bool more = false;
    int length;
    while ((length = frame(r->tx.socket, first, sizeof first, &more)) >= 0) {
        skip_rest(r->tx.socket, more);
        if (length >= 1 && first[0] <= 1) {
            r->subscriptions += first[0] == 1 ? 1 : -1;
        } else {
            radio_events_malformed(&r->events);
        }
    }
}

/* The samples as one frame, behind the tag header where that is wanted. */
static bool send_samples(radio_zmq_t *r, const radio_zmq_piece_t *piece)
{
    const size_t head = r->config.tx_tags ? RADIO_ZMQ_TAGS_BYTES : 0;
    const size_t size = piece->count * sizeof *piece->samples;
    zmq_msg_t message;
    if (zmq_msg_init_size(&message, head + size) != 0) {
        return false;
    }
    uint8_t *data = zmq_msg_data(&message);
    if (head > 0) {
        radio_zmq_tags_write(data, r->plan.now);
    }
    if (piece->samples == NULL) {
        memset(data + head, 0, size);
    } else {
        memcpy(data + head, piece->samples, size);
    }
    if (zmq_msg_send(&message, r->tx.socket, ZMQ_DONTWAIT) >= 0) {
        return true;
    }
    (void)zmq_msg_close(&message);
    return false;
}

static bool send_frame(radio_zmq_t *r, const void *data, size_t size)
{
    return zmq_send(r->tx.socket, data, size, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0;
}

/* The whole message.  libzmq refuses a message at its first frame or takes all of it. */
static bool send_message(radio_zmq_t *r, const radio_zmq_piece_t *piece, const request_t *request)
{
    if (request->most > 0 &&
        (!send_frame(r, request->peer, request->peer_size) || !send_frame(r, "", 0))) {
        return false;
    }
    const char *key = r->config.tx.key;
    if (*key != 0 && !send_frame(r, key, strlen(key))) {
        return false;
    }
    return send_samples(r, piece);
}

static bool refused_for_good(const radio_zmq_t *r)
{
    return r->config.tx.type == RADIO_ZMQ_SPREAD && r->config.paced;
}

static void deliver(radio_zmq_t *r, const radio_zmq_piece_t *piece, request_t *request)
{
    if (send_message(r, piece, request)) {
        radio_zmq_plan_sent(&r->plan, piece);
    } else if (request->most > 0) {
        /* The peer has gone; the samples are for the next one who asks. */
    } else if (refused_for_good(r)) {
        radio_zmq_plan_lost(&r->plan, piece, &r->events);
    } else {
        (void)radio_zmq_ready(r->tx.socket, true, 20);
    }
    request->most = 0;
    atomic_store(&r->now, r->plan.now);
}

/* May something be sent?  Waits a little when not. */
static bool wanted(radio_zmq_t *r, request_t *request)
{
    switch (r->config.tx.type) {
    case RADIO_ZMQ_DEMAND:
        if (request->most == 0 && radio_zmq_ready(r->tx.socket, false, 20)) {
            take_request(r, request);
        }
        return request->most > 0;
    case RADIO_ZMQ_SPREAD:
        take_subscriptions(r);
        if (r->config.paced || r->subscriptions > 0) {
            return true;
        }
        (void)radio_zmq_ready(r->tx.socket, false, 20);
        return false;
    case RADIO_ZMQ_PIPE:
        break;
    }
    return true;
}

static size_t most_of(const radio_zmq_t *r, const request_t *request)
{
    return r->config.tx.type == RADIO_ZMQ_DEMAND ? request->most : RADIO_ZMQ_MAX_SEND;
}

/* Filters behind us hold samples back: silence pushes the last burst through them. */
static void send_tail(radio_zmq_t *r, request_t *request)
{
    (void)radio_zmq_peers_look(&r->tx, &r->events, r->plan.now);
    const uint64_t patience_ns = r->tx.peers > 0 ? 1000000000u : 0;
    const uint64_t end = clock_now_ns() + patience_ns;
    size_t left = r->plan.now > 0 ? RADIO_ZMQ_TAIL : 0;
    while (left > 0 && clock_now_ns() < end) {
        if (wanted(r, request)) {
            const size_t most = most_of(r, request);
            const radio_zmq_piece_t tail = {NULL, left < most ? left : most};
            const uint64_t before = r->plan.now;
            deliver(r, &tail, request);
            left -= (size_t)(r->plan.now - before);
        }
    }
}

void *radio_zmq_tx_run(void *self)
{
    radio_zmq_t *r = self;
    request_t request = {.most = 0};
    program_name_thread("zmq-tx");
    while (!atomic_load(&r->stopping)) {
        (void)radio_zmq_peers_look(&r->tx, &r->events, r->plan.now);
        if (wanted(r, &request)) {
            const radio_zmq_piece_t piece =
                radio_zmq_plan_next(&r->plan, most_of(r, &request), &r->events);
            if (piece.count > 0) {
                deliver(r, &piece, &request);
            }
        }
    }
    send_tail(r, &request);
    const int linger_ms = 1000; /* what is queued still goes out, if the peer takes it */
    (void)zmq_setsockopt(r->tx.socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    radio_zmq_peers_close(&r->tx);
    return NULL;
}
