/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Requests: reading, recognising repeats, carrying out, answering. */
#include "control/control_private.h"

#include "clock.h"
#include "control/field.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    zmq_msg_t envelope, blob;
    bool has_blob;
    int frames; /* after identity and delimiter */
} message_t;

/* Takes one whole message whatever it holds.  False: none is waiting. */
static bool take(control_server_t *server, asker_t *asker, message_t *message)
{
    zmq_msg_t part;
    int index = 0, more = 1;
    memset(asker, 0, sizeof *asker);
    message->frames = 0;
    message->has_blob = false;
    zmq_msg_init(&message->envelope);
    zmq_msg_init(&message->blob);
    zmq_msg_init(&part);
    while (more != 0) {
        if (zmq_msg_recv(&part, server->router, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&part);
            return false; /* whole messages arrive at once, so this is the first part */
        }
        more = zmq_msg_more(&part);
        const size_t size = zmq_msg_size(&part);
        if (index == 0) {
            asker->identity_size = size < IDENTITY_BYTES ? size : IDENTITY_BYTES;
            memcpy(asker->identity, zmq_msg_data(&part), asker->identity_size);
        } else if (index == 1 && size == 0) {
            asker->delimiter = true;
        } else if (++message->frames == 1) {
            zmq_msg_move(&message->envelope, &part);
        } else if (message->frames == 2) {
            message->has_blob = true;
            zmq_msg_move(&message->blob, &part);
        }
        index++;
    }
    zmq_msg_close(&part);
    return true;
}

/* ROUTER drops what it can't send, so one slow client never holds up the others. */
static void send_text(control_server_t *server, const asker_t *asker, const char *text,
                      const void *blob, size_t blob_size)
{
    void *to = server->router;
    const int last = blob != NULL ? ZMQ_SNDMORE : 0;
    bool sent =
        zmq_send(to, asker->identity, asker->identity_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
    if (sent && asker->delimiter) {
        sent = zmq_send(to, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0;
    }
    sent = sent && zmq_send(to, text, strlen(text), last | ZMQ_DONTWAIT) >= 0;
    if (sent && blob != NULL) {
        sent = zmq_send(to, blob, blob_size, ZMQ_DONTWAIT) >= 0;
    }
    server->counts.answers_lost += !sent;
}

static void answer(control_server_t *server, const asker_t *asker, const control_reply_t *reply,
                   const err_t *error)
{
    answer_t out = {.id = asker->id, .ok = error == NULL};
    err_t err = ERR_INIT;
    strcpy(out.session, asker->session);
    json_t *empty = json_object();
    out.result = reply != NULL && reply->result != NULL ? reply->result : empty;
    if (error != NULL) {
        out.error = *error;
        server->counts.errors++;
    }
    char *text = answer_text(&out, &err);
    if (text == NULL) { /* too long to send */
        out.ok = false;
        out.error = err;
        text = answer_text(&out, NULL);
    }
    if (text != NULL) {
        send_text(server, asker, text, out.ok && reply != NULL ? reply->blob : NULL,
                  out.ok && reply != NULL ? reply->blob_size : 0);
        if (asker->keep) {
            answers_keep(server->answers, asker->session, asker->id, text);
        }
        free(text);
    }
    json_decref(empty);
}

/* ---- the server's own commands ---- */

static json_t *command_names(const control_server_t *server)
{
    json_t *names = json_array();
    json_array_append_new(names, json_string("hello"));
    json_array_append_new(names, json_string("ping"));
    for (const control_command_t *c = server->config.commands; c->name != NULL; c++) {
        json_array_append_new(names, json_string(c->name));
    }
    return names;
}

static int on_hello(control_server_t *server, const request_t *request, control_reply_t *reply,
                    err_t *err)
{
    int64_t min = 0, max = 0;
    if (field_only(request->args, "min max", err) != 0 ||
        field_int(request->args, "min", 1, 1000000, &min, err) != 0 ||
        field_int(request->args, "max", min, 1000000, &max, err) != 0) {
        return -1;
    }
    if (min > CONTROL_VERSION_MAX || max < CONTROL_VERSION_MIN) {
        return err_set(err, ERR_UNSUPPORTED, "protocol versions %lld to %lld: this speaks %d to %d",
                       (long long)min, (long long)max, CONTROL_VERSION_MIN, CONTROL_VERSION_MAX);
    }
    reply->result = json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:o}", "version",
                              (int)(max < CONTROL_VERSION_MAX ? max : CONTROL_VERSION_MAX),
                              "program", server->config.program, "release", SEMRADIO_VERSION,
                              "session", server->session, "reports", server->reports, "pid",
                              (int)getpid(), "commands", command_names(server));
    return 0;
}

static int on_ping(control_server_t *server, const request_t *request, control_reply_t *reply,
                   err_t *err)
{
    if (field_only(request->args, "", err) != 0) {
        return -1;
    }
    reply->result = json_pack("{s:s, s:f}", "session", server->session, "uptime_s",
                              (double)(clock_now_ns() - server->start_ns) * 1e-9);
    return 0;
}

