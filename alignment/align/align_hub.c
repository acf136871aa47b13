/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "align/align_hub.h"

#include "clock.h"
#include "control/field.h"
#include "log.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const option_t align_hub_options[] = {
    {.section = "hub",
     .name = "bind",
     .type = OPTION_STRING,
     .fallback = "tcp://127.0.0.1:5600",
     .help = "hub: takes commands here; reports go out at the next port, or at PATH.reports"},
    {.section = "hub",
     .name = "tx",
     .type = OPTION_STRING,
     .help = "hub: the transmitter's control.bind"},
    {.section = "hub",
     .name = "rx",
     .type = OPTION_STRING,
     .help = "hub: the receiver's control.bind"},
    {.section = "hub",
     .name = "tx_key",
     .type = OPTION_STRING,
     .help = "hub: the transmitter's public key or .pub file (empty: messages are plain)"},
    {.section = "hub",
     .name = "rx_key",
     .type = OPTION_STRING,
     .help = "hub: the receiver's public key or .pub file"},
    {.section = "hub",
     .name = "key",
     .type = OPTION_STRING,
     .help = "hub: its own key pair, towards the daemons and its clients"},
    {.section = "hub",
     .name = "allow",
     .type = OPTION_STRING,
     .help = "hub: list of the public keys that may connect, one a line"},
    {.section = "hub",
     .name = "store",
     .type = OPTION_STRING,
     .help = "hub: folder of adapters; what an end lacks is sent to it from here"},
    {.section = "hub",
     .name = "beat_ms",
     .type = OPTION_REAL,
     .unit = "ms",
     .fallback = "100",
     .min = 5,
     .max = 10000,
     .help = "hub: looks at both ends this often; well below the transmitter's swap.lease_s"},
    {.section = "hub",
     .name = "adapt",
     .type = OPTION_CHOICE,
     .fallback = "fixed",
     .choices = "fixed|auto|script",
     .flags = OPTION_RUNTIME,
     .help = "hub: what to use: what arm says, what hub.ladder says for the reported SNR, or "
             "hub.script"},
    {.section = "hub",
     .name = "ladder",
     .type = OPTION_STRING,
     .flags = OPTION_RUNTIME,
     .help = "hub, auto: NAME[:RATE][@DESIGN_SNR_DB], SNR in dB, NAME…, SNR, NAME… from the worst "
             "channel to the best; base is the base codec"},
    {.section = "hub",
     .name = "hysteresis_db",
     .type = OPTION_REAL,
     .unit = "dB",
     .fallback = "1",
     .min = 0,
     .max = 50,
     .flags = OPTION_RUNTIME,
     .help = "hub, auto: an edge must be passed by so much"},
    {.section = "hub",
     .name = "dwell_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "1",
     .min = 0,
     .max = 3600,
     .flags = OPTION_RUNTIME,
     .help = "hub, auto: the least time between two changes"},
    {.section = "hub",
     .name = "smooth_s",
     .type = OPTION_REAL,
     .unit = "s",
     .fallback = "0.5",
     .min = 0,
     .max = 3600,
     .flags = OPTION_RUNTIME,
     .help = "hub, auto: the SNR is averaged over this time"},
    {.section = "hub",
     .name = "script",
     .type = OPTION_STRING,
     .flags = OPTION_RUNTIME,
     .help = "hub, script: a file of lines \"SECONDS NAME[:RATE][@DESIGN_SNR_DB]\""},
    {0}};

void hub_event(align_hub_t *hub, control_topic_t topic, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    if (text != NULL) {
        control_server_report(hub->server, topic, text, strlen(text));
    }
    free(text);
    json_decref(object);
}

/* ---- commands ---- */

static int on_status(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    align_hub_t *hub = context;
    if (field_only(call->request->args, "", err) != 0) {
        return -1;
    }
    reply->result = json_pack(
        "{s:s, s:s, s:f, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "program", "semradio-align hub",
        "version", SEMRADIO_VERSION, "time_s", 1e-9 * (double)(clock_now_ns() - hub->start_ns),
        "tx", hub_link_status(&hub->link[SWAP_TX]), "rx", hub_link_status(&hub->link[SWAP_RX]),
        "swap", hub_swap_status(hub), "adapt", hub_adapt_status(hub), "stage", hub_stage_status(hub), "passed_on",
        (json_int_t)hub->passed_on, "relayed", (json_int_t)hub->relayed, "control",
        control_server_status(hub->server));
    return reply->result != NULL ? 0 : err_set(err, ERR_MEMORY, "no memory for the status");
}

static int on_get(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_get(&((align_hub_t *)context)->settings, call, reply, err);
}

static int on_set(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_set(&((align_hub_t *)context)->settings, call, reply, err);
}

static int on_list(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return control_list(&((align_hub_t *)context)->settings, call, reply, err);
}

typedef int transfer_command_t(transfer_t *transfer, const control_call_t *call,
                               control_reply_t *reply, err_t *err);

static int with_store(void *context, transfer_command_t *command, const control_call_t *call,
                      control_reply_t *reply, err_t *err)
{
    align_hub_t *hub = context;
    return hub->transfer != NULL ? command(hub->transfer, call, reply, err)
                                 : err_set(err, ERR_UNSUPPORTED, "this hub has no hub.store");
}

static int on_put(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return with_store(context, transfer_put, call, reply, err);
}

static int on_chunk(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return with_store(context, transfer_chunk, call, reply, err);
}

static int on_fetch(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return with_store(context, transfer_fetch, call, reply, err);
}

