/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gate: who may come in.  Answers libzmq's question whether a public key is allowed (ZAP,
 * https://rfc.zeromq.org/spec/27) from the allow-list, and counts the handshakes that failed before
 * that question: no CURVE at all, the wrong server key, damaged or replayed handshakes (libzmq and
 * CurveZMQ refuse those themselves, https://rfc.zeromq.org/spec/26).
 *
 * One thread, the one that serves the sockets.
 */
#ifndef CONTROL_GATE_H
#define CONTROL_GATE_H

#include "control/keys.h"
#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

enum { GATE_SOCKETS = 3 }; /* to poll: the question, a monitor for each of two sockets */

typedef struct {
    uint64_t accepted;       /* connections of allowed keys */
    uint64_t refused_keys;   /* good handshakes of keys that are not on the list */
    uint64_t bad_handshakes; /* no handshake came about */
    uint64_t disconnected;   /* connections that ended; an oversized frame ends one */
} gate_counts_t;

typedef struct gate gate_t;

/* `pair` NULL: plain, only handshakes are counted.  `allow`: path of the list. */
gate_t *gate_create(void *zmq, const key_pair_t *pair, const char *allow, err_t *err);
void gate_destroy(gate_t *gate); /* before the sockets that it guards are closed */

/* Before the bind: makes the socket a CURVE server, and watches it. */
int gate_guard(gate_t *gate, void *socket, err_t *err);

/* Fills at most GATE_SOCKETS items; how many. */
int gate_items(const gate_t *gate, zmq_pollitem_t items[]);

/* Serves what is waiting; never blocks. */
void gate_serve(gate_t *gate);

gate_counts_t gate_counts(const gate_t *gate);

#endif
