/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon_open.h"

#include "clock.h"
#include "control/endpoint.h"

#include <math.h>
#include <string.h>

static const double start_s = 60.0, ask_s = 10.0; /* to wait for a daemon that starts, that runs */

static const char *const kinds[DAEMON_KINDS] = {"air", "receiver", "transmitter"};

/* The answer's result (to be freed), or NULL.  Takes args. */
static json_t *ask(over_t *over, daemon_kind_t kind, const char *command, json_t *args,
                   double deadline_s, err_t *err)
{
    control_result_t got;
    int status =
        control_client_ask(over->client[kind], command, "", args, NULL, 0, deadline_s, &got, err);
    json_t *result = status == 0 ? json_incref(got.result) : NULL;
    control_result_free(&got);
    json_decref(args);
    if (result == NULL) {
        err_prefix(err, "the %s at %s", kinds[kind], over->set.endpoint[kind]);
    }
    return result;
}

/* Waits until it answers, or has ended. */
static int reach(over_t *over, daemon_kind_t kind, err_t *err)
{
    const daemon_link_t *link = over->link;
    const control_peer_config_t config = {
        .endpoint = over->set.endpoint[kind],
        .server_key = kind == DAEMON_TX   ? link->tx_key
                      : kind == DAEMON_RX ? link->rx_key
                                          : "",
        .key = kind == DAEMON_AIR || over->set.process[kind] > 0 ? "" : link->key};
    over->client[kind] = control_client_create(&config, err);
    if (over->client[kind] == NULL) {
        return -1;
    }
    double patience_s = over->set.process[kind] > 0 ? start_s : link->patience_s;
    uint64_t deadline = clock_now_ns() + (uint64_t)(patience_s * 1e9);
    while (daemon_set_check(&over->set, err) == 0) {
        json_t *answer = ask(over, kind, "ping", NULL, 1.0, err);
        json_decref(answer);
        if (answer != NULL || clock_now_ns() > deadline) {
            return answer != NULL ? 0 : -1;
        }
        clock_sleep_s(0.05);
    }
    return -1;
}

static int set_values(over_t *over, daemon_kind_t kind, json_t *values, err_t *err)
{
    json_t *answer = ask(over, kind, "set", json_pack("{s:o}", "values", values), ask_s, err);
    json_decref(answer);
    return answer != NULL ? 0 : -1;
}

/* The channel, option by option; its seed and its kind of block only change with a new air. */
static int set_air(over_t *over, err_t *err)
{
    json_t *values = json_object();
    const option_t *option;
    for (size_t i = 0; (option = options_at(over->link->options, i)) != NULL; i++) {
        char key[128];
        snprintf(key, sizeof key, "channel.%s", option->name);
        const char *value =
            strcmp(option->section, "channel") == 0 ? options_text(over->link->options, key) : "";
        if (value[0] != '\0' && (option->flags & OPTION_RUNTIME) != 0) {
            json_object_set_new(values, key, json_string(value));
        }
    }
    return set_values(over, DAEMON_AIR, values, err);
}

static int set_tx(over_t *over, err_t *err)
{
    const scheme_config_t *scheme = &over->trial->scheme;
    char rate[32];
    snprintf(rate, sizeof rate, "%d/%d", scheme->rate_numerator, scheme->rate_denominator);
    return set_values(over, DAEMON_TX,
                      json_pack("{s:s, s:f, s:i}", "codec.rate", rate, "codec.design_snr_db",
                                scheme->design_snr_db, "frame.images", over->trial->frame_images),
                      err);
}

/* A daemon that was running has its codec and waveform since its start. */
static int check_fixed(over_t *over, daemon_kind_t kind, err_t *err)
{
    static const char *const keys[] = {"waveform.cp", "waveform.retrain_every", "codec.name"};
    if (over->set.process[kind] > 0) {
        return 0;
    }
    json_t *answer = ask(over, kind, "get", NULL, ask_s, err);
    int status = answer != NULL ? 0 : -1;
    for (size_t i = 0; status == 0 && i < sizeof keys / sizeof keys[0]; i++) {
        const char *is =
            json_string_value(json_object_get(json_object_get(answer, "values"), keys[i]));
        const char *wanted =
            i == 2 ? over->trial->scheme.codec : options_text(over->link->options, keys[i]);
        if (is == NULL || strcmp(is, wanted) != 0) {
            status = err_set(err, ERR_STATE, "the %s at %s runs with %s=%s, this point needs %s",
                             kinds[kind], over->set.endpoint[kind], keys[i], is != NULL ? is : "?",
                             wanted);
        }
    }
    json_decref(answer);
    return status;
}

