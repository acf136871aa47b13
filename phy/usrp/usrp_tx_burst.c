/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the transmit buffer to the air.  A packet's samples are scaled, brought to the air's rate
 * and pushed into the air's ring, where a burst waits for its time; when the air has sent them,
 * the host is told (flow control, burst acknowledge).
 */
#include "usrp/usrp_device.h"

#include <math.h>
#include <string.h>

/* A burst without a time begins so much later, so that the air's next block finds more of it than
   its first packet. */
static const double LATENCY_S = 0.0015;
enum { POLICY_NEXT_BURST = 4, MOST_A_LOOP = 64 };

static uint64_t ring_head(const usrp_t *usrp)
{
    return atomic_load(&usrp->air->segment.header->slot[usrp->air->slot].tx.head);
}

static uint64_t ring_tail(const usrp_t *usrp)
{
    return atomic_load(&usrp->air->segment.header->slot[usrp->air->slot].tx.tail);
}

/* --- one packet's samples --- */

static void unpack(const usrp_tx_packet_t *packet, bool eight_bits, float scale, float complex *x)
{
    const uint8_t *at = packet->payload;
    for (size_t i = 0; i < packet->samples; i++) {
        if (eight_bits) {
            x[i] = CMPLXF(scale * (float)(int8_t)at[2 * i], scale * (float)(int8_t)at[2 * i + 1]);
        } else {
            const uint32_t word = usrp_word(at + 4 * i);
            x[i] = CMPLXF(scale * (float)(int16_t)(word >> 16), scale * (float)(int16_t)word);
        }
    }
}

/* When the burst begins, in the air's samples, and what is left to the resampler. */
static uint64_t begin_at(const usrp_t *usrp, const usrp_tx_packet_t *packet, double *offset_ticks)
{
    *offset_ticks = 0.0;
    const uint64_t divider = usrp->air_divider;
    if (!packet->timed) {
        const uint64_t ahead = (uint64_t)(LATENCY_S * USRP_TICK_HZ);
        return usrp_clock_to_air(usrp, usrp->raw + ahead);
    }
    const uint64_t ticks = usrp_clock_air_ticks(usrp, packet->time - (uint64_t)usrp->offset);
    if (usrp->tx.resample == NULL) {
        return (ticks + divider / 2) / divider;
    }
    const uint64_t sample = (ticks + divider - 1) / divider;
    *offset_ticks = (double)(sample * divider - ticks);
    return sample;
}

static void prepare(usrp_t *usrp, const usrp_tx_packet_t *packet)
{
    usrp_tx_t *tx = &usrp->tx;
    tx->out_start = !tx->air_burst || packet->start;
    tx->out_end = packet->end;
    tx->out_done = 0;
    tx->out_pending = true;
    tx->out_sequence = packet->sequence;
    double offset_ticks = 0.0;
    if (tx->out_start) {
        tx->out_timestamp = begin_at(usrp, packet, &offset_ticks);
    }
    float complex *x = tx->resample != NULL ? tx->samples : tx->out;
    unpack(packet, tx->eight_bits, tx->scale, x);
    usrp_mixer_apply(&usrp->config.tx_mixer, tx->gain, x, packet->samples);
    tx->out_count = packet->samples;
    if (tx->resample != NULL) {
        if (tx->out_start) {
            usrp_resample_reset(tx->resample, offset_ticks);
        }
        /* Behind the last sample comes silence, until the filter has given all of it. */
        const size_t lag = packet->end ? usrp_resample_lag(tx->resample) : 0;
        const size_t most = USRP_TX_MOST - packet->samples;
        const size_t more = lag < most ? lag : most; /* no rate of UHD's asks for more */
        memset(x + packet->samples, 0, more * sizeof *x);
        tx->out_count = usrp_resample_process(tx->resample, x, packet->samples + more, tx->out);
    }
}

/* --- to the air --- */

/* False: the air has no room now. */
static bool end_air_burst(usrp_t *usrp)
{
    const float complex *x[1] = {usrp->tx.samples};
    const radio_push_t end = {.end = true};
    if (radio_backend_air.push(usrp->air, x, 0, &end, 0.0, NULL) < 0) {
        return false;
    }
    usrp->tx.air_burst = false;
    return true;
}

