/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting and ending the stages' threads. */
#include "clock.h"
#include "log.h"
#include "rx.h"

void rx_fail(rx_t *rx, const err_t *why)
{
    if (!atomic_exchange(&rx->failure_taken, true)) {
        rx->failure = *why;
        atomic_store(&rx->failed, true);
    }
    atomic_store(&rx->stopping, true);
}

int rx_start(rx_t *rx, err_t *err)
{
    rx->start_ns = clock_now_ns();
    if (radio_start(rx->radio, err) != 0) {
        return -1;
    }
    /* The last stage first, so that nothing waits for a thread that is not there yet. */
    int code = pthread_create(&rx->report_thread, NULL, rx_report_run, rx);
    for (int i = 0; i < rx->decoder_count && code == 0; i++) {
        code = pthread_create(&rx->decoders[i].thread, NULL, rx_decode_run, &rx->decoders[i]);
    }
    if (code == 0) {
        code = pthread_create(&rx->demod_thread, NULL, rx_demod_run, rx);
    }
    if (code == 0) {
        code = pthread_create(&rx->radio_thread, NULL, rx_radio_run, rx);
    }
    if (code != 0) {
        return err_set_errno(err, code, "cannot start a thread");
    }
    log_info("listening");
    return control_daemon_start(rx->control, err) == 0 ? page_start(rx->page, err) : -1;
}

void rx_stop(rx_t *rx)
{
    atomic_store(&rx->stopping, true);
    pthread_join(rx->radio_thread, NULL);
    pthread_join(rx->demod_thread, NULL);
    for (int i = 0; i < rx->decoder_count; i++) {
        pthread_join(rx->decoders[i].thread, NULL);
    }
    pthread_join(rx->report_thread, NULL);
    radio_stop(rx->radio, NULL);
}