double daemon_status(over_t *over, daemon_kind_t kind, const char *key)
{
    err_t err = ERR_INIT;
    json_t *status = ask(over, kind, "status", NULL, ask_s, &err);
    const json_t *value = json_object_get(status, key);
    double number = json_is_number(value) ? json_number_value(value) : (double)NAN;
    json_decref(status);
    return number;
}

/* Until every thread of the transmitter works with the settings. */
static int wait_in_use(over_t *over, err_t *err)
{
    uint64_t deadline = clock_now_ns() + (uint64_t)(over->link->patience_s * 1e9);
    double wanted = daemon_status(over, DAEMON_TX, "settings");
    while (!(daemon_status(over, DAEMON_TX, "settings_in_use") >= wanted)) {
        if (clock_now_ns() > deadline) {
            return err_set(err, ERR_TIMEOUT,
                           "the transmitter's settings are not in use after "
                           "%g s: is it sending?",
                           over->link->patience_s);
        }
        clock_sleep_s(0.02);
    }
    return 0;
}

/* What is sent after everything was set.  A receiver may be seconds behind: it is told by the frame's
   number, not by the clock.  A few more, for the air works in blocks. */
static uint16_t next_frame(over_t *over)
{
    enum { MARGIN = 4 };
    double lost = daemon_status(over, DAEMON_TX, "lost_frames"), sent = over->sent_before;
    sent = (sent > 0.0 ? sent : 0.0) + (lost > 0.0 ? lost : 0.0);
    return (uint16_t)((uint64_t)sent + MARGIN);
}

static int subscribe(over_t *over, err_t *err)
{
    char endpoint[ENDPOINT_SIZE];
    control_client_t *rx = over->client[DAEMON_RX];
    if (control_client_hello(rx, "", ask_s, NULL, endpoint, sizeof endpoint, err) != 0) {
        return -1;
    }
    over->reports =
        subscriber_create(control_client_zmq(rx), endpoint, "frame", control_client_peer(rx), err);
    return over->reports != NULL ? 0 : -1;
}

/* The air first, the transmitter last: what it sends is then all this point's. */
int daemon_open(over_t *over, err_t *err)
{
    const trial_config_t *trial = over->trial;
    bool air = over->set.endpoint[DAEMON_AIR][0] != '\0';
    if ((air && (daemon_set_start(&over->set, DAEMON_AIR, trial, over->link, err) != 0 ||
                 reach(over, DAEMON_AIR, err) != 0 || set_air(over, err) != 0)) ||
        daemon_set_start(&over->set, DAEMON_RX, trial, over->link, err) != 0 ||
        reach(over, DAEMON_RX, err) != 0 || check_fixed(over, DAEMON_RX, err) != 0 ||
        subscribe(over, err) != 0) {
        return -1;
    }
    clock_sleep_s(0.1); /* a subscription travels */
    if (daemon_set_start(&over->set, DAEMON_TX, trial, over->link, err) != 0 ||
        reach(over, DAEMON_TX, err) != 0 || check_fixed(over, DAEMON_TX, err) != 0 ||
        set_tx(over, err) != 0) {
        return -1;
    }
    bool ours = over->set.process[DAEMON_TX] > 0 && over->set.process[DAEMON_RX] > 0;
    if (!ours && wait_in_use(over, err) != 0) {
        return -1;
    }
    over->sent_before = ours ? 0.0 : daemon_status(over, DAEMON_TX, "frames");
    over->first_frame = ours ? 0 : next_frame(over);
    over->begun = ours;
    over->last_report_ns = clock_now_ns();
    over->measure_from_ns =
        over->last_report_ns + (ours ? 0 : (uint64_t)(over->link->settle_s * 1e9));
    return 0;
}
