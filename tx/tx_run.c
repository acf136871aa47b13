/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starting and ending the stages' threads. */
#include "clock.h"
#include "program.h"
#include "tx.h"

void tx_fail(tx_t *tx, const err_t *why)
{
    if (!atomic_exchange(&tx->failure_taken, true)) {
        tx->failure = *why;
        atomic_store(&tx->failed, true);
    }
    atomic_store(&tx->stopping, true);
}

int tx_start(tx_t *tx, err_t *err)
{
    tx->start_ns = clock_now_ns();
    /* The last stage first, so that nothing is made that nobody takes. */
    int code = pthread_create(&tx->send_thread, NULL, tx_send_run, tx);
    for (int i = 0; i < tx->encoder_count && code == 0; i++) {
        code = pthread_create(&tx->encoders[i].thread, NULL, tx_encode_run, &tx->encoders[i]);
    }
    if (code == 0) {
        code = pthread_create(&tx->source_thread, NULL, tx_source_run, tx);
    }
    return code == 0 ? control_daemon_start(tx->control, err)
                     : err_set_errno(err, code, "cannot start a thread");
}

/* What is made is sent, unless that takes longer than 2 s or a second Ctrl-C comes. */
static void wait_for_end(tx_t *tx)
{
    uint64_t deadline = clock_now_ns() + 2000000000u;
    while (!atomic_load(&tx->finished) && clock_now_ns() < deadline && program_stop_count() < 2) {
        (void)program_stopped(0.01);
    }
    if (!atomic_load(&tx->finished)) {
        atomic_store(&tx->abandon, true);
        for (int i = 0; i < tx->encoder_count; i++) {
            ring_close(tx->encoders[i].batches);
            ring_close(tx->encoders[i].bursts);
        }
    }
}

void tx_stop(tx_t *tx)
{
    atomic_store(&tx->stopping, true);
    wait_for_end(tx);
    pthread_join(tx->source_thread, NULL);
    for (int i = 0; i < tx->encoder_count; i++) {
        pthread_join(tx->encoders[i].thread, NULL);
    }
    pthread_join(tx->send_thread, NULL);
}
