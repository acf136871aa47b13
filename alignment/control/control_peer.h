/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_peer: the asking end of one connection, without a thread and without waiting; a hub has
 * several in its loop.  control_client.h is the same for programs that just ask.
 *
 *     uint64_t id = control_peer_ask(peer, "get", "", args, NULL, 0, 2.0, on_answer, me, &err);
 *     loop: zmq_poll(items...); control_peer_step(peer);      // calls on_answer
 *
 * Every request has a deadline.  Until then it is sent again, under the same id, when no answer
 * came: the other end carries it out once (answers.h).  A server that goes and comes back is found
 * again by itself.
 */
#ifndef CONTROL_CONTROL_PEER_H
#define CONTROL_CONTROL_PEER_H

#include "control/envelope.h"
#include "control/keys.h"

#include <zmq.h>

typedef struct {
    const char *endpoint;
    const char *server_key; /* its public key, or the .pub file; NULL or "": plain */
    const char *key;        /* path of our own pair */
} control_peer_config_t;

typedef enum {
    PEER_NOBODY,  /* nobody listens there */
    PEER_REFUSED, /* somebody does and would not have us: keys */
    PEER_SILENT,  /* connected, and no answer yet */
    PEER_READY    /* it has answered on this connection */
} control_peer_state_t;

/* `answer` and the blob live until the callback returns.  When the deadline passed, answer->ok is
   false with ERR_CLOSED (nobody), ERR_STATE (refused) or ERR_TIMEOUT, and from_peer is false. */
typedef struct {
    uint64_t id;
    const answer_t *answer;
    const uint8_t *blob;
    size_t blob_size;
    bool from_peer;
} control_answer_t;
typedef void control_answered_t(void *context, const control_answer_t *answer);

typedef struct control_peer control_peer_t;

/* ERR_ARGUMENT (endpoint, a key for only one end), ERR_IO, ERR_FORMAT (keys).  Connects in the
   background. */
control_peer_t *control_peer_create(void *zmq, const control_peer_config_t *config, err_t *err);
/* What is under way ends with ERR_CLOSED: the callbacks are called. */
void control_peer_destroy(control_peer_t *peer);

/* Applies the CURVE keys to another socket for the same server (a SUB). */
int control_peer_secure(const control_peer_t *peer, void *socket, err_t *err);

/*
 * The id, or 0 with ERR_ARGUMENT (too long), ERR_STATE (PEER_WAITING requests are under way
 * already), ERR_MEMORY.  `args` is an object or NULL, and stays the caller's; `target`: "" or whom
 * a hub should pass it on to.  The deadline counts from now.
 */
enum { PEER_WAITING = 64 };
uint64_t control_peer_ask(control_peer_t *peer, const char *command, const char *target,
                          json_t *args, const void *blob, size_t blob_size, double deadline_s,
                          control_answered_t *answered, void *context, err_t *err);

/* Without an answer this request is sent again after repeat_s (0.4 s otherwise), then after twice as
   long and so on: for short messages whose answers come at once. */
void control_peer_hurry(control_peer_t *peer, uint64_t id, double repeat_s);

/* Forgets a request; its callback is not called. */
void control_peer_forget(control_peer_t *peer, uint64_t id);

/* Takes answers, sends again, ends what is too late.  When the next thing happens by itself, in
   seconds (a deadline, a repeat). */
double control_peer_step(control_peer_t *peer);

/* To poll: two items. */
enum { PEER_ITEMS = 2 };
void control_peer_items(const control_peer_t *peer, zmq_pollitem_t items[PEER_ITEMS]);

control_peer_state_t control_peer_state(const control_peer_t *peer);
const char *control_peer_endpoint(const control_peer_t *peer);

/* How many requests have ended, one way or the other. */
uint64_t control_peer_ended(const control_peer_t *peer);

/* For tests: how often something was sent again. */
uint64_t control_peer_repeats(const control_peer_t *peer);

#endif
