/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_server: a daemon's end of the control plane: a ROUTER that takes commands and a PUB that
 * sends reports (docs/CONTROL.md).
 *
 *     static const control_command_t commands[] = {
 *         {"status", on_status, CONTROL_PURE}, {"set", on_set, 0}, {0}};
 *     control_server_config_t config = {.program = "semradio-tx", .bind = "tcp://127.0.0.1:5600",
 *                                       .commands = commands, .context = me};
 *     control_server_t *server = control_server_create(&config, &err);   // bound from here on
 *     control_reporter_t *reporter = control_server_reporter(server, 256, &err);
 *     control_server_start(server, &err);                                // its own thread
 *     ...
 *     control_report(reporter, CONTROL_FRAME, json, length);             // any one thread
 *     control_server_destroy(server);                                    // stops and joins
 *
 * Threads.  Handlers run one at a time in the server's thread, never in a radio or decode thread.
 * While the server runs, what they touch belongs to them: the options_t above all.  They reach the
 * other threads by live.h, rings and atomics, and wait for nobody.
 *
 * Reports go through a lock-free ring each; a full one drops the report and counts it.  A topic's
 * sequence number counts the dropped ones too, so that a subscriber sees how many it missed.
 * Nothing here ever makes a daemon's own threads wait.
 */
#ifndef CONTROL_CONTROL_SERVER_H
#define CONTROL_CONTROL_SERVER_H

#include "control/envelope.h"
#include "control/gate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

enum {
    CONTROL_CHUNK = 256 * 1024,   /* largest blob of a message */
    CONTROL_MESSAGE = 512 * 1024, /* largest frame that libzmq takes at all */
    CONTROL_REPORT_BYTES = 4096,  /* longest report */
    CONTROL_REPORTERS = 8,
    CONTROL_ITEMS = GATE_SOCKETS + 2, /* to poll */
};

typedef enum {
    CONTROL_FRAME,
    CONTROL_STATUS,
    CONTROL_EVENT,
    CONTROL_ADAPTER,
    CONTROL_TOPICS
} control_topic_t;

/* "frame", "status", "event", "adapter". */
const char *control_topic_name(control_topic_t topic);

typedef struct {
    const request_t *request;
    const uint8_t *blob; /* NULL: none came */
    size_t blob_size;
    uint64_t ticket; /* for an answer that comes later */
} control_call_t;

typedef struct {
    json_t *result;   /* an object the handler makes; NULL: {} */
    const void *blob; /* sent after the envelope; valid until the handler is called again */
    size_t blob_size;
} control_reply_t;

enum { CONTROL_LATER = 1 };

/* 0: answered; -1: err is the answer; CONTROL_LATER: control_server_answer will be called. */
typedef int control_handle_t(void *context, const control_call_t *call, control_reply_t *reply,
                             err_t *err);

enum { CONTROL_PURE = 1 }; /* changes nothing: a repeated request is simply carried out again */

typedef struct {
    const char *name;
    control_handle_t *handle;
    unsigned flags;
} control_command_t;

typedef struct {
    const char *program;
    const char *bind;    /* where commands come in */
    const char *reports; /* where reports go out; NULL or "": endpoint_reports(bind) */
    const char *key,
        *allow; /* CURVE: paths of the key pair and of the allow-list; NULL or "": plain */
    const control_command_t *commands; /* ends with {0}; hello and ping are the server's own */
    control_handle_t *others; /* every other command, and those "to" somebody; NULL: refused */
    void *context;
    void *zmq; /* a zmq context to share; NULL: one of its own */
} control_server_config_t;

typedef struct control_server control_server_t;
typedef struct control_reporter control_reporter_t;

/*
 * Binds; no thread yet.  Not local and no key: ERR_ARGUMENT, nothing is opened to the world without
 * CURVE.  ERR_IO (address in use), ERR_FORMAT and ERR_STATE (keys.h), ERR_MEMORY.
 */
control_server_t *control_server_create(const control_server_config_t *config, err_t *err);
void control_server_destroy(control_server_t *server); /* NULL is fine */

int control_server_start(control_server_t *server, err_t *err);
/* Stops and joins; then the options belong to the caller again.  May be called twice. */
void control_server_stop(control_server_t *server);

/* For one reporting thread, before the start; `slots` reports wait at most.  The server's own. */
control_reporter_t *control_server_reporter(control_server_t *server, size_t slots, err_t *err);

/* One JSON object.  False: dropped (counted).  Never waits; NULL reporter: nothing happens. */
bool control_report(control_reporter_t *reporter, control_topic_t topic, const char *json,
                    size_t length);

/* The same from a handler or the serving thread. */
void control_server_report(control_server_t *server, control_topic_t topic, const char *json,
                           size_t length);

/* Counters as JSON, for "status"; in the serving thread. */
json_t *control_server_status(const control_server_t *server);

/* As bound: a port of * has become a number. */
const char *control_server_endpoint(const control_server_t *server);
const char *control_server_reports(const control_server_t *server);
const char *control_server_session(const control_server_t *server);

/* ---- without a thread of its own (a hub's loop) ---- */

/* At most CONTROL_ITEMS; how many. */
int control_server_items(control_server_t *server, zmq_pollitem_t items[]);
/* Everything that waits; never blocks. */
void control_server_serve(control_server_t *server);
/* The answer to a ticket; result and blob as in control_reply_t, or `error`. */
void control_server_answer(control_server_t *server, uint64_t ticket, const control_reply_t *reply,
                           const err_t *error);

#endif
