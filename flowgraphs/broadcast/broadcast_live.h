/* SPDX-License-Identifier: GPL-3.0-or-later */
/* broadcast_live: what the files of this word share. */
#ifndef BROADCAST_BROADCAST_LIVE_H
#define BROADCAST_BROADCAST_LIVE_H

#include "children.h"
#include "control/control_client.h"
#include "options.h"

#include <jansson.h>

enum { LIVE_MOST_USERS = 10 };

typedef struct {
    const options_t *options;
    children_t children;
    char air_name[64], endpoint[200];
    int users;
    pid_t air, ap, user[LIVE_MOST_USERS];
    control_client_t *client;
    double rejoin_s; /* NAN: nobody was killed */
} live_t;

/* The users' summaries, how the air kept up, and `last`, the access point's last status. */
void live_print(const live_t *live, const json_t *last);

#endif
