/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A DEALER that queues nothing while it is not connected (ZMQ_IMMEDIATE): what can't be sent now is
 * tried again later, so a server that was away does not get a heap of old requests.  A monitor
 * tells "nobody listens" from "refused".
 */
#include "control/control_peer_private.h"

#include "clock.h"
#include "control/control_server.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int control_peer_secure(const control_peer_t *peer, void *socket, err_t *err)
{
    if (!peer->secure) {
        return 0;
    }
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, peer->server_key, KEY_SIZE) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, peer->pair.open, KEY_SIZE) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, peer->pair.secret, KEY_SIZE) != 0) {
        return err_set(err, ERR_IO, "cannot use CURVE: %s", zmq_strerror(zmq_errno()));
    }
    return 0;
}

static int load_keys(control_peer_t *peer, const control_peer_config_t *config, err_t *err)
{
    const bool server = config->server_key != NULL && *config->server_key != 0;
    const bool own = config->key != NULL && *config->key != 0;
    if (server != own) {
        return err_set(err, ERR_ARGUMENT,
                       "the server's public key and a key of one's own belong "
                       "together");
    }
    peer->secure = server;
    if (!server) {
        return endpoint_is_local(config->endpoint)
                   ? 0
                   : err_set(err, ERR_ARGUMENT, "%s is not on this machine, so it needs keys",
                             config->endpoint);
    }
    return keys_public(config->server_key, peer->server_key, err) == 0 &&
                   keys_load(config->key, &peer->pair, err) == 0
               ? 0
               : -1;
}

static int set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value);
}

static int open_socket(control_peer_t *peer, void *zmq, err_t *err)
{
    char name[64];
    const int64_t largest = CONTROL_MESSAGE;
    peer->socket = zmq_socket(zmq, ZMQ_DEALER);
    peer->monitor = zmq_socket(zmq, ZMQ_PAIR);
    snprintf(name, sizeof name, "inproc://semradio.peer.%s", peer->session);
    if (peer->socket == NULL || peer->monitor == NULL ||
        set_int(peer->socket, ZMQ_LINGER, 0) != 0 || set_int(peer->monitor, ZMQ_LINGER, 0) != 0 ||
        set_int(peer->socket, ZMQ_IMMEDIATE, 1) != 0 || set_int(peer->socket, ZMQ_IPV6, 1) != 0 ||
        set_int(peer->socket, ZMQ_RECONNECT_IVL, 50) != 0 ||
        set_int(peer->socket, ZMQ_RECONNECT_IVL_MAX, 500) != 0 ||
        set_int(peer->socket, ZMQ_HEARTBEAT_IVL, 1000) != 0 ||
        set_int(peer->socket, ZMQ_HEARTBEAT_TIMEOUT, 3000) != 0 ||
        zmq_setsockopt(peer->socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) != 0 ||
        zmq_socket_monitor(peer->socket, name, ZMQ_EVENT_ALL) != 0 ||
        zmq_connect(peer->monitor, name) != 0) {
        return err_set(err, ERR_IO, "cannot open a socket: %s", zmq_strerror(zmq_errno()));
    }
    if (control_peer_secure(peer, peer->socket, err) != 0) {
        return -1;
    }
    return zmq_connect(peer->socket, peer->endpoint) == 0
               ? 0
               : err_set(err, ERR_ARGUMENT, "cannot connect to %s: %s", peer->endpoint,
                         zmq_strerror(zmq_errno()));
}

control_peer_t *control_peer_create(void *zmq, const control_peer_config_t *config, err_t *err)
{
    control_peer_t *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a connection");
        return NULL;
    }
    session_make(peer->session);
    if (endpoint_check(config->endpoint, err) != 0) {
        free(peer);
        return NULL;
    }
    strcpy(peer->endpoint, config->endpoint);
    if (load_keys(peer, config, err) != 0 || open_socket(peer, zmq, err) != 0) {
        control_peer_destroy(peer);
        return NULL;
    }
    return peer;
}

void control_peer_release(waiting_t *waiting)
{
    free(waiting->text);
    free(waiting->blob);
    memset(waiting, 0, sizeof *waiting);
}

/* Who waits gets to know, and can free what it holds. */
static void end_one(waiting_t *waiting)
{
    if (waiting->id != 0) {
        answer_t answer = {.id = waiting->id};
        err_set(&answer.error, ERR_CLOSED, "the connection was closed");
        const control_answer_t given = {waiting->id, &answer, NULL, 0, false};
        waiting->answered(waiting->context, &given);
    }
    control_peer_release(waiting);
}

/* The monitor is stopped and emptied first: libzmq loses the events that it still tries to write to
   a monitor that has gone. */
static void close_sockets(control_peer_t *peer)
{
    uint8_t frame[8];
    if (peer->socket != NULL) {
        (void)zmq_socket_monitor(peer->socket, NULL, 0);
    }
    while (peer->monitor != NULL &&
           zmq_recv(peer->monitor, frame, sizeof frame, ZMQ_DONTWAIT) >= 0) {
    }
    if (peer->monitor != NULL) {
        zmq_close(peer->monitor);
    }
    if (peer->socket != NULL) {
        zmq_close(peer->socket);
    }
}

