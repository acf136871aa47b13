/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/control_client.h"

#include "control/endpoint.h"
#include "control/field.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct control_client {
    void *zmq;
    control_peer_t *peer;
};

control_client_t *control_client_create(const control_peer_config_t *config, err_t *err)
{
    control_client_t *client = calloc(1, sizeof *client);
    if (client == NULL || (client->zmq = zmq_ctx_new()) == NULL) {
        free(client);
        err_set(err, ERR_MEMORY, "no memory for a connection");
        return NULL;
    }
    client->peer = control_peer_create(client->zmq, config, err);
    if (client->peer == NULL) {
        control_client_destroy(client);
        return NULL;
    }
    return client;
}

void control_client_destroy(control_client_t *client)
{
    if (client != NULL) {
        control_peer_destroy(client->peer);
        zmq_ctx_term(client->zmq);
        free(client);
    }
}

typedef struct {
    bool done;
    control_result_t *result;
    err_t error;
} asked_t;

static void on_answer(void *context, const control_answer_t *given)
{
    asked_t *asked = context;
    asked->done = true;
    asked->result->from_peer = given->from_peer;
    if (!given->answer->ok) {
        asked->error = given->answer->error;
        return;
    }
    asked->result->result = json_incref(given->answer->result);
    if (given->blob != NULL) {
        asked->result->blob = malloc(given->blob_size + 1);
        if (asked->result->blob == NULL) {
            err_set(&asked->error, ERR_MEMORY, "no memory for a blob");
            return;
        }
        memcpy(asked->result->blob, given->blob, given->blob_size);
        asked->result->blob_size = given->blob_size;
    }
}

void control_client_wait(control_client_t *client, double timeout_s)
{
    zmq_pollitem_t items[PEER_ITEMS];
    const uint64_t ended = control_peer_ended(client->peer);
    const double next_s = control_peer_step(client->peer);
    if (control_peer_ended(client->peer) != ended) {
        return; /* the answer was there already: nothing more may come */
    }
    control_peer_items(client->peer, items);
    zmq_poll(items, PEER_ITEMS, (long)ceil(fmax(0.0, fmin(next_s, timeout_s)) * 1e3));
    (void)control_peer_step(client->peer);
}

int control_client_ask(control_client_t *client, const char *command, const char *target,
                       json_t *args, const void *blob, size_t blob_size, double deadline_s,
                       control_result_t *result, err_t *err)
{
    memset(result, 0, sizeof *result);
    asked_t asked = {.result = result, .error = ERR_INIT};
    if (control_peer_ask(client->peer, command, target, args, blob, blob_size, deadline_s,
                         on_answer, &asked, err) == 0) {
        return -1;
    }
    while (!asked.done) {
        control_client_wait(client, deadline_s);
    }
    return asked.error.code == ERR_NONE ? 0
                                        : err_set(err, asked.error.code, "%s", asked.error.text);
}

void control_result_free(control_result_t *result)
{
    json_decref(result->result);
    free(result->blob);
    memset(result, 0, sizeof *result);
}

control_peer_t *control_client_peer(control_client_t *client)
{
    return client->peer;
}

void *control_client_zmq(control_client_t *client)
{
    return client->zmq;
}

int control_client_hello(control_client_t *client, const char *target, double deadline_s,
                         json_t **hello, char reports[], size_t reports_size, err_t *err)
{
    json_t *args = json_pack("{s:i, s:i}", "min", CONTROL_VERSION_MIN, "max", CONTROL_VERSION_MAX);
    control_result_t got;
    char own[ENDPOINT_SIZE] = "", seen[ENDPOINT_SIZE];
    int code = control_client_ask(client, "hello", target, args, NULL, 0, deadline_s, &got, err);
    json_decref(args);
    if (code == 0) {
        code = field_text(got.result, "reports", own, sizeof own, err);
    }
    if (code == 0) {
        endpoint_seen_from(own, control_peer_endpoint(client->peer), seen);
        snprintf(reports, reports_size, "%s", seen);
        if (hello != NULL) {
            *hello = json_incref(got.result);
        }
    }
    control_result_free(&got);
    return code;
}