/* True: all of it is there. */
static bool push(usrp_t *usrp)
{
    usrp_tx_t *tx = &usrp->tx;
    if (tx->out_start && tx->air_burst) { /* the host never ended the last one */
        if (!end_air_burst(usrp)) {
            return false;
        }
    }
    if (!tx->out_start && !tx->air_burst) {
        tx->out_pending = false; /* its burst was cut short by an underflow */
        return true;
    }
    const float complex *x[1] = {tx->out + tx->out_done};
    const radio_push_t how = {tx->out_start, tx->out_end, tx->out_timestamp};
    const ssize_t taken =
        radio_backend_air.push(usrp->air, x, tx->out_count - tx->out_done, &how, 0.0, NULL);
    if (taken < 0) {
        return false;
    }
    tx->air_burst = true;
    tx->out_start = false;
    tx->out_done += (size_t)taken;
    if (tx->out_done < tx->out_count) {
        return false;
    }
    tx->air_burst = !tx->out_end;
    tx->out_pending = false;
    return true;
}

/* Remembers a packet until the air has passed `position`. */
static void follow(usrp_t *usrp, uint32_t sequence, bool acknowledge)
{
    usrp_tx_t *tx = &usrp->tx;
    tx->flights[(tx->flight_first + tx->flight_count++) % USRP_FLIGHTS] =
        (usrp_flight_t){ring_head(usrp), sequence, acknowledge};
}

static void feed(usrp_t *usrp)
{
    usrp_tx_t *tx = &usrp->tx;
    uint8_t data[USRP_FRAME];
    /* Bounded: receiving wants its turn. */
    for (int i = 0; i < MOST_A_LOOP && tx->flight_count < USRP_FLIGHTS; i++) {
        if (tx->out_pending) {
            if (!push(usrp)) {
                return;
            }
            follow(usrp, tx->out_sequence, tx->out_end);
            continue;
        }
        bool drop;
        usrp_tx_packet_t packet;
        const size_t size = usrp_tx_oldest(usrp, data, &drop);
        if (size == 0) {
            return;
        }
        if (!usrp_tx_read(data, size, tx->eight_bits, &packet)) {
            continue; /* the format has changed meanwhile */
        }
        if (drop) {
            follow(usrp, packet.sequence, false);
        } else {
            prepare(usrp, &packet);
        }
    }
}

/* --- answers --- */

static void land(usrp_t *usrp)
{
    usrp_tx_t *tx = &usrp->tx;
    const uint64_t tail = ring_tail(usrp);
    while (tx->flight_count > 0) {
        const usrp_flight_t *flight = &tx->flights[tx->flight_first];
        if ((int64_t)(tail - flight->position) < 0) {
            return;
        }
        tx->consumed = flight->sequence;
        if (flight->acknowledge) {
            usrp_async_send(usrp, ASYNC_ACK, flight->sequence, usrp_clock_now(usrp));
        }
        tx->flight_first = (tx->flight_first + 1) % USRP_FLIGHTS;
        tx->flight_count--;
    }
}

static void update(usrp_t *usrp)
{
    usrp_tx_t *tx = &usrp->tx;
    const uint32_t cycles = usrp->settings[SR_TX_CTRL + 4],
                   packets = usrp->settings[SR_TX_CTRL + 5];
    const bool enough = packets >> 31 && tx->consumed - tx->reported >= (packets & 0x7fffffff);
    const bool time = cycles >> 31 && usrp->raw >= tx->next_update;
    if (enough || time) {
        tx->reported = tx->consumed;
        tx->next_update = usrp->raw + (cycles & 0x7fffffff);
        usrp_async_send(usrp, ASYNC_UPDATE, tx->consumed, usrp_clock_now(usrp));
    }
}

/* What the air says about our bursts. */
static void hear_air(usrp_t *usrp)
{
    usrp_tx_t *tx = &usrp->tx;
    radio_event_t event;
    while (radio_backend_air.next_event(usrp->air, &event)) {
        const uint64_t time = usrp_clock_now(usrp);
        if (event.kind == RADIO_EVENT_UNDERFLOW && tx->air_burst) {
            usrp->counts.underflows++;
            usrp_async_send(usrp, ASYNC_UNDERFLOW, tx->out_sequence, time);
            tx->in_burst = false;
            if (usrp->settings[SR_TX_CTRL + 3] & POLICY_NEXT_BURST) {
                tx->dropping = true;
            }
            if (!tx->out_pending) {
                (void)end_air_burst(usrp);
            }
        }
    }
}

void usrp_tx_burst_run(usrp_t *usrp)
{
    if (usrp_tx_busy(usrp) || usrp->tx.air_burst) {
        hear_air(usrp);
        feed(usrp);
        land(usrp);
    }
    if (usrp->known[PORT_TX0]) {
        update(usrp);
    }
}
