/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * envelope: the first frame of every message of the control plane, as JSON (docs/CONTROL.md).
 *
 *     request  {"semradio":1,"session":"9f…","id":7,"command":"get","deadline_ms":2000,"args":{…}}
 *     answer   {"semradio":1,"session":"9f…","id":7,"ok":true,"result":{…}}
 *              {"semradio":1,"session":"9f…","id":7,"ok":false,"error":{"code":"argument","text":"…"}}
 *     report   {"semradio":1,"session":"c0…","topic":"frame","seq":12,"report":{…}}
 *
 * Everything read is hostile: size, nesting, duplicate and unknown keys, types and ranges are
 * checked before anyone acts on a field.
 */
#ifndef CONTROL_ENVELOPE_H
#define CONTROL_ENVELOPE_H

#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CONTROL_VERSION_MIN = 1, /* of the protocol, what this build speaks */
    CONTROL_VERSION_MAX = 1,
    ENVELOPE_BYTES = 256 * 1024, /* longest JSON frame */
    ENVELOPE_DEPTH = 12,         /* of its nesting */
    ENVELOPE_WORD = 32,          /* longest command, topic or target */
    SESSION_LENGTH = 16,         /* hexadecimal digits */
};

typedef struct {
    int version;
    char session[SESSION_LENGTH + 1]; /* of the client, chosen at random */
    uint64_t id;                      /* 1, 2, 3 … within the session */
    char command[ENVELOPE_WORD + 1];
    char target[ENVELOPE_WORD + 1]; /* "to": whom a hub should pass it on to; "": itself */
    double deadline_s;              /* the client waits so long from the sending on */
    json_t *args;                   /* an object, never NULL; owned by the request */
} request_t;

typedef struct {
    char session[SESSION_LENGTH + 1];
    uint64_t id;
    bool ok;
    json_t *result; /* ok: an object, owned by the answer */
    err_t error;    /* not ok */
} answer_t;

typedef struct {
    char session[SESSION_LENGTH + 1]; /* of the server: another one is a server that started anew */
    char topic[ENVELOPE_WORD + 1];
    uint64_t seq; /* counts the topic's reports, those that were dropped too */
    json_t *body; /* an object, owned by the report */
} report_t;

/* JSON of at most ENVELOPE_BYTES and ENVELOPE_DEPTH into an object; NULL with ERR_FORMAT. */
json_t *envelope_parse(const void *bytes, size_t size, err_t *err);

/* -1 with ERR_FORMAT, or ERR_UNSUPPORTED for another version; nothing is then owned.  What could
   be read of session and id is filled in even so, that the refusal can be answered. */
int request_read(const void *bytes, size_t size, request_t *request, err_t *err);
int answer_read(const void *bytes, size_t size, answer_t *answer, err_t *err);
int report_read(const void *bytes, size_t size, report_t *report, err_t *err);
void request_free(request_t *request);
void answer_free(answer_t *answer);
void report_free(report_t *report);

/* Texts to send, NUL-terminated, to be freed; NULL: ERR_MEMORY, or ERR_ARGUMENT (too long).
   `args`, `result` and `body` stay the caller's. */
char *request_text(const request_t *request, err_t *err);
char *answer_text(const answer_t *answer, err_t *err);

/* 16 random hexadecimal digits. */
void session_make(char session[SESSION_LENGTH + 1]);

/* The error code of a name of err_code_name, ERR_FORMAT for an unknown one. */
err_code_t envelope_code(const char *name);

#endif
