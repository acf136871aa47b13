/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The address of radio=zmq.  ZeroMQ is neither encrypted nor asks who is there: without
   allow_remote=yes nothing listens where another machine could reach it. */
#include "radio/radio_zmq.h"

#include <stdlib.h>
#include <string.h>

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* "tcp://127.0.0.1:5556": only this machine can connect to it. */
static bool is_local(const char *endpoint)
{
    const char *host = endpoint + strlen("tcp://");
    return begins(endpoint, "ipc://") || begins(host, "127.") || begins(host, "localhost:") ||
           begins(host, "[::1]:") || begins(host, "lo:");
}

static int check_endpoint(const radio_zmq_end_t *end, bool remote, const char *key, err_t *err)
{
    const char *endpoint = end->endpoint;
    if (!begins(endpoint, "tcp://") && !begins(endpoint, "ipc://")) {
        return err_set(err, ERR_ARGUMENT, "radio.address: %s=%s is neither tcp:// nor ipc://", key,
                       endpoint);
    }
    const char *port = strrchr(endpoint, ':');
    if (begins(endpoint, "tcp://") && (strspn(port, ":0123456789") != strlen(port) ||
                                       atol(port + 1) < 1 || atol(port + 1) > 65535)) {
        return err_set(err, ERR_ARGUMENT, "radio.address: %s=%s has no port of 1 to 65535", key,
                       endpoint);
    }
    if (end->bind && !remote && !is_local(endpoint)) {
        return err_set(err, ERR_ARGUMENT,
                       "radio.address: %s=%s would listen beyond this machine, open to anyone; say "
                       "allow_remote=yes if that is meant, or bind tcp://127.0.0.1:PORT",
                       key, endpoint);
    }
    return 0;
}

static int copy(char *to, size_t size, const char *from, const char *key, err_t *err)
{
    if (strlen(from) >= size) {
        return err_set(err, ERR_ARGUMENT, "radio.address: %s is longer than %zu letters", key,
                       size - 1);
    }
    strcpy(to, from);
    return 0;
}

/* libzmq's bind takes no names. */
static void numeric_localhost(radio_zmq_end_t *end)
{
    static const char name[] = "tcp://localhost:";
    if (end->bind && begins(end->endpoint, name)) {
        char port[sizeof end->endpoint];
        strcpy(port, end->endpoint + sizeof name - 1);
        snprintf(end->endpoint, sizeof end->endpoint, "tcp://127.0.0.1:%.230s", port);
    }
}

typedef struct {
    const char *port, *type, *types, *bind, *key;
    bool binds;
} words_t;

static int read_end(radio_args_t *args, const words_t *words, bool remote, radio_zmq_end_t *end,
                    err_t *err)
{
    const char *port = radio_args_take(args, words->port);
    const char *key = radio_args_take(args, words->key);
    int type = radio_args_choice(args, words->type, words->types, RADIO_ZMQ_DEMAND, err);
    end->used = port != NULL;
    if (type < 0 || radio_args_bool(args, words->bind, words->binds, &end->bind, err) != 0) {
        return -1;
    }
    end->type = (radio_zmq_type_t)type;
    if (key != NULL && copy(end->key, sizeof end->key, key, words->key, err) != 0) {
        return -1;
    }
    if (!end->used) {
        return 0;
    }
    if (copy(end->endpoint, sizeof end->endpoint, port, words->port, err) != 0 ||
        check_endpoint(end, remote, words->port, err) != 0) {
        return -1;
    }
    numeric_localhost(end);
    return 0;
}

static int read_request(radio_args_t *args, radio_zmq_config_t *config, err_t *err)
{
    const char *text = radio_args_take(args, "rx_request");
    char *end = NULL;
    long value = text != NULL ? strtol(text, &end, 10) : 0;
    if (text != NULL && (end == text || *end != 0 || value < 0 || value > RADIO_ZMQ_MAX_SAMPLES)) {
        return err_set(err, ERR_ARGUMENT, "radio.address: rx_request=%s is not 0 to %d", text,
                       RADIO_ZMQ_MAX_SAMPLES);
    }
    config->request = (uint32_t)value;
    return 0;
}

int radio_zmq_config(radio_zmq_config_t *config, const char *address, err_t *err)
{
    static const words_t tx = {"tx_port", "tx_type", "rep|push|pub", "tx_bind", "tx_key", true};
    static const words_t rx = {"rx_port", "rx_type", "req|pull|sub", "rx_bind", "rx_key", false};
    radio_args_t args;
    bool remote;
    *config = (radio_zmq_config_t){.paced = true};
    if (radio_args_parse(&args, address, err) != 0 ||
        radio_args_bool(&args, "allow_remote", false, &remote, err) != 0 ||
        read_end(&args, &tx, remote, &config->tx, err) != 0 ||
        read_end(&args, &rx, remote, &config->rx, err) != 0 ||
        radio_args_bool(&args, "tx_tags", false, &config->tx_tags, err) != 0 ||
        read_request(&args, config, err) != 0) {
        return -1;
    }
    int tags = radio_args_choice(&args, "rx_tags", "auto|yes|no", RADIO_ZMQ_TAGS_AUTO, err);
    int pace = radio_args_choice(&args, "pace", "clock|free", 0, err);
    if (tags < 0 || pace < 0 || radio_args_end(&args, err) != 0) {
        return -1;
    }
    config->rx_tags = (radio_zmq_tags_t)tags;
    config->paced = pace == 0;
    if (!config->tx.used && !config->rx.used) {
        return err_set(err, ERR_ARGUMENT,
                       "radio.address: radio=zmq needs tx_port=tcp://… or rx_port=tcp://… or both");
    }
    return 0;
}
