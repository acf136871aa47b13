/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What may change while the daemon runs.  One struct holds all of it; the control thread checks and
 * publishes it whole, each stage takes it over between two frames (rx->live).
 */
#include "log.h"
#include "rx.h"

#include <string.h>

void rx_settings_read(const options_t *o, rx_settings_t *s)
{
    *s = (rx_settings_t){
        .id = (int)options_int(o, "rx.id"),
        /* A recording waits for us; what is lost with it would be lost in every
           replay differently. */
        .wait_on_overload = options_choice(o, "rx.overload") == 1 ||
                            strcmp(options_string(o, "radio.backend"), "file") == 0,
        .stop_when_gone = options_choice(o, "rx.on_gone") == 1,
        .ssim = options_bool(o, "quality.ssim"),
        .images_sent = options_bool(o, "output.sent"),
        .duration_s = options_real(o, "rx.duration_s"),
        .frame_limit = (uint64_t)options_int(o, "rx.frames"),
        .images_every = (uint64_t)options_int(o, "output.every"),
        .images_limit = (uint64_t)options_int(o, "output.limit"),
        .rx_gain_db = options_real(o, "radio.rx_gain_db"),
        .table =
            options_bool(o, "report.quiet") ? RX_TABLE_OFF : options_choice(o, "report.table")};
}

void rx_settings_log(const options_t *o)
{
    const log_level_t level = (log_level_t)options_choice(o, "log.level");
    log_set_level(options_bool(o, "report.quiet") && level > LOG_WARN ? LOG_WARN : level);
}

int rx_settings_accept(void *context, const options_t *options, err_t *err)
{
    rx_t *rx = context;
    rx_settings_t settings;
    (void)err; /* the table's own checks are all that these need */
    rx_settings_read(options, &settings);
    rx_settings_log(options);
    live_publish(rx->live, &settings);
    return 0;
}
