/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening and closing radio=zmq.  radio_zmq.h tells how the parts work together. */
#include "radio/radio_zmq.h"

#include <math.h>
#include <stdlib.h>
#include <zmq.h>

static void zmq_radio_close(void *self)
{
    radio_zmq_t *r = self;
    atomic_store(&r->stopping, true);
    if (r->tx_running) {
        pthread_join(r->tx_thread, NULL);
    }
    if (r->rx_running) {
        pthread_join(r->rx_thread, NULL);
    }
    radio_zmq_peers_close(&r->tx);
    radio_zmq_peers_close(&r->rx);
    if (r->context != NULL) {
        (void)zmq_ctx_term(r->context); /* for what is queued, up to a second */
    }
    radio_zmq_plan_free(&r->plan);
    ring_destroy(r->blocks);
    radio_events_free(&r->events);
    free(r);
}

static int start_thread(pthread_t *thread, bool *running, void *(*run)(void *), radio_zmq_t *r,
                        err_t *err)
{
    const int code = pthread_create(thread, NULL, run, r);
    *running = code == 0;
    return code == 0 ? 0 : err_set_errno(err, code, "radio=zmq: cannot start a thread");
}

static int open_tx(radio_zmq_t *r, err_t *err)
{
    static const int types[] = {ZMQ_ROUTER, ZMQ_PUSH, ZMQ_XPUB};
    return radio_zmq_plan_init(&r->plan, r->config.paced, r->rate_hz, err) != 0 ||
                   radio_zmq_peers_open(&r->tx, r->context, types[r->config.tx.type], &r->config.tx,
                                        err) != 0
               ? -1
               : 0;
}

static int open_rx(radio_zmq_t *r, err_t *err)
{
    static const int types[] = {ZMQ_REQ, ZMQ_PULL, ZMQ_SUB};
    r->blocks = ring_create(RADIO_ZMQ_RX_BLOCKS, sizeof(radio_zmq_rx_block_t), err);
    return r->blocks == NULL || radio_zmq_peers_open(&r->rx, r->context, types[r->config.rx.type],
                                                     &r->config.rx, err) != 0
               ? -1
               : 0;
}

/* The threads start when both sides are open: they touch nothing of the other's. */
static int open_sides(radio_zmq_t *r, err_t *err)
{
    r->context = zmq_ctx_new();
    if (r->context == NULL) {
        return err_set(err, ERR_MEMORY, "radio=zmq: no ZeroMQ context");
    }
    if ((r->config.tx.used && open_tx(r, err) != 0) ||
        (r->config.rx.used && open_rx(r, err) != 0) ||
        (r->config.tx.used &&
         start_thread(&r->tx_thread, &r->tx_running, radio_zmq_tx_run, r, err) != 0) ||
        (r->config.rx.used &&
         start_thread(&r->rx_thread, &r->rx_running, radio_zmq_rx_run, r, err) != 0)) {
        return -1;
    }
    return 0;
}

static void *zmq_radio_open(const radio_config_t *config, radio_actual_t *actual, err_t *err)
{
    radio_zmq_t *r = calloc(1, sizeof *r);
    if (r == NULL) {
        err_set(err, ERR_MEMORY, "no memory for a radio");
        return NULL;
    }
    radio_events_init(&r->events);
    r->rate_hz = config->rate_hz;
    r->tx_gain = (float)pow(10.0, config->tx_gain_db / 20.0);
    r->rx_gain = (float)pow(10.0, config->rx_gain_db / 20.0);
    if (radio_zmq_config(&r->config, config->address, err) != 0 || open_sides(r, err) != 0) {
        zmq_radio_close(r);
        return NULL;
    }
    *actual =
        (radio_actual_t){config->rate_hz, config->freq_hz, config->tx_gain_db, config->rx_gain_db};
    return r;
}

static int zmq_radio_start(void *self, err_t *err)
{
    radio_zmq_t *r = self;
    if (!r->config.rx.used) {
        return err_set(err, ERR_STATE, "radio=zmq has no rx_port: it cannot receive");
    }
    if (atomic_load(&r->epoch) % 2 == 1) {
        return err_set(err, ERR_STATE, "the radio is already receiving");
    }
    atomic_fetch_add(&r->epoch, 1);
    return 0;
}

static int zmq_radio_stop(void *self, err_t *err)
{
    (void)err;
    radio_zmq_t *r = self;
    if (atomic_load(&r->epoch) % 2 == 1) {
        atomic_fetch_add(&r->epoch, 1);
    }
    return 0;
}

static bool zmq_radio_next_event(void *self, radio_event_t *event)
{
    return radio_events_next(&((radio_zmq_t *)self)->events, event);
}

static radio_counts_t zmq_radio_counts(void *self)
{
    return radio_events_counts(&((radio_zmq_t *)self)->events);
}

static uint64_t zmq_radio_now(void *self)
{
    return atomic_load(&((radio_zmq_t *)self)->now);
}

static int zmq_set_gain(void *self, bool tx, double gain_db, double *actual_db, err_t *err)
{
    radio_zmq_t *r = self;
    (void)err;
    *(tx ? &r->tx_gain : &r->rx_gain) = (float)pow(10.0, gain_db / 20.0);
    *actual_db = gain_db;
    return 0;
}

const radio_backend_t radio_backend_zmq = {
    .name = "zmq",
    .open = zmq_radio_open,
    .close = zmq_radio_close,
    .start = zmq_radio_start,
    .stop = zmq_radio_stop,
    .push = radio_zmq_push,
    .pull = radio_zmq_pull,
    .next_event = zmq_radio_next_event,
    .counts = zmq_radio_counts,
    .now = zmq_radio_now,
    .set_gain = zmq_set_gain,
    .drained = radio_zmq_drained,
};
