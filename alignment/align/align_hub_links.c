/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two daemons: finding them, listening to them, passing requests on to them. */
#include "align/align_hub.h"

#include "control/field.h"
#include "log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"tx", "rx"};

static int open_link(align_hub_t *hub, swap_end_t which, err_t *err)
{
    char option[16], key[16];
    hub_link_t *link = &hub->link[which];
    snprintf(option, sizeof option, "hub.%s", names[which]);
    snprintf(key, sizeof key, "hub.%s_key", names[which]);
    link->hub = hub;
    link->which = which;
    const char *server_key = options_string(hub->options, key);
    const control_peer_config_t config = {options_string(hub->options, option), server_key,
                                          *server_key != 0 ? options_string(hub->options, "hub.key")
                                                           : ""};
    if (*config.endpoint == 0) {
        return 0;
    }
    link->peer = control_peer_create(hub->zmq, &config, err);
    return link->peer != NULL ? 0 : err_prefix(err, "%s", option);
}

int hub_links_open(align_hub_t *hub, err_t *err)
{
    return open_link(hub, SWAP_TX, err) == 0 && open_link(hub, SWAP_RX, err) == 0 ? 0 : -1;
}

void hub_links_close(align_hub_t *hub)
{
    for (int e = 0; e < SWAP_ENDS; e++) {
        subscriber_destroy(hub->link[e].subscriber);
        control_peer_destroy(hub->link[e].peer);
    }
}

/* ---- hello: where its reports come from, and whether it started anew ---- */

static void on_hello(void *context, const control_answer_t *given)
{
    hub_link_t *link = context;
    char own[ENDPOINT_SIZE] = "", seen[ENDPOINT_SIZE], session[SESSION_LENGTH + 1] = "";
    err_t err = ERR_INIT;
    if (!given->answer->ok) {
        if (!link->said_lost) {
            log_warn("%s: %s", names[link->which], given->answer->error.text);
            link->said_lost = true;
        }
        return;
    }
    if (field_text(given->answer->result, "reports", own, sizeof own, &err) != 0 ||
        field_text(given->answer->result, "session", session, sizeof session, &err) != 0) {
        return;
    }
    if (strcmp(session, link->session) != 0) {
        log_info("%s: %s %s", names[link->which],
                 *link->session == 0 ? "found at" : "started anew at",
                 control_peer_endpoint(link->peer));
        hub_event(link->hub, CONTROL_EVENT,
                  json_pack("{s:s, s:s}", "kind", *link->session == 0 ? "found" : "restarted",
                            "end", names[link->which]));
        strcpy(link->session, session);
    }
    link->said_lost = false;
    endpoint_seen_from(own, control_peer_endpoint(link->peer), seen);
    if (strcmp(seen, link->reports) != 0) {
        subscriber_destroy(link->subscriber);
        link->subscriber = subscriber_create(link->hub->zmq, seen, "", link->peer, &err);
        strcpy(link->reports, seen);
        if (link->subscriber == NULL) {
            log_warn("%s: %s", names[link->which], err.text);
        }
    }
}

static void say_hello(hub_link_t *link, uint64_t now_ns)
{
    if (link->peer == NULL || now_ns < link->hello_ns) {
        return;
    }
    link->hello_ns = now_ns + 1000000000u;
    json_t *args = json_pack("{s:i, s:i}", "min", CONTROL_VERSION_MIN, "max", CONTROL_VERSION_MAX);
    (void)control_peer_ask(link->peer, "hello", "", args, NULL, 0, 0.9, on_hello, link, NULL);
    json_decref(args);
}

/* ---- reports, passed on with where they came from ---- */

static control_topic_t topic_of(const char *name)
{
    for (int t = 0; t < CONTROL_TOPICS; t++) {
        if (strcmp(name, control_topic_name((control_topic_t)t)) == 0) {
            return (control_topic_t)t;
        }
    }
    return CONTROL_EVENT;
}

static void relay(hub_link_t *link, report_t *report, uint64_t now_ns)
{
    align_hub_t *hub = link->hub;
    if (link->which == SWAP_RX && strcmp(report->topic, "frame") == 0) {
        const json_t *snr = json_object_get(report->body, "snr_db");
        if (json_is_number(snr)) {
            hub_adapt_measure(hub, json_number_value(snr), now_ns);
        }
    }
    json_object_set_new(report->body, "from", json_string(names[link->which]));
    char *text = json_dumps(report->body, JSON_COMPACT | JSON_REAL_PRECISION(9));
    if (text != NULL) {
        control_server_report(hub->server, topic_of(report->topic), text, strlen(text));
        hub->relayed++;
    }
    free(text);
}

void hub_links_step(align_hub_t *hub, uint64_t now_ns)
{
    for (int e = 0; e < SWAP_ENDS; e++) {
        hub_link_t *link = &hub->link[e];
        say_hello(link, now_ns);
        report_t report;
        for (int n = 0;
             n < 1000 && link->subscriber != NULL && subscriber_next(link->subscriber, &report);
             n++) {
            relay(link, &report, now_ns);
            report_free(&report);
        }
    }
}

/* ---- requests "to" one of them ---- */

typedef struct {
    control_server_t *server;
    uint64_t ticket;
} passed_t;

static void on_passed(void *context, const control_answer_t *given)
{
    passed_t *passed = context;
    const control_reply_t reply = {given->answer->result, given->blob, given->blob_size};
    control_server_answer(passed->server, passed->ticket, &reply,
                          given->answer->ok ? NULL : &given->answer->error);
    free(passed);
}

int hub_link_pass_on(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    align_hub_t *hub = context;
    const request_t *request = call->request;
    hub_link_t *link = NULL;
    (void)reply;
    for (int e = 0; e < SWAP_ENDS; e++) {
        if (strcmp(request->target, names[e]) == 0) {
            link = &hub->link[e];
        }
    }
    if (*request->target == 0) {
        return err_set(err, ERR_UNSUPPORTED, "the hub has no command \"%s\"; --to=tx or --to=rx?",
                       request->command);
    }
    if (link == NULL || link->peer == NULL) {
        return err_set(err, ERR_ARGUMENT, "this hub has no \"%s\"", request->target);
    }
    passed_t *passed = malloc(sizeof *passed);
    if (passed == NULL) {
        return err_set(err, ERR_MEMORY, "no memory to pass a request on");
    }
    *passed = (passed_t){hub->server, call->ticket};
    /* A little less, so that our answer still comes in time. */
    const double deadline_s = fmax(0.05, 0.9 * request->deadline_s);
    if (control_peer_ask(link->peer, request->command, "", request->args, call->blob,
                         call->blob_size, deadline_s, on_passed, passed, err) == 0) {
        free(passed);
        return -1;
    }
    hub->passed_on++;
    return CONTROL_LATER;
}

json_t *hub_link_status(const hub_link_t *link)
{
    static const char *const states[] = {"nobody", "refused", "silent", "ready"};
    if (link->peer == NULL) {
        return json_null();
    }
    const subscriber_counts_t counts =
        link->subscriber != NULL ? subscriber_counts(link->subscriber) : (subscriber_counts_t){0};
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "endpoint", control_peer_endpoint(link->peer),
                     "state", states[control_peer_state(link->peer)], "session", link->session,
                     "reports", (json_int_t)counts.received, "reports_missed",
                     (json_int_t)counts.missed);
}
