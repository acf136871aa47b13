/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guard: who may talk to the live page.
 *
 * A browser on this machine can be made to call us by any page it has open.  Two checks keep those
 * out.  Host must be an address, localhost or a name we were told, for a name an attacker owns can
 * be pointed at us (DNS rebinding).  Origin, which browsers send with every WebSocket and POST,
 * must be our own.  Beyond this machine everything needs the token, compared in constant time: as
 * "Authorization: Bearer TOKEN", or as the cookie that /?token=TOKEN sets.
 */
#ifndef RX_LIVE_GUARD_H
#define RX_LIVE_GUARD_H

#include "err.h"

#include <stdbool.h>

enum { GUARD_TOKEN_LEAST = 16, GUARD_TOKEN_MOST = 128, GUARD_HOST_MOST = 253 };

typedef struct {
    char host[64]; /* an address; [..] around IPv6 */
    int port;
    char name[256];                   /* live.host */
    char own[256];                    /* this machine's name */
    char token[GUARD_TOKEN_MOST + 1]; /* "": none */
} guard_t;

typedef struct {
    const char *method, *host, *origin, *authorization, *cookie, *query; /* NULL: not given */
} guard_request_t;

typedef enum { GUARD_PASS = 0, GUARD_ENTER, GUARD_REFUSED } guard_answer_t;

/* From live.bind, live.token (@FILE is read) and live.host. */
int guard_open(guard_t *guard, const char *bind, const char *token, const char *name, err_t *err);

/* 127.0.0.0/8, ::1 and localhost. */
bool guard_is_local(const char *host);

/* GUARD_ENTER: the query holds the token: set the cookie and send the browser to "/".
   GUARD_REFUSED: `status` (400, 401, 403) and `why`, a sentence. */
guard_answer_t guard_check(const guard_t *guard, const guard_request_t *request, int *status,
                           const char **why);

#endif
