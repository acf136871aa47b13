/* SPDX-License-Identifier: GPL-3.0-or-later */
/* semradio-tx: images -> codec -> waveform -> radio.  tx.h draws the stages. */
#include "clock.h"
#include "log.h"
#include "program.h"
#include "radio/radio_service.h"
#include "tx.h"
#include "waveform/waveform_options.h"

#include <string.h>
#include <unistd.h>

static const option_t *const tables[] = {tx_options,       waveform_options, radio_options,
                                         radio_tx_options, recorder_options, control_options,
                                         tx_swap_options,  daemon_options,   NULL};

static bool wants_table(const tx_settings_t *settings)
{
    return settings->table == 1 || (settings->table == 0 && isatty(STDERR_FILENO));
}

/* Until the source ends, the time is over, a signal comes or a stage fails. */
static void watch(tx_t *tx)
{
    tx_settings_t settings = tx->settings;
    uint64_t next_row = tx->start_ns + 1000000000u;
    while (!program_stopped(0.02) && !atomic_load(&tx->finished) && !atomic_load(&tx->failed)) {
        uint64_t now = clock_now_ns();
        radio_service_log_events(tx->radio);
        (void)live_take(tx->live, TX_READ_MAIN, &settings);
        if (now >= next_row) {
            if (wants_table(&settings)) {
                tx_status_line(tx);
            }
            if (tx->reporter != NULL) {
                control_report_json(tx->reporter, CONTROL_STATUS, tx_summary_json(tx));
            }
            next_row += 1000000000u;
        }
        if (settings.duration_s > 0 && (double)(now - tx->start_ns) * 1e-9 >= settings.duration_s) {
            break;
        }
    }
}

static int finish(tx_t *tx, const options_t *options)
{
    int code = PROGRAM_OK;
    err_t err = ERR_INIT;
    const char *summary = options_string(options, "report.summary");
    tx_summary_line(tx);
    if (tx_record_close(tx, &err) != 0) {
        log_error("%s", err.text);
        code = PROGRAM_FAILED;
    }
    if (*summary != 0 && tx_summary_file(tx, summary, &err) != 0) {
        log_error("%s", err.text);
        code = PROGRAM_FAILED;
    }
    if (atomic_load(&tx->failed)) {
        log_error("%s", tx->failure.text);
        code = PROGRAM_FAILED;
    }
    return code;
}

int main(int argc, char *argv[])
{
    options_t *options;
    int code = program_begin("semradio-tx", "[SOURCE]",
                             "sends images through a semantic codec and a radio", tables, argc,
                             argv, &options);
    if (options == NULL) {
        return code;
    }
    program_catch_signals();
    err_t err = ERR_INIT;
    tx_t *tx = tx_create(options, &err);
    if (tx == NULL || tx_start(tx, &err) != 0) {
        log_error("%s", err.text);
        options_destroy(options);
        return program_stop_count() > 0 ? PROGRAM_OK : PROGRAM_FAILED;
    }
    watch(tx);
    tx_stop(tx);
    (void)radio_service_log_events(tx->radio); /* the last ones, while there is who tells them on */
    radio_service_on_event(NULL, NULL);
    control_daemon_close(tx->control); /* the options are ours again */
    tx->control = NULL;
    code = finish(tx, options);
    tx_destroy(tx);
    options_destroy(options);
    return code;
}
