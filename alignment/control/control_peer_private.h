/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of control_peer.h: control_peer.c (life, asking), control_peer_answers.c (what comes).
 */
#ifndef CONTROL_CONTROL_PEER_PRIVATE_H
#define CONTROL_CONTROL_PEER_PRIVATE_H

#include "control/control_peer.h"
#include "control/endpoint.h"

#define REPEAT_S      0.4 /* doubles with each repeat, up to … */
#define REPEAT_MOST_S 2.0

typedef struct {
    uint64_t id; /* 0: free */
    char *text;
    uint8_t *blob;
    size_t blob_size;
    bool sent, lost; /* lost: perhaps, with the connection that took it */
    uint64_t deadline_ns, repeat_ns;
    double repeat_s;
    control_answered_t *answered;
    void *context;
} waiting_t;

struct control_peer {
    char endpoint[ENDPOINT_SIZE], session[SESSION_LENGTH + 1];
    char server_key[KEY_SIZE];
    key_pair_t pair;
    bool secure;
    void *socket, *monitor;
    control_peer_state_t state;
    uint64_t next_id, repeats, ended;
    waiting_t waiting[PEER_WAITING];
};

void control_peer_release(waiting_t *waiting);
void control_peer_send_request(control_peer_t *peer, waiting_t *waiting, uint64_t now);

#endif