static int on_adapters(void *context, const control_call_t *call, control_reply_t *reply,
                       err_t *err)
{
    return with_store(context, transfer_adapters, call, reply, err);
}

static int on_holds(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return with_store(context, transfer_holds, call, reply, err);
}

static int on_upgrade(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    return with_store(context, transfer_upgrade, call, reply, err);
}

static const control_command_t commands[] = {{"status", on_status, CONTROL_PURE},
                                             {"get", on_get, CONTROL_PURE},
                                             {"set", on_set, 0},
                                             {"list", on_list, CONTROL_PURE},
                                             {"put", on_put, CONTROL_PURE},
                                             {"chunk", on_chunk, CONTROL_PURE},
                                             {"fetch", on_fetch, CONTROL_PURE},
                                             {"adapters", on_adapters, CONTROL_PURE},
                                             {"holds", on_holds, CONTROL_PURE},
                                             {"upgrade", on_upgrade, CONTROL_PURE},
                                             {"stage", hub_stage_command, 0},
                                             {"arm", hub_swap_arm, 0},
                                             {"revert", hub_swap_revert, 0},
                                             {0}};

/* ---- life ---- */

static int open_server(align_hub_t *hub, err_t *err)
{
    const options_t *o = hub->options;
    const control_server_config_t config = {
        .program = "semradio-align hub",
        .bind = options_string(o, "hub.bind"),
        /* A key without a list is for the daemons only. */
        .key = *options_string(o, "hub.allow") != 0 ? options_string(o, "hub.key") : "",
        .allow = options_string(o, "hub.allow"),
        .commands = commands,
        .others = hub_link_pass_on,
        .context = hub,
        .zmq = hub->zmq};
    hub->server = control_server_create(&config, err);
    hub->settings = (control_settings_t){
        .options = hub->options, .accept = hub_adapt_accept, .context = hub, .server = hub->server};
    return hub->server != NULL ? 0 : -1;
}

static int open_store(align_hub_t *hub, err_t *err)
{
    const char *folder = options_string(hub->options, "hub.store");
    if (*folder == 0) {
        return 0;
    }
    hub->store = store_open(folder, err);
    hub->transfer = hub->store != NULL ? transfer_create(hub->store, err) : NULL;
    return hub->transfer != NULL ? 0 : err_prefix(err, "hub.store");
}

static void close_hub(align_hub_t *hub)
{
    hub_stage_close(hub);
    hub_links_close(hub);
    control_server_destroy(hub->server);
    swap_hub_destroy(hub->swap);
    transfer_destroy(hub->transfer);
    store_close(hub->store);
    free(hub->script);
    if (hub->zmq != NULL) {
        zmq_ctx_term(hub->zmq);
    }
}

static int open_hub(align_hub_t *hub, err_t *err)
{
    const swap_hub_config_t swap = {.beat_ns =
                                        (uint64_t)(options_real(hub->options, "hub.beat_ms") * 1e6),
                                    .retry_ns = 50000000};
    hub->start_ns = clock_now_ns();
    hub->zmq = zmq_ctx_new();
    hub->swap = swap_hub_create(&swap, err);
    if (hub->zmq == NULL || hub->swap == NULL || open_store(hub, err) != 0 ||
        open_server(hub, err) != 0 || hub_links_open(hub, err) != 0) {
        return -1;
    }
    hub_swap_recall(hub);
    return hub_adapt_accept(hub, hub->options, err);
}

static void loop(align_hub_t *hub)
{
    while (!program_stopped(0)) {
        zmq_pollitem_t items[CONTROL_ITEMS + SWAP_ENDS * (PEER_ITEMS + 1)];
        int count = control_server_items(hub->server, items);
        uint64_t next_ns = UINT64_MAX;
        double wait_s = 0.1;
        for (int e = 0; e < SWAP_ENDS; e++) {
            hub_link_t *link = &hub->link[e];
            if (link->peer != NULL) {
                wait_s = fmin(wait_s, control_peer_step(link->peer));
                control_peer_items(link->peer, &items[count]);
                count += PEER_ITEMS;
            }
            if (link->subscriber != NULL) {
                items[count++] = (zmq_pollitem_t){.socket = subscriber_socket(link->subscriber),
                                                  .events = ZMQ_POLLIN};
            }
        }
        const uint64_t now = clock_now_ns();
        hub_links_step(hub, now);
        hub_stage_step(hub);
        hub_adapt_step(hub, now);
        hub_swap_step(hub, now, &next_ns);
        if (next_ns != UINT64_MAX) {
            wait_s = fmin(wait_s, next_ns > now ? 1e-9 * (double)(next_ns - now) : 0.0);
        }
        zmq_poll(items, count, (long)ceil(wait_s * 1e3));
        control_server_serve(hub->server);
    }
}

align_exit_t align_hub(align_t *align)
{
    align_hub_t *hub = calloc(1, sizeof *hub);
    err_t err = ERR_INIT;
    if (hub == NULL) {
        return ALIGN_FAILED;
    }
    hub->options = align->options;
    program_catch_signals();
    align_exit_t code = ALIGN_OK;
    if (open_hub(hub, &err) == 0) {
        log_info("hub at %s, reports at %s", control_server_endpoint(hub->server),
                 control_server_reports(hub->server));
        loop(hub);
    } else {
        log_error("%s", err.text);
        code = err.code == ERR_ARGUMENT ? ALIGN_USAGE : ALIGN_FAILED;
    }
    close_hub(hub);
    free(hub);
    return code;
}
