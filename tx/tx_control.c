/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control plane of the transmitter: what it answers, and what it reports. */
#include "log.h"
#include "radio/radio_service.h"
#include "tx.h"

#include <string.h>

/* In the control thread: only what is atomic or never changes. */
static json_t *status(void *context)
{
    const tx_t *tx = context;
    json_t *object = tx_summary_json(tx);
    json_object_set_new(object, "tx_gain_db", json_real(radio_tx_gain_db(tx->radio)));
    if (tx->swap != NULL) {
        json_object_set_new(object, "swap", tx_swap_status(tx->swap));
    }
    json_object_set_new(object, "settings", json_integer((json_int_t)live_published(tx->live)));
    json_object_set_new(object, "settings_in_use", json_integer((json_int_t)live_taken(tx->live)));
    return object;
}

static void tell_event(void *context, const radio_event_t *event)
{
    const tx_t *tx = context;
    control_report_json(tx->reporter, CONTROL_EVENT,
                        json_pack("{s:s, s:I, s:I}", "kind", radio_event_name(event->kind),
                                  "timestamp", (json_int_t)event->timestamp, "count",
                                  (json_int_t)event->count));
}

static int on_swap(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    const tx_t *tx = context;
    const char *fell = NULL;
    if (tx->swap == NULL) {
        return err_set(err, ERR_UNSUPPORTED, "this transmitter has no adapters (control.store)");
    }
    const int code = tx_swap_command(tx->swap, call, reply, &fell, err);
    if (fell != NULL) {
        char text[128];
        log_warn("back to the base codec: %s", fell);
        const int length =
            snprintf(text, sizeof text, "{\"kind\":\"fallback\",\"why\":\"%s\"}", fell);
        control_server_report(control_daemon_server(tx->control), CONTROL_ADAPTER, text,
                              (size_t)length);
    }
    return code;
}

/* Orders carry their own numbers: one that comes twice does nothing new. */
static const control_command_t commands[] = {
    {"swap.state", on_swap, CONTROL_PURE},   {"swap.stage", on_swap, CONTROL_PURE},
    {"swap.prepare", on_swap, CONTROL_PURE}, {"swap.go", on_swap, CONTROL_PURE},
    {"swap.base", on_swap, CONTROL_PURE},    {0}};

int tx_control_open(tx_t *tx, options_t *options, err_t *err)
{
    const control_daemon_config_t config = {.program = "semradio-tx",
                                            .options = options,
                                            .accept = tx_settings_accept,
                                            .status = status,
                                            .commands = commands,
                                            .context = tx};
    if (control_daemon_open(&config, &tx->control, err) != 0 ||
        control_daemon_reporter(tx->control, 256, &tx->reporter, err) != 0 ||
        control_daemon_reporter(tx->control, 16, &tx->source_reporter, err) != 0) {
        return -1;
    }
    store_t *store = control_daemon_store(tx->control);
    if (store != NULL) {
        tx->swap = tx_swap_create(store, tx->encoders[0].codec, options, err);
        if (tx->swap == NULL) {
            return -1;
        }
    }
    if (tx->reporter != NULL) {
        radio_service_on_event(tell_event, tx);
    }
    return 0;
}