static const control_command_t *find(const control_server_t *server, const char *name)
{
    for (const control_command_t *c = server->config.commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static int carry_out(control_server_t *server, const control_call_t *call,
                     const control_command_t *command, control_reply_t *reply, err_t *err)
{
    const request_t *request = call->request;
    if (*request->target == 0 && strcmp(request->command, "hello") == 0) {
        return on_hello(server, request, reply, err);
    }
    if (*request->target == 0 && strcmp(request->command, "ping") == 0) {
        return on_ping(server, request, reply, err);
    }
    if (command != NULL) {
        return command->handle(server->config.context, call, reply, err);
    }
    if (server->config.others != NULL) {
        return server->config.others(server->config.context, call, reply, err);
    }
    if (*request->target != 0) {
        return err_set(err, ERR_UNSUPPORTED, "%s passes nothing on to \"%s\"",
                       server->config.program, request->target);
    }
    return err_set(err, ERR_UNSUPPORTED, "%s has no command \"%s\"", server->config.program,
                   request->command);
}

/* A place to remember who gets the answer later; the oldest loses its own. */
static uint64_t remember(control_server_t *server, const asker_t *asker)
{
    const uint64_t ticket = ++server->tickets;
    server->later[ticket % TICKETS] = *asker;
    server->later[ticket % TICKETS].ticket = ticket;
    return ticket;
}

void control_server_answer(control_server_t *server, uint64_t ticket, const control_reply_t *reply,
                           const err_t *error)
{
    asker_t *asker = &server->later[ticket % TICKETS];
    if (ticket != 0 && asker->ticket == ticket) {
        answer(server, asker, reply, error);
        asker->ticket = 0;
    } else {
        server->counts.answers_lost++;
    }
}

static void run(control_server_t *server, asker_t *asker, const request_t *request,
                const message_t *message, const control_command_t *command)
{
    err_t err = ERR_INIT;
    control_reply_t reply = {0};
    const uint64_t ticket = remember(server, asker);
    control_call_t call = {.request = request, .ticket = ticket};
    if (message->has_blob) {
        call.blob = zmq_msg_data((zmq_msg_t *)(uintptr_t)&message->blob);
        call.blob_size = zmq_msg_size(&message->blob);
    }
    const int code = carry_out(server, &call, command, &reply, &err);
    if (code != CONTROL_LATER) {
        server->later[ticket % TICKETS].ticket = 0;
        answer(server, asker, &reply, code == 0 ? NULL : &err);
    }
    json_decref(reply.result);
}

/* A change must not happen twice: repeats get the first answer again. */
static void dispatch(control_server_t *server, asker_t *asker, const request_t *request,
                     const message_t *message)
{
    const control_command_t *command =
        *request->target == 0 ? find(server, request->command) : NULL;
    const bool own = *request->target == 0 && (strcmp(request->command, "hello") == 0 ||
                                               strcmp(request->command, "ping") == 0);
    server->counts.requests++;
    asker->keep = !own && (command == NULL || (command->flags & CONTROL_PURE) == 0);
    if (!asker->keep) {
        run(server, asker, request, message, command);
        return;
    }
    const char *text = NULL;
    switch (answers_find(server->answers, request->session, request->id, &text)) {
    case ANSWERS_NEW:
        run(server, asker, request, message, command);
        break;
    case ANSWERS_KNOWN:
        server->counts.repeated++;
        send_text(server, asker, text, NULL, 0);
        break;
    case ANSWERS_PENDING:
        server->counts.repeated++;
        break;
    case ANSWERS_REPLAYED: {
        err_t err = ERR_INIT;
        server->counts.replayed++;
        asker->keep = false;
        err_set(&err, ERR_STATE, "request %llu was dealt with long ago: a replay is refused",
                (unsigned long long)request->id);
        answer(server, asker, NULL, &err);
        break;
    }
    }
}

bool control_serve_request(control_server_t *server)
{
    asker_t asker;
    message_t message;
    const bool taken = take(server, &asker, &message);
    if (taken) {
        request_t request = {0};
        err_t err = ERR_INIT;
        int code =
            message.frames >= 1 && message.frames <= 2
                ? request_read(zmq_msg_data(&message.envelope), zmq_msg_size(&message.envelope),
                               &request, &err)
                : err_set(&err, ERR_FORMAT, "a request is one envelope and at most one blob");
        if (code == 0 && message.has_blob && zmq_msg_size(&message.blob) > CONTROL_CHUNK) {
            code = err_set(&err, ERR_FORMAT, "a blob of more than %d bytes", CONTROL_CHUNK);
        }
        strcpy(asker.session, request.session);
        asker.id = request.id;
        if (code == 0) {
            dispatch(server, &asker, &request, &message);
        } else {
            server->counts.malformed++;
            if (request.id != 0) { /* else there is nobody who would understand the answer */
                answer(server, &asker, NULL, &err);
            }
        }
        request_free(&request);
    }
    zmq_msg_close(&message.envelope);
    zmq_msg_close(&message.blob);
    return taken;
}

json_t *control_server_status(const control_server_t *server)
{
    const control_counts_t *c = &server->counts;
    const gate_counts_t gate = gate_counts(server->gate);
    return json_pack(
        "{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "endpoint",
        server->endpoint, "reports_endpoint", server->reports, "curve",
        server->config.key != NULL && *server->config.key != 0, "requests", (json_int_t)c->requests,
        "errors", (json_int_t)c->errors, "malformed", (json_int_t)c->malformed, "repeated",
        (json_int_t)c->repeated, "replayed", (json_int_t)c->replayed, "reports",
        (json_int_t)c->reports, "reports_dropped", (json_int_t)c->reports_dropped, "answers_lost",
        (json_int_t)c->answers_lost, "accepted", (json_int_t)gate.accepted, "refused_keys",
        (json_int_t)gate.refused_keys, "bad_handshakes", (json_int_t)gate.bad_handshakes,
        "disconnected", (json_int_t)gate.disconnected);
}
