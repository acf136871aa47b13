/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_client: asks a daemon or hub, and waits for the answer.
 *
 *     control_client_t *client = control_client_create(&config, &err);
 *     control_result_t got;
 *     if (control_client_ask(client, "get", "", args, NULL, 0, 5.0, &got, &err) == 0) ...
 *     control_result_free(&got);
 *
 * One thread each.
 */
#ifndef CONTROL_CONTROL_CLIENT_H
#define CONTROL_CONTROL_CLIENT_H

#include "control/control_peer.h"

typedef struct control_client control_client_t;

typedef struct {
    json_t *result;
    uint8_t *blob; /* NULL: none */
    size_t blob_size;
    bool from_peer; /* false: nobody answered (err tells why) */
} control_result_t;

control_client_t *control_client_create(const control_peer_config_t *config, err_t *err);
void control_client_destroy(control_client_t *client);

/* 0, or -1 with the other end's error (result.from_peer) or our own: ERR_CLOSED (nobody listens),
   ERR_STATE (refused), ERR_TIMEOUT.  Free the result in any case. */
int control_client_ask(control_client_t *client, const char *command, const char *target,
                       json_t *args, const void *blob, size_t blob_size, double deadline_s,
                       control_result_t *result, err_t *err);
void control_result_free(control_result_t *result);

/* For pipelined use: the peer inside, and one wait for whatever comes, at most timeout_s. */
control_peer_t *control_client_peer(control_client_t *client);
void control_client_wait(control_client_t *client, double timeout_s);
void *control_client_zmq(control_client_t *client);

/* Says hello; NULL-terminated text of where reports come from, as seen from here. */
int control_client_hello(control_client_t *client, const char *target, double deadline_s,
                         json_t **hello, char reports[], size_t reports_size, err_t *err);

#endif
