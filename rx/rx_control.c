/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control plane of the receiver: what it answers, and what it reports. */
#include "radio/radio_service.h"
#include "rx.h"

/* In the control thread: the report stage's totals as it published them last, and atomics. */
static json_t *status(void *context)
{
    rx_t *rx = context;
    (void)live_take(rx->totals, RX_TOTALS_CONTROL, &rx->control_totals);
    json_t *object = rx_summary_json(rx, &rx->control_totals);
    json_object_set_new(object, "rx_gain_db", json_real(radio_rx_gain_db(rx->radio)));
    if (rx->swap != NULL) {
        json_object_set_new(object, "swap", rx_swap_status(rx->swap));
    }
    json_object_set_new(object, "settings", json_integer((json_int_t)live_published(rx->live)));
    json_object_set_new(object, "settings_in_use", json_integer((json_int_t)live_taken(rx->live)));
    return object;
}

static void tell_event(void *context, const radio_event_t *event)
{
    const rx_t *rx = context;
    control_report_json(rx->main_reporter, CONTROL_EVENT,
                        json_pack("{s:s, s:I, s:I}", "kind", radio_event_name(event->kind),
                                  "timestamp", (json_int_t)event->timestamp, "count",
                                  (json_int_t)event->count));
}

static int on_swap(void *context, const control_call_t *call, control_reply_t *reply, err_t *err)
{
    const rx_t *rx = context;
    return rx->swap != NULL
               ? rx_swap_command(rx->swap, call, reply, err)
               : err_set(err, ERR_UNSUPPORTED, "this receiver has no adapters (control.store)");
}

/* Orders carry their own numbers: one that comes twice does nothing new. */
static const control_command_t commands[] = {{"swap.state", on_swap, CONTROL_PURE},
                                             {"swap.stage", on_swap, CONTROL_PURE},
                                             {"swap.arm", on_swap, CONTROL_PURE},
                                             {0}};

int rx_control_open(rx_t *rx, options_t *options, err_t *err)
{
    const control_daemon_config_t config = {.program = "semradio-rx",
                                            .options = options,
                                            .lock = &rx->options_lock,
                                            .accept = rx_settings_accept,
                                            .status = status,
                                            .commands = commands,
                                            .context = rx};
    if (control_daemon_open(&config, &rx->control, err) != 0 ||
        control_daemon_reporter(rx->control, 1024, &rx->reporter, err) != 0 ||
        control_daemon_reporter(rx->control, 256, &rx->main_reporter, err) != 0 ||
        control_daemon_reporter(rx->control, 16, &rx->page_reporter, err) != 0) {
        return -1;
    }
    store_t *store = control_daemon_store(rx->control);
    if (store != NULL) {
        rx->swap = rx_swap_create(store, rx->decoders[0].codec, options, err);
        if (rx->swap == NULL) {
            return -1;
        }
    }
    if (rx->main_reporter != NULL) {
        radio_service_on_event(tell_event, rx);
    }
    return 0;
}
