/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of control_server.h: _server.c (life, thread), _commands.c (requests), _reports.c. */
#ifndef CONTROL_CONTROL_PRIVATE_H
#define CONTROL_CONTROL_PRIVATE_H

#include "control/answers.h"
#include "control/control_server.h"
#include "control/endpoint.h"
#include "ring.h"

#include <pthread.h>
#include <stdatomic.h>

enum { IDENTITY_BYTES = 256, TICKETS = 64 };

typedef struct {
    _Atomic uint64_t seq[CONTROL_TOPICS]; /* of the next report */
    _Atomic bool awake;                   /* a wake is on its way */
    int event_fd;
} control_wake_t;

struct control_reporter {
    control_wake_t *wake;
    ring_t *ring;
};

/* Who asked. */
typedef struct {
    uint8_t identity[IDENTITY_BYTES];
    size_t identity_size;
    bool delimiter; /* a REQ socket: an empty frame before the envelope */
    char session[SESSION_LENGTH + 1];
    uint64_t id;
    bool keep;       /* the answer */
    uint64_t ticket; /* 0: free */
} asker_t;

typedef struct {
    uint64_t requests, errors, malformed, repeated, replayed, reports, reports_dropped;
    uint64_t answers_lost; /* the client's queue was full, or it was gone */
} control_counts_t;

struct control_server {
    control_server_config_t config;
    char session[SESSION_LENGTH + 1];
    char endpoint[ENDPOINT_SIZE], reports[ENDPOINT_SIZE];
    void *zmq, *router, *pub;
    bool owns_zmq;
    gate_t *gate;
    answers_t *answers;
    control_wake_t wake;
    control_reporter_t reporter[CONTROL_REPORTERS];
    int reporters;
    asker_t later[TICKETS];
    uint64_t tickets;
    control_counts_t counts;
    uint64_t start_ns;
    pthread_t thread;
    bool running;
    _Atomic bool stopping;
};

/* One message from the router, carried out and answered.  False: none is waiting. */
bool control_serve_request(control_server_t *server);

/* All reports that wait. */
void control_send_reports(control_server_t *server);
void control_wake(control_wake_t *wake);

#endif