void control_peer_destroy(control_peer_t *peer)
{
    if (peer == NULL) {
        return;
    }
    for (int i = 0; i < PEER_WAITING; i++) {
        end_one(&peer->waiting[i]);
    }
    close_sockets(peer);
    keys_wipe(&peer->pair);
    free(peer);
}

/* ---- asking ---- */

void control_peer_send_request(control_peer_t *peer, waiting_t *waiting, uint64_t now)
{
    const int more = waiting->blob != NULL ? ZMQ_SNDMORE : 0;
    bool sent =
        zmq_send(peer->socket, waiting->text, strlen(waiting->text), more | ZMQ_DONTWAIT) >= 0;
    if (sent && waiting->blob != NULL) {
        sent = zmq_send(peer->socket, waiting->blob, waiting->blob_size, ZMQ_DONTWAIT) >= 0;
    }
    if (sent) {
        peer->repeats += waiting->sent;
        waiting->sent = true;
        waiting->lost = false;
        waiting->repeat_ns = now + (uint64_t)(waiting->repeat_s * 1e9);
        waiting->repeat_s = fmin(2 * waiting->repeat_s, REPEAT_MOST_S);
    } else {
        waiting->repeat_ns = now + 20000000u; /* not connected yet */
    }
}

static int fill(control_peer_t *peer, waiting_t *waiting, const request_t *request,
                const void *blob, size_t blob_size, err_t *err)
{
    waiting->text = request_text(request, err);
    if (waiting->text == NULL) {
        return -1;
    }
    if (blob != NULL) {
        waiting->blob = malloc(blob_size + 1);
        if (waiting->blob == NULL) {
            return err_set(err, ERR_MEMORY, "no memory for a request of %zu bytes", blob_size);
        }
        memcpy(waiting->blob, blob, blob_size);
        waiting->blob_size = blob_size;
    }
    waiting->id = ++peer->next_id;
    return 0;
}

uint64_t control_peer_ask(control_peer_t *peer, const char *command, const char *target,
                          json_t *args, const void *blob, size_t blob_size, double deadline_s,
                          control_answered_t *answered, void *context, err_t *err)
{
    waiting_t *waiting = NULL;
    for (int i = 0; i < PEER_WAITING && waiting == NULL; i++) {
        waiting = peer->waiting[i].id == 0 ? &peer->waiting[i] : NULL;
    }
    if (waiting == NULL) {
        err_set(err, ERR_STATE, "%d requests to %s are under way already", PEER_WAITING,
                peer->endpoint);
        return 0;
    }
    if (strlen(command) > ENVELOPE_WORD || strlen(target) > ENVELOPE_WORD ||
        blob_size > CONTROL_CHUNK) {
        err_set(err, ERR_ARGUMENT, "a command, target or blob is too long");
        return 0;
    }
    json_t *empty = args == NULL ? json_object() : NULL;
    request_t request = {.version = CONTROL_VERSION_MIN,
                         .id = peer->next_id + 1,
                         .deadline_s = fmin(fmax(deadline_s, 1e-3), 3600.0),
                         .args = args != NULL ? args : empty};
    strcpy(request.session, peer->session);
    strcpy(request.command, command);
    strcpy(request.target, target);
    const uint64_t now = clock_now_ns();
    waiting->deadline_ns = now + (uint64_t)(request.deadline_s * 1e9);
    waiting->repeat_s = REPEAT_S;
    waiting->answered = answered;
    waiting->context = context;
    const int code = fill(peer, waiting, &request, blob, blob_size, err);
    json_decref(empty);
    if (code != 0) {
        control_peer_release(waiting);
        return 0;
    }
    control_peer_send_request(peer, waiting, now);
    return waiting->id;
}

void control_peer_hurry(control_peer_t *peer, uint64_t id, double repeat_s)
{
    for (int i = 0; i < PEER_WAITING; i++) {
        waiting_t *waiting = &peer->waiting[i];
        if (id != 0 && waiting->id == id && waiting->sent) {
            waiting->repeat_ns = clock_now_ns() + (uint64_t)(repeat_s * 1e9);
            waiting->repeat_s = 2 * repeat_s;
        }
    }
}

void control_peer_forget(control_peer_t *peer, uint64_t id)
{
    for (int i = 0; i < PEER_WAITING; i++) {
        if (id != 0 && peer->waiting[i].id == id) {
            control_peer_release(&peer->waiting[i]);
        }
    }
}

void control_peer_items(const control_peer_t *peer, zmq_pollitem_t items[PEER_ITEMS])
{
    items[0] = (zmq_pollitem_t){.socket = peer->socket, .events = ZMQ_POLLIN};
    items[1] = (zmq_pollitem_t){.socket = peer->monitor, .events = ZMQ_POLLIN};
}

control_peer_state_t control_peer_state(const control_peer_t *peer)
{
    return peer->state;
}

const char *control_peer_endpoint(const control_peer_t *peer)
{
    return peer->endpoint;
}

uint64_t control_peer_ended(const control_peer_t *peer)
{
    return peer->ended;
}

uint64_t control_peer_repeats(const control_peer_t *peer)
{
    return peer->repeats;
}
