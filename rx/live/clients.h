/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clients: the browsers on the WebSocket.  One message is made for all and counted by reference.
 * Each client has a thread that sends it the newest message, and at most CLIENTS_CREDIT messages
 * that it has not acknowledged (any text frame is one acknowledgement).  A client that is slow,
 * stuck or gone therefore holds nothing but its own thread; what it misses is dropped and counted.
 */
#ifndef RX_LIVE_CLIENTS_H
#define RX_LIVE_CLIENTS_H

#include "err.h"

#include <civetweb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLIENTS_MOST = 256, CLIENTS_CREDIT = 3 };

typedef struct {
    _Atomic int references;
    uint64_t number;
    size_t size;
    uint8_t bytes[];
} message_t;

typedef struct clients clients_t;

clients_t *clients_create(int most, err_t *err);
void clients_destroy(clients_t *clients); /* after the server has stopped; NULL is fine */

/* size bytes to fill, one reference. */
message_t *message_create(size_t size);
void message_release(message_t *message); /* NULL is fine */

/* One thread.  Takes the reference; nobody waits for a client. */
void clients_publish(clients_t *clients, message_t *message);

/* No client's thread waits any more; before mg_stop. */
void clients_stop(clients_t *clients);

typedef struct {
    int now;
    uint64_t total, refused, sent, dropped, broken; /* clients; messages; clients that stuck */
} clients_counts_t;

clients_counts_t clients_counts(clients_t *clients);

/* Whether one more must be refused; a refusal is counted. */
bool clients_refuse(clients_t *clients);

/* civetweb's handlers; data is the clients_t. */
void clients_ready(struct mg_connection *connection, void *data);
int clients_data(struct mg_connection *connection, int bits, char *text, size_t length, void *data);
void clients_closed(const struct mg_connection *connection, void *data);

#endif
