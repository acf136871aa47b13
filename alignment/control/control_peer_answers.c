/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_peer: connections come and go, answers come, deadlines pass. */
#include "control/control_peer_private.h"
#include "control/parts.h"

#include "clock.h"

#include <string.h>

/* A new connection: at once, what was not sent yet or went down with the last one.  Not what this
   connection has taken already, before its event was read: it would be answered twice. */
static void repeat_lost(control_peer_t *peer)
{
    for (int i = 0; i < PEER_WAITING; i++) {
        waiting_t *waiting = &peer->waiting[i];
        if (waiting->lost || !waiting->sent) {
            waiting->repeat_ns = 0;
            waiting->repeat_s = REPEAT_S;
        }
    }
}

static void look(control_peer_t *peer)
{
    uint8_t frame[512];
    int size;
    while ((size = zmq_recv(peer->monitor, frame, sizeof frame, ZMQ_DONTWAIT)) >= 0) {
        uint16_t event = 0;
        memcpy(&event, frame, (size_t)size < sizeof event ? 0 : sizeof event);
        (void)zmq_recv(peer->monitor, frame, sizeof frame, ZMQ_DONTWAIT); /* the address */
        switch (event) {
        case ZMQ_EVENT_CONNECTED:
            /* The handshake decides; while it keeps failing we stay refused. */
            peer->state = peer->state == PEER_REFUSED ? PEER_REFUSED : PEER_SILENT;
            break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            peer->state = PEER_SILENT;
            repeat_lost(peer);
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
            peer->state = PEER_REFUSED;
            break;
        case ZMQ_EVENT_DISCONNECTED:
            /* A CURVE server that can't read our handshake just hangs up. */
            peer->state = peer->state == PEER_READY || !peer->secure ? PEER_NOBODY : PEER_REFUSED;
            for (int i = 0; i < PEER_WAITING; i++) {
                peer->waiting[i].lost = peer->waiting[i].sent;
            }
            break;
        case ZMQ_EVENT_CLOSED:
        case ZMQ_EVENT_CONNECT_RETRIED:
            peer->state = peer->state == PEER_REFUSED ? PEER_REFUSED : PEER_NOBODY;
            break;
        default:
            break;
        }
    }
}

static void hand_over(control_peer_t *peer, const answer_t *answer, const uint8_t *blob,
                      size_t size)
{
    for (int i = 0; i < PEER_WAITING; i++) {
        if (peer->waiting[i].id == answer->id && answer->id != 0) {
            waiting_t done = peer->waiting[i];
            memset(&peer->waiting[i], 0, sizeof peer->waiting[i]); /* the callback may ask again */
            const control_answer_t given = {answer->id, answer, blob, size, true};
            peer->ended++;
            done.answered(done.context, &given);
            control_peer_release(&done);
            return;
        }
    }
}

static bool take_answer(control_peer_t *peer)
{
    zmq_msg_t part[2];
    int count = parts_receive(peer->socket, part);
    answer_t answer = {0};
    if (count >= 1 && count <= 2 &&
        answer_read(zmq_msg_data(&part[0]), zmq_msg_size(&part[0]), &answer, NULL) == 0 &&
        strcmp(answer.session, peer->session) == 0) {
        peer->state = PEER_READY;
        hand_over(peer, &answer, count == 2 ? zmq_msg_data(&part[1]) : NULL,
                  count == 2 ? zmq_msg_size(&part[1]) : 0);
    }
    answer_free(&answer);
    parts_close(part);
    return count > 0;
}

static void give_up(control_peer_t *peer, waiting_t *waiting)
{
    waiting_t done = *waiting;
    memset(waiting, 0, sizeof *waiting);
    answer_t answer = {.id = done.id};
    switch (peer->state) {
    case PEER_NOBODY:
        err_set(&answer.error, ERR_CLOSED, "nobody listens at %s", peer->endpoint);
        break;
    case PEER_REFUSED:
        err_set(&answer.error, ERR_STATE,
                "refused by %s: is our public key on its allow-list, and is its own key the one we "
                "were given?",
                peer->endpoint);
        break;
    case PEER_SILENT:
    case PEER_READY:
        err_set(&answer.error, ERR_TIMEOUT, "no answer from %s in time", peer->endpoint);
        break;
    }
    const control_answer_t given = {done.id, &answer, NULL, 0, false};
    peer->ended++;
    done.answered(done.context, &given);
    control_peer_release(&done);
}

double control_peer_step(control_peer_t *peer)
{
    look(peer);
    while (take_answer(peer)) {
    }
    const uint64_t now = clock_now_ns();
    uint64_t next = now + 1000000000u;
    for (int i = 0; i < PEER_WAITING; i++) {
        waiting_t *waiting = &peer->waiting[i];
        if (waiting->id == 0) {
            continue;
        }
        if (now >= waiting->deadline_ns) {
            give_up(peer, waiting);
            continue;
        }
        if (now >= waiting->repeat_ns) {
            control_peer_send_request(peer, waiting, now);
        }
        next = waiting->deadline_ns < next ? waiting->deadline_ns : next;
        next = waiting->repeat_ns < next ? waiting->repeat_ns : next;
    }
    return next > now ? 1e-9 * (double)(next - now) : 0.0;
}
