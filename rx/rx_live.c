/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The live page of the receiver: what it is told, and what it may change. */
#include "log.h"
#include "radio/radio_service.h"
#include "rx.h"

#include <stdlib.h>

/* In the page's thread. */
static json_t *status(void *context)
{
    rx_t *rx = context;
    (void)live_take(rx->totals, RX_TOTALS_PAGE, &rx->page_totals);
    json_t *object = rx_summary_json(rx, &rx->page_totals);
    json_object_set_new(object, "rx_gain_db", json_real(radio_rx_gain_db(rx->radio)));
    json_object_set_new(object, "codec", json_string(codec_name(rx->decoders[0].codec)));
    return object;
}

static void changed(void *context, json_t *values)
{
    const rx_t *rx = context;
    char *text = json_dumps(values, JSON_COMPACT);
    log_info("set from the live page: %s", text != NULL ? text : "");
    free(text);
    control_report_json(
        rx->page_reporter, CONTROL_EVENT,
        json_pack("{s:s, s:O, s:s}", "kind", "set", "values", values, "by", "live page"));
}

int rx_live_open(rx_t *rx, options_t *options, err_t *err)
{
    const page_config_t config = {.options = options,
                                  .options_lock = &rx->options_lock,
                                  .accept = rx_settings_accept,
                                  .status = status,
                                  .changed = changed,
                                  .context = rx,
                                  .sample_rate_hz = rx->sample_rate_hz};
    return page_open(&config, &rx->page, err);
}

void rx_live_result(rx_t *rx, const rx_result_t *result)
{
    if (result->images == 0) {
        return;
    }
    view_see_images(rx->view, result->width, result->height,
                    result->has_sent[0] ? result->sent : NULL, result->received);
    page_see_images(rx->page, &result->reports[0], result->width, result->height,
                    result->has_sent[0] ? result->sent : NULL, result->received);
}
