/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opens a socket and follows, through libzmq's monitor, who is connected to it. */
#include "radio/radio_zmq.h"

#include "clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum {
    FAILED = ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
             ZMQ_EVENT_HANDSHAKE_FAILED_AUTH,
    WATCHED = ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | FAILED,
};

static void set_int(void *socket, int option, int value)
{
    (void)zmq_setsockopt(socket, option, &value, sizeof value);
}

static int fail(radio_zmq_peers_t *peers, const radio_zmq_end_t *end, const char *verb, err_t *err)
{
    const int why = errno;
    radio_zmq_peers_close(peers);
    return err_set(err, why == EINVAL || why == EPROTONOSUPPORT ? ERR_ARGUMENT : ERR_IO,
                   "radio=zmq: cannot %s %s: %s", verb, end->endpoint, zmq_strerror(why));
}

static void set_options(void *socket, int type, const radio_zmq_end_t *end)
{
    const int64_t limit = RADIO_ZMQ_MAX_BYTES;
    (void)zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &limit, sizeof limit);
    set_int(socket, ZMQ_SNDHWM, RADIO_ZMQ_QUEUE);
    set_int(socket, ZMQ_RCVHWM, RADIO_ZMQ_QUEUE);
    set_int(socket, ZMQ_LINGER, 0);
    set_int(socket, ZMQ_RECONNECT_IVL, 50);
    set_int(socket, ZMQ_RECONNECT_IVL_MAX, 1000);
    set_int(socket, ZMQ_HEARTBEAT_IVL, 1000); /* notices a peer whose cable was pulled */
    set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, 5000);
    if (type == ZMQ_ROUTER) {
        set_int(socket, ZMQ_ROUTER_MANDATORY, 1);
    } else if (type == ZMQ_XPUB) {
        set_int(socket, ZMQ_XPUB_NODROP, 1);
    } else if (type == ZMQ_REQ) {
        set_int(socket, ZMQ_REQ_RELAXED, 1);
    } else if (type == ZMQ_SUB) {
        (void)zmq_setsockopt(socket, ZMQ_SUBSCRIBE, end->key, strlen(end->key));
    }
}

int radio_zmq_peers_open(radio_zmq_peers_t *peers, void *context, int type,
                         const radio_zmq_end_t *end, err_t *err)
{
    const char *monitor = type == ZMQ_ROUTER || type == ZMQ_PUSH || type == ZMQ_XPUB
                              ? "inproc://monitor-tx"
                              : "inproc://monitor-rx";
    memset(peers, 0, sizeof *peers);
    peers->socket = zmq_socket(context, type);
    peers->monitor = zmq_socket(context, ZMQ_PAIR);
    if (peers->socket == NULL || peers->monitor == NULL) {
        return fail(peers, end, "make a socket for", err);
    }
    set_options(peers->socket, type, end);
    set_int(peers->monitor, ZMQ_LINGER, 0);
    if (zmq_socket_monitor(peers->socket, monitor, WATCHED) != 0 ||
        zmq_connect(peers->monitor, monitor) != 0) {
        return fail(peers, end, "watch", err);
    }
    int code = end->bind ? zmq_bind(peers->socket, end->endpoint)
                         : zmq_connect(peers->socket, end->endpoint);
    if (code != 0) {
        return fail(peers, end, end->bind ? "bind" : "connect to", err);
    }
    if (end->bind && strncmp(end->endpoint, "ipc:///", 7) == 0) {
        peers->file = end->endpoint + 6;
    }
    return 0;
}

void radio_zmq_peers_close(radio_zmq_peers_t *peers)
{
    if (peers->socket != NULL) {
        (void)zmq_close(peers->socket);
    }
    if (peers->monitor != NULL) {
        (void)zmq_close(peers->monitor);
    }
    if (peers->file != NULL) {
        (void)unlink(peers->file); /* libzmq leaves it */
    }
    peers->socket = peers->monitor = NULL;
    peers->file = NULL;
}

/* An event is two frames: u16 event and u32 value, then the address.  0: none is there. */
static int take(void *monitor)
{
    uint8_t head[6];
    char address[256];
    uint16_t event = 0;
    int more = 0;
    size_t size = sizeof more;
    if (zmq_recv(monitor, head, sizeof head, ZMQ_DONTWAIT) < 2) {
        return 0;
    }
    memcpy(&event, head, sizeof event);
    if (zmq_getsockopt(monitor, ZMQ_RCVMORE, &more, &size) == 0 && more) {
        (void)zmq_recv(monitor, address, sizeof address, ZMQ_DONTWAIT);
    }
    return event;
}

radio_zmq_change_t radio_zmq_peers_look(radio_zmq_peers_t *peers, radio_events_t *events,
                                        uint64_t now)
{
    radio_zmq_change_t change = RADIO_ZMQ_SAME;
    int event;
    while ((event = take(peers->monitor)) != 0) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            if (++peers->peers == 1) {
                radio_events_add(events,
                                 peers->ever ? RADIO_EVENT_DEVICE_BACK : RADIO_EVENT_PEER_JOINED,
                                 now, 1);
                change = peers->ever ? RADIO_ZMQ_RETURNED : change;
                peers->ever = true;
            }
        } else if (event & FAILED) {
            peers->strangers++; /* no ZeroMQ at all: it never counted, nor does its leaving */
        } else if (event == ZMQ_EVENT_DISCONNECTED && peers->strangers > 0) {
            peers->strangers--;
        } else if (event == ZMQ_EVENT_DISCONNECTED && peers->peers > 0) {
            change = change == RADIO_ZMQ_SAME ? RADIO_ZMQ_LOST_SOME : change;
            if (--peers->peers == 0) {
                peers->gone_ns = clock_now_ns();
                radio_events_add(events, RADIO_EVENT_DEVICE_GONE, now, 1);
            }
        }
    }
    return change;
}

bool radio_zmq_ready(void *socket, bool writing, long timeout_ms)
{
    zmq_pollitem_t item = {.socket = socket, .events = writing ? ZMQ_POLLOUT : ZMQ_POLLIN};
    return zmq_poll(&item, 1, timeout_ms) > 0;
}
