/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reports on their way out: [topic][{"semradio":1,"session":…,"topic":…,"seq":…,"report":{…}}].
 * The topic's frame comes first, because that is what ZeroMQ subscribes by.
 */
#include "control/control_private.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    control_topic_t topic;
    uint64_t seq;
    size_t length;
    char json[CONTROL_REPORT_BYTES];
} slot_t;

const char *control_topic_name(control_topic_t topic)
{
    static const char *const names[] = {"frame", "status", "event", "adapter"};
    return (unsigned)topic < CONTROL_TOPICS ? names[topic] : "event";
}

void control_wake(control_wake_t *wake)
{
    if (!atomic_exchange(&wake->awake, true)) {
        const uint64_t one = 1;
        (void)!write(wake->event_fd, &one, sizeof one);
    }
}

control_reporter_t *control_server_reporter(control_server_t *server, size_t slots, err_t *err)
{
    if (server->reporters == CONTROL_REPORTERS) {
        err_set(err, ERR_STATE, "more than %d reporters", CONTROL_REPORTERS);
        return NULL;
    }
    control_reporter_t *reporter = &server->reporter[server->reporters];
    *reporter = (control_reporter_t){&server->wake, ring_create(slots, sizeof(slot_t), err)};
    if (reporter->ring == NULL) {
        return NULL;
    }
    server->reporters++;
    return reporter;
}

bool control_report(control_reporter_t *reporter, control_topic_t topic, const char *json,
                    size_t length)
{
    if (reporter == NULL) {
        return true;
    }
    const uint64_t seq = atomic_fetch_add(&reporter->wake->seq[topic], 1);
    slot_t *slot = length <= CONTROL_REPORT_BYTES ? ring_acquire(reporter->ring) : NULL;
    if (slot == NULL) {
        return false; /* the gap in the numbers tells */
    }
    slot->topic = topic;
    slot->seq = seq;
    slot->length = length;
    memcpy(slot->json, json, length);
    ring_commit(reporter->ring);
    control_wake(reporter->wake);
    return true;
}

static void send_one(control_server_t *server, control_topic_t topic, uint64_t seq,
                     const char *json, size_t length)
{
    char text[CONTROL_REPORT_BYTES + 256];
    const char *name = control_topic_name(topic);
    const int used = snprintf(text, sizeof text,
                              "{\"semradio\":%d,\"session\":\"%s\",\"topic\":\"%s\",\"seq\":%llu,"
                              "\"report\":%.*s}",
                              CONTROL_VERSION_MAX, server->session, name, (unsigned long long)seq,
                              (int)length, json);
    /* A PUB socket never waits: a subscriber whose queue is full misses it, and sees the gap. */
    if (zmq_send(server->pub, name, strlen(name), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
        zmq_send(server->pub, text, (size_t)used, ZMQ_DONTWAIT) >= 0) {
        server->counts.reports++;
    }
}

void control_send_reports(control_server_t *server)
{
    uint64_t dropped = 0;
    for (int i = 0; i < server->reporters; i++) {
        ring_t *ring = server->reporter[i].ring;
        const slot_t *slot;
        /* A bounded number, so that a flood of reports does not keep commands waiting. */
        for (size_t n = ring_slots(ring); n > 0 && (slot = ring_peek(ring)) != NULL; n--) {
            send_one(server, slot->topic, slot->seq, slot->json, slot->length);
            ring_release(ring);
        }
        dropped += ring_dropped(ring);
    }
    server->counts.reports_dropped = dropped;
}

void control_server_report(control_server_t *server, control_topic_t topic, const char *json,
                           size_t length)
{
    const uint64_t seq = atomic_fetch_add(&server->wake.seq[topic], 1);
    if (length <= CONTROL_REPORT_BYTES) {
        send_one(server, topic, seq, json, length);
    }
}
