/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/gate.h"

#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MONITORS = 2, ZAP_FRAMES = 7, CURVE_BYTES = 32 };

struct gate {
    void *zmq, *zap; /* zap: NULL when plain */
    void *monitor[MONITORS];
    void *watched[MONITORS];
    int monitors;
    key_pair_t pair;
    char *allow;
    gate_counts_t counts;
    log_limit_t limit;
};

gate_t *gate_create(void *zmq, const key_pair_t *pair, const char *allow, err_t *err)
{
    gate_t *gate = calloc(1, sizeof *gate);
    if (gate == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a control server");
        return NULL;
    }
    gate->zmq = zmq;
    if (pair == NULL) {
        return gate;
    }
    gate->pair = *pair;
    gate->allow = strdup(allow);
    gate->zap = zmq_socket(zmq, ZMQ_REP);
    const int linger = 0;
    if (gate->allow == NULL || gate->zap == NULL ||
        zmq_setsockopt(gate->zap, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_bind(gate->zap, "inproc://zeromq.zap.01") != 0) {
        err_set(err, ERR_IO, "cannot guard the control plane: %s", zmq_strerror(zmq_errno()));
        gate_destroy(gate);
        return NULL;
    }
    return gate;
}

typedef struct {
    uint8_t bytes[256];
    size_t size;
} zap_frame_t;

/* Takes a whole message; the number of its frames, 0 when there is none. */
static int receive(void *socket, zap_frame_t frames[ZAP_FRAMES])
{
    int count = 0, more = 1;
    while (more != 0) {
        zap_frame_t extra, *frame = count < ZAP_FRAMES ? &frames[count] : &extra;
        const int size = zmq_recv(socket, frame->bytes, sizeof frame->bytes, ZMQ_DONTWAIT);
        if (size < 0) {
            return 0;
        }
        frame->size = (size_t)size < sizeof frame->bytes ? (size_t)size : sizeof frame->bytes;
        size_t length = sizeof more;
        count++;
        zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &length);
    }
    return count;
}

static void look(gate_t *gate, void *monitor)
{
    zap_frame_t frames[ZAP_FRAMES];
    while (receive(monitor, frames) > 0) {
        uint16_t event = 0;
        memcpy(&event, frames[0].bytes, sizeof event);
        if (event == ZMQ_EVENT_DISCONNECTED) {
            gate->counts.disconnected++;
        } else if (event != ZMQ_EVENT_HANDSHAKE_FAILED_AUTH) { /* that one was our own answer */
            gate->counts.bad_handshakes += event != 0;
        }
    }
}

void gate_destroy(gate_t *gate)
{
    if (gate == NULL) {
        return;
    }
    for (int i = 0; i < gate->monitors; i++) {
        /* The other way round, libzmq loses the memory of events that come meanwhile. */
        zmq_socket_monitor(gate->watched[i], NULL, 0);
        look(gate, gate->monitor[i]);
        zmq_close(gate->monitor[i]);
    }
    if (gate->zap != NULL) {
        zmq_close(gate->zap);
    }
    keys_wipe(&gate->pair);
    free(gate->allow);
    free(gate);
}

static int watch(gate_t *gate, void *socket, err_t *err)
{
    static const int events = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
                              ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_DISCONNECTED;
    char name[64];
    snprintf(name, sizeof name, "inproc://semradio.monitor.%d", gate->monitors);
    void *monitor = zmq_socket(gate->zmq, ZMQ_PAIR);
    const int linger = 0;
    if (monitor == NULL || zmq_setsockopt(monitor, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_socket_monitor(socket, name, events) != 0 || zmq_connect(monitor, name) != 0) {
        if (monitor != NULL) {
            zmq_close(monitor);
        }
        return err_set(err, ERR_IO, "cannot watch the control plane: %s",
                       zmq_strerror(zmq_errno()));
    }
    gate->watched[gate->monitors] = socket;
    gate->monitor[gate->monitors++] = monitor;
    return 0;
}

int gate_guard(gate_t *gate, void *socket, err_t *err)
{
    if (gate->zap != NULL) {
        const int server = 1;
        static const char domain[] = "semradio";
        if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &server, sizeof server) != 0 ||
            zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, gate->pair.secret, KEY_SIZE) != 0 ||
            zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, sizeof domain - 1) != 0) {
            return err_set(err, ERR_IO, "cannot use CURVE: %s", zmq_strerror(zmq_errno()));
        }
    }
    return watch(gate, socket, err);
}

int gate_items(const gate_t *gate, zmq_pollitem_t items[])
{
    int count = 0;
    if (gate->zap != NULL) {
        items[count++] = (zmq_pollitem_t){.socket = gate->zap, .events = ZMQ_POLLIN};
    }
    for (int i = 0; i < gate->monitors; i++) {
        items[count++] = (zmq_pollitem_t){.socket = gate->monitor[i], .events = ZMQ_POLLIN};
    }
    return count;
}

static bool is_text(const zap_frame_t *frame, const char *text)
{
    return frame->size == strlen(text) && memcmp(frame->bytes, text, frame->size) == 0;
}

/* version, request, domain, address, identity, mechanism, credentials */
static bool may_enter(gate_t *gate, const zap_frame_t *frames, int count, char open[KEY_SIZE])
{
    bool broken = false;
    if (count != ZAP_FRAMES || !is_text(&frames[0], "1.0") || !is_text(&frames[5], "CURVE") ||
        frames[6].size != CURVE_BYTES ||
        zmq_z85_encode(open, frames[6].bytes, CURVE_BYTES) == NULL) {
        return false;
    }
    const bool allowed = keys_allowed(gate->allow, open, &broken);
    uint64_t more;
    if (!allowed && log_limit_allow(&gate->limit, 5.0, &more)) {
        log_warn("control: refused the key %s from %.*s%s (and %llu more)", open,
                 (int)frames[3].size, (const char *)frames[3].bytes,
                 broken ? ": control.allow cannot be read" : "", (unsigned long long)more);
    }
    return allowed;
}

static void answer(gate_t *gate)
{
    zap_frame_t frames[ZAP_FRAMES];
    int count;
    while ((count = receive(gate->zap, frames)) > 0) {
        char open[KEY_SIZE] = "";
        const bool allowed = may_enter(gate, frames, count, open);
        gate->counts.accepted += allowed;
        gate->counts.refused_keys += !allowed;
        zmq_send(gate->zap, "1.0", 3, ZMQ_SNDMORE);
        zmq_send(gate->zap, frames[1].bytes, count > 1 ? frames[1].size : 0, ZMQ_SNDMORE);
        zmq_send(gate->zap, allowed ? "200" : "400", 3, ZMQ_SNDMORE);
        zmq_send(gate->zap, allowed ? "OK" : "key not allowed", allowed ? 2 : 15, ZMQ_SNDMORE);
        zmq_send(gate->zap, open, strlen(open), ZMQ_SNDMORE);
        zmq_send(gate->zap, "", 0, 0);
    }
}

void gate_serve(gate_t *gate)
{
    if (gate->zap != NULL) {
        answer(gate);
    }
    for (int i = 0; i < gate->monitors; i++) {
        look(gate, gate->monitor[i]);
    }
}

gate_counts_t gate_counts(const gate_t *gate)
{
    return gate->counts;
}
