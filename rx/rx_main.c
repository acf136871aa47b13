/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-rx: radio -> waveform -> codec -> reports.  rx.h draws the stages. */
#include "clock.h"
#include "log.h"
#include "program.h"
#include "radio/radio_service.h"
#include "rx.h"
#include "waveform/receiver_options.h"
#include "waveform/waveform_options.h"

static const option_t *const tables[] = {rx_options,
                                         waveform_options,
                                         receiver_options,
                                         radio_options,
                                         radio_rx_options,
                                         recorder_options,
                                         control_options,
                                         rx_swap_options,
                                         page_options,
                                         daemon_options,
                                         NULL};

/* Until enough frames came, the time is over, a signal comes or a stage fails. */
static void watch(rx_t *rx)
{
    rx_settings_t settings = rx->settings;
    uint64_t next_report = rx->start_ns;
    while (!program_stopped(0.02) && !atomic_load(&rx->stopping)) {
        (void)live_take(rx->live, RX_READ_MAIN, &settings);
        if (radio_service_log_events(rx->radio) && settings.stop_when_gone) {
            err_t err = ERR_INIT;
            err_set(&err, ERR_CLOSED, "the radio is gone (rx.on_gone = stop)");
            rx_fail(rx, &err);
        }
        const uint64_t now = clock_now_ns();
        if (rx->main_reporter != NULL && now >= next_report) {
            (void)live_take(rx->totals, RX_TOTALS_MAIN, &rx->main_totals);
            control_report_json(rx->main_reporter, CONTROL_STATUS,
                                rx_summary_json(rx, &rx->main_totals));
            next_report += 1000000000u;
        }
        double time_s = (double)(now - rx->start_ns) * 1e-9;
        if (settings.duration_s > 0 && time_s >= settings.duration_s) {
            break;
        }
    }
}

static int finish(rx_t *rx, const options_t *options)
{
    int code = PROGRAM_OK;
    err_t err = ERR_INIT;
    const char *summary = options_string(options, "report.summary");
    rx_summary_line(rx);
    if (rx_record_close(rx, &err) != 0) {
        log_error("%s", err.text);
        code = PROGRAM_FAILED;
    }
    if (*summary != 0 && rx_summary_file(rx, summary, &err) != 0) {
        log_error("%s", err.text);
        code = PROGRAM_FAILED;
    }
    if (atomic_load(&rx->failed)) {
        log_error("%s", rx->failure.text);
        code = PROGRAM_FAILED;
    }
    return code;
}

int main(int argc, char *argv[])
{
    options_t *options;
    int code = program_begin("semradio-rx", NULL,
                             "receives images from a radio, decodes and measures them", tables,
                             argc, argv, &options);
    if (options == NULL) {
        return code;
    }
    rx_settings_log(options);
    program_catch_signals();
    err_t err = ERR_INIT;
    rx_t *rx = rx_create(options, &err);
    if (rx == NULL || rx_start(rx, &err) != 0) {
        log_error("%s", err.text);
        options_destroy(options);
        return program_stop_count() > 0 ? PROGRAM_OK : PROGRAM_FAILED;
    }
    watch(rx);
    rx_stop(rx);
    (void)radio_service_log_events(rx->radio); /* the last ones, while there is who tells them on */
    radio_service_on_event(NULL, NULL);
    page_close(rx->page);
    rx->page = NULL;
    control_daemon_close(rx->control); /* the options are ours again */
    rx->control = NULL;
    code = finish(rx, options);
    rx_destroy(rx);
    options_destroy(options);
    return code;
}
