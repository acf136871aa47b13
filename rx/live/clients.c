/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "live/clients.h"

#include "program.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct {
    clients_t *all;
    struct mg_connection *connection; /* NULL: a free place */
    bool leaving, broken;
    uint64_t last; /* number of the message sent last; 0: none */
    int unanswered;
    pthread_t thread;
} client_t;

struct clients {
    pthread_mutex_t lock; /* never held while something is sent */
    pthread_cond_t news;
    bool stopping;
    message_t *newest;
    uint64_t number;
    clients_counts_t counts;
    int most;
    client_t client[];
};

clients_t *clients_create(int most, err_t *err)
{
    clients_t *clients = calloc(1, sizeof *clients + (size_t)most * sizeof clients->client[0]);
    if (clients == NULL) {
        err_set(err, ERR_MEMORY, "no memory for the live page's clients");
        return NULL;
    }
    clients->most = most;
    pthread_mutex_init(&clients->lock, NULL);
    pthread_cond_init(&clients->news, NULL);
    for (int i = 0; i < most; i++) {
        clients->client[i].all = clients;
    }
    return clients;
}

void clients_destroy(clients_t *clients)
{
    if (clients != NULL) {
        message_release(clients->newest);
        pthread_mutex_destroy(&clients->lock);
        pthread_cond_destroy(&clients->news);
        free(clients);
    }
}

message_t *message_create(size_t size)
{
    message_t *message = malloc(sizeof *message + size);
    if (message != NULL) {
        *message = (message_t){.references = 1, .size = size};
    }
    return message;
}

void message_release(message_t *message)
{
    if (message != NULL && atomic_fetch_sub(&message->references, 1) == 1) {
        free(message);
    }
}

void clients_publish(clients_t *clients, message_t *message)
{
    pthread_mutex_lock(&clients->lock);
    message_t *old = clients->newest;
    message->number = ++clients->number;
    clients->newest = message;
    pthread_cond_broadcast(&clients->news);
    pthread_mutex_unlock(&clients->lock);
    message_release(old);
}

void clients_stop(clients_t *clients)
{
    pthread_mutex_lock(&clients->lock);
    clients->stopping = true;
    pthread_cond_broadcast(&clients->news);
    pthread_mutex_unlock(&clients->lock);
}

clients_counts_t clients_counts(clients_t *clients)
{
    pthread_mutex_lock(&clients->lock);
    clients_counts_t counts = clients->counts;
    for (int i = 0; i < clients->most; i++) {
        const client_t *c = &clients->client[i];
        if (c->connection != NULL) {
            counts.now++;
            /* Those it has not been sent so far: it may still get the newest. */
            counts.dropped +=
                c->last > 0 && clients->number > c->last + 1 ? clients->number - c->last - 1 : 0;
        }
    }
    pthread_mutex_unlock(&clients->lock);
    return counts;
}

static bool has_news(const client_t *c)
{
    return c->all->newest != NULL && c->all->number != c->last && c->unanswered < CLIENTS_CREDIT &&
           !c->broken;
}

/* With the lock held; NULL: the client leaves. */
static message_t *next_message(client_t *c)
{
    clients_t *all = c->all;
    while (!all->stopping && !c->leaving && !has_news(c)) {
        pthread_cond_wait(&all->news, &all->lock);
    }
    if (all->stopping || c->leaving) {
        return NULL;
    }
    if (c->last > 0) {
        all->counts.dropped += all->number - c->last - 1;
    }
    c->last = all->number;
    c->unanswered++;
    atomic_fetch_add(&all->newest->references, 1);
    return all->newest;
}

static void *run(void *context)
{
    client_t *c = context;
    message_t *message;
    program_name_thread("live client");
    program_stand_back(15);
    pthread_mutex_lock(&c->all->lock);
    while ((message = next_message(c)) != NULL) {
        pthread_mutex_unlock(&c->all->lock);
        const int sent = mg_websocket_write(c->connection, MG_WEBSOCKET_OPCODE_BINARY,
                                            (const char *)message->bytes, message->size);
        message_release(message);
        pthread_mutex_lock(&c->all->lock);
        c->all->counts.sent += sent > 0;
        if (sent <= 0) { /* the server's own thread sees the end of it */
            c->broken = true;
            c->all->counts.broken++;
        }
    }
    pthread_mutex_unlock(&c->all->lock);
    return NULL;
}

static client_t *find(clients_t *clients, const struct mg_connection *connection)
{
    for (int i = 0; i < clients->most; i++) {
        if (clients->client[i].connection == connection) {
            return &clients->client[i];
        }
    }
    return NULL;
}

bool clients_refuse(clients_t *clients)
{
    pthread_mutex_lock(&clients->lock);
    const bool full = find(clients, NULL) == NULL;
    clients->counts.refused += full;
    pthread_mutex_unlock(&clients->lock);
    return full;
}

void clients_ready(struct mg_connection *connection, void *data)
{
    clients_t *clients = data;
    bool started = false;
    pthread_mutex_lock(&clients->lock);
    client_t *c = clients->stopping ? NULL : find(clients, NULL);
    if (c != NULL) {
        *c = (client_t){.all = clients, .connection = connection};
        started = pthread_create(&c->thread, NULL, run, c) == 0;
        if (started) {
            clients->counts.total++;
        } else {
            c->connection = NULL;
        }
    }
    clients->counts.refused += !started;
    pthread_mutex_unlock(&clients->lock);
    if (!started) {
        static const char full[] = "\x03\xf5too many watch"; /* 1013: try again later */
        mg_websocket_write(connection, MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE, full, sizeof full - 1);
    }
}

int clients_data(struct mg_connection *connection, int bits, char *text, size_t length, void *data)
{
    clients_t *clients = data;
    (void)text;
    pthread_mutex_lock(&clients->lock);
    client_t *c = find(clients, connection);
    const int kind = bits & 0xf;
    bool stays = c != NULL && !c->broken && kind != MG_WEBSOCKET_OPCODE_CONNECTION_CLOSE;
    if (stays && kind == MG_WEBSOCKET_OPCODE_TEXT) {
        stays = length <= 16;
        c->unanswered -= c->unanswered > 0;
        pthread_cond_broadcast(&clients->news);
    }
    pthread_mutex_unlock(&clients->lock);
    return stays;
}

void clients_closed(const struct mg_connection *connection, void *data)
{
    clients_t *clients = data;
    pthread_mutex_lock(&clients->lock);
    client_t *c = find(clients, connection);
    if (c != NULL) {
        c->leaving = true;
        pthread_cond_broadcast(&clients->news);
    }
    pthread_mutex_unlock(&clients->lock);
    if (c == NULL) {
        return;
    }
    pthread_join(c->thread, NULL);
    pthread_mutex_lock(&clients->lock);
    c->connection = NULL;
    if (c->last > 0 && clients->number > c->last + 1) {
        clients->counts.dropped += clients->number - c->last - 1;
    }
    pthread_mutex_unlock(&clients->lock);
}
