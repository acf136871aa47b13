/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/subscriber.h"

#include "control/control_server.h"
#include "control/endpoint.h"
#include "control/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS = 16, WAITING = 4000 };

typedef struct {
    char topic[ENVELOPE_WORD + 1]; /* "": free */
    uint64_t next;
} expected_t;

struct subscriber {
    void *socket;
    char session[SESSION_LENGTH + 1];
    expected_t expected[TOPICS];
    subscriber_counts_t counts;
};

static int subscribe(void *socket, const char *topics, err_t *err)
{
    char copy[256], *save = NULL;
    if (strlen(topics) >= sizeof copy) {
        return err_set(err, ERR_ARGUMENT, "the list of topics is too long");
    }
    strcpy(copy, topics);
    if (*topics == 0) {
        return zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    }
    for (char *word = strtok_r(copy, ",", &save); word != NULL; word = strtok_r(NULL, ",", &save)) {
        if (zmq_setsockopt(socket, ZMQ_SUBSCRIBE, word, strlen(word)) != 0) {
            return err_set(err, ERR_IO, "cannot subscribe to %s", word);
        }
    }
    return 0;
}

subscriber_t *subscriber_create(void *zmq, const char *endpoint, const char *topics,
                                const control_peer_t *peer, err_t *err)
{
    subscriber_t *subscriber = calloc(1, sizeof *subscriber);
    const int none = 0, waiting = WAITING, on = 1, soon = 50, most = 500, beat = 1000, gone = 3000;
    const int64_t largest = CONTROL_MESSAGE;
    if (subscriber == NULL || (subscriber->socket = zmq_socket(zmq, ZMQ_SUB)) == NULL) {
        free(subscriber);
        err_set(err, ERR_MEMORY, "no memory for a subscriber");
        return NULL;
    }
    void *socket = subscriber->socket;
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &waiting, sizeof waiting);
    zmq_setsockopt(socket, ZMQ_IPV6, &on, sizeof on);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &soon, sizeof soon);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL_MAX, &most, sizeof most);
    zmq_setsockopt(socket, ZMQ_HEARTBEAT_IVL, &beat, sizeof beat);
    zmq_setsockopt(socket, ZMQ_HEARTBEAT_TIMEOUT, &gone, sizeof gone);
    zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest);
    int code = endpoint_check(endpoint, err);
    if (code == 0 && peer != NULL) {
        code = control_peer_secure(peer, socket, err);
    }
    if (code == 0) {
        code = subscribe(socket, topics, err);
    }
    if (code == 0 && zmq_connect(socket, endpoint) != 0) {
        code = err_set(err, ERR_ARGUMENT, "cannot connect to %s: %s", endpoint,
                       zmq_strerror(zmq_errno()));
    }
    if (code != 0) {
        subscriber_destroy(subscriber);
        return NULL;
    }
    return subscriber;
}

void subscriber_destroy(subscriber_t *subscriber)
{
    if (subscriber != NULL) {
        zmq_close(subscriber->socket);
        free(subscriber);
    }
}

void *subscriber_socket(const subscriber_t *subscriber)
{
    return subscriber->socket;
}

static void count_missed(subscriber_t *subscriber, const report_t *report)
{
    if (strcmp(subscriber->session, report->session) != 0) {
        subscriber->counts.restarts += *subscriber->session != 0;
        strcpy(subscriber->session, report->session);
        memset(subscriber->expected, 0, sizeof subscriber->expected);
    }
    for (int i = 0; i < TOPICS; i++) {
        expected_t *expected = &subscriber->expected[i];
        const bool fresh = *expected->topic == 0;
        if (fresh || strcmp(expected->topic, report->topic) == 0) {
            if (fresh) {
                strcpy(expected->topic, report->topic);
            } else if (report->seq > expected->next) {
                subscriber->counts.missed += report->seq - expected->next;
            }
            expected->next = report->seq + 1;
            return;
        }
    }
}

bool subscriber_next(subscriber_t *subscriber, report_t *report)
{
    for (;;) {
        zmq_msg_t part[2];
        int count = parts_receive(subscriber->socket, part);
        const bool good = count == 2 && report_read(zmq_msg_data(&part[1]), zmq_msg_size(&part[1]),
                                                    report, NULL) == 0;
        parts_close(part);
        if (good) {
            subscriber->counts.received++;
            count_missed(subscriber, report);
            return true;
        }
        if (count == 0) {
            return false;
        }
        subscriber->counts.malformed++;
    }
}

subscriber_counts_t subscriber_counts(const subscriber_t *subscriber)
{
    return subscriber->counts;
}
