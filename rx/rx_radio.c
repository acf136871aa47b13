/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stage 1, the radio thread: pulls, and nothing else.  No disk, log, allocation or lock. */
#include "clock.h"
#include "program.h"
#include "rx.h"

/* One pull into `block`; the number of samples, 0 when none came in time. */
static size_t pull(rx_t *rx, rx_block_t *block)
{
    float complex *x[1] = {block->samples};
    radio_pull_t info;
    err_t err = ERR_INIT;
    ssize_t count = radio_pull(rx->radio, x, RX_BLOCK, 0.05, &info, &err);
    if (count < 0 && err.code == ERR_CLOSED) {
        atomic_store(&rx->stopping, true); /* the end of a recording */
        return 0;
    }
    if (count < 0) {
        rx_fail(rx, &err);
        return 0;
    }
    block->timestamp = info.timestamp;
    block->arrival_ns = clock_now_ns();
    block->count = (size_t)count;
    rx_record_samples(rx, block);
    return (size_t)count;
}

/* What was set since the last pull.  A device that refuses a gain keeps its own; status tells it.
 */
static void take_settings(rx_t *rx, rx_settings_t *settings)
{
    const double gain_db = settings->rx_gain_db;
    if (live_take(rx->live, RX_READ_RADIO, settings) && settings->rx_gain_db != gain_db) {
        (void)radio_set_rx_gain_db(rx->radio, settings->rx_gain_db, NULL);
    }
}

void *rx_radio_run(void *context)
{
    static rx_block_t spare; /* what does not fit is pulled too: the radio must not fall behind */
    rx_t *rx = context;
    rx_settings_t settings = rx->settings;
    program_name_thread("radio");
    (void)program_come_first();
    while (!atomic_load(&rx->stopping)) {
        take_settings(rx, &settings);
        if (settings.wait_on_overload && ring_wait_space(rx->blocks, 0.05) == 0) {
            continue;
        }
        rx_block_t *block = ring_acquire(rx->blocks);
        size_t count = pull(rx, block != NULL ? block : &spare);
        atomic_fetch_add(&rx->counts.samples, count);
        if (block == NULL) {
            atomic_fetch_add(&rx->counts.samples_dropped, count);
        } else if (count > 0) {
            ring_commit(rx->blocks);
        }
    }
    ring_close(rx->blocks);
    return NULL;
}
