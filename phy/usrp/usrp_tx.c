/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Packets from the host:
 *
 *     [sequence] [VRT header: bit 26 trailer, 25 start, 24 end of burst, 20 time, 28 stream id]
 *     [time, 2 words] [samples] [trailer]
 *
 * They are checked as they arrive (sequence, lateness) and wait in the transmit buffer, which is as
 * large as the device's.  A packet that is in error is dropped, and with the policy "next burst"
 * the rest of its burst too; what is dropped waits its turn all the same, because the flow control
 * counts in order.
 */
#include "usrp/usrp_device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD = 8, MOST_A_LOOP = 256 };
enum { POLICY_NEXT_BURST = 4 };

void usrp_tx_clear(usrp_t *usrp)
{
    usrp_tx_t *tx = &usrp->tx;
    tx->first = tx->used = 0;
    tx->next_sequence = 0;
    tx->in_burst = tx->dropping = tx->out_pending = false;
    tx->flight_count = 0;
    tx->consumed = tx->reported = UINT32_MAX;
}

bool usrp_tx_busy(const usrp_t *usrp)
{
    return usrp->tx.used > 0 || usrp->tx.flight_count > 0 || usrp->tx.out_pending;
}

static uint32_t divider_of(uint32_t word)
{
    const uint32_t cic = word & 0xff;
    return (cic > 0 ? cic : 1) << ((word >> 8 & 1) + (word >> 9 & 1));
}

void usrp_tx_rate(usrp_t *usrp)
{
    usrp_tx_t *tx = &usrp->tx;
    const uint32_t divider = divider_of(usrp->settings[SR_TX_DSP + 2]);
    if (divider != tx->divider) {
        tx->divider = divider;
        tx->out_pending = false;
        usrp_resample_destroy(tx->resample);
        tx->resample = NULL;
        if (divider != usrp->air_divider || usrp->config.clock_ppm != 0.0) {
            const double out_ticks = usrp->air_divider * (1.0 + 1e-6 * usrp->config.clock_ppm);
            tx->resample = usrp_resample_create(divider, out_ticks, USRP_TX_MOST, NULL);
        }
        const size_t room =
            tx->resample != NULL ? usrp_resample_room(tx->resample, USRP_TX_MOST) : USRP_TX_MOST;
        float complex *out = realloc(tx->out, room * sizeof *out);
        if (out != NULL) {
            tx->out = out;
            tx->out_room = room;
        }
    }
    usrp_tx_scale(usrp);
}

/* The host multiplies by 32767 * 2^17 a / S, and by 1/256 more for 8 bits; a as in usrp_rx.c with
   the filter's third power.  We do the opposite. */
void usrp_tx_scale(usrp_t *usrp)
{
    usrp_tx_t *tx = &usrp->tx;
    const double d = fmax(1.0, usrp->settings[SR_TX_DSP + 2] & 0xff);
    const double a = exp2(ceil(log2(pow(d, 3)))) / (1.65 * pow(d, 3));
    const double s = usrp->settings[SR_TX_DSP + 1] & 0x3ffff;
    const double gain_db = usrp->tx_side.gain_db - usrp->config.tx_ref_db;
    tx->gain = (float)pow(10.0, gain_db / 20.0);
    tx->eight_bits = usrp->settings[SR_TX_CTRL + 1] & 1;
    tx->scale = (float)(s * (tx->eight_bits ? 256.0 : 1.0) / (32767.0 * 131072.0 * a) *
                        pow(10.0, gain_db / 20.0));
}

bool usrp_tx_read(const uint8_t *data, size_t size, bool eight_bits, usrp_tx_packet_t *packet)
{
    if (size < 8) {
        return false;
    }
    const uint32_t header = usrp_word(data + 4);
    const bool timed = header >> 20 & 3;
    const size_t words = 1 + (header >> 28 & 1) + (timed ? 2 : 0), tail = header >> 26 & 1;
    const size_t total = header & 0xffff;
    /* The padding of short frames is not counted in the header. */
    if ((header >> 30) != 0 || total < words + tail || 4 * (total + 1) > size) {
        return false;
    }
    const uint8_t *at = data + 4 + 4 * words;
    const size_t payload = 4 * (total - words - tail);
    size_t empty = 0;
    if (tail == 1 && eight_bits) {
        const uint32_t trailer = usrp_word(at + payload);
        empty = (trailer >> 22 & trailer >> 10 & 1) == 1 ? 2 : 0;
    }
    *packet = (usrp_tx_packet_t){
        .sequence = usrp_word(data),
        .start = header >> 25 & 1,
        .end = header >> 24 & 1,
        .timed = timed,
        .time = timed ? (uint64_t)usrp_word(at - 8) << 32 | usrp_word(at - 4) : 0,
        .payload = at,
        .samples = eight_bits ? (payload - (payload >= empty ? empty : 0)) / 2 : payload / 4,
    };
    return true;
}

/* --- the buffer: records of {size, drop} and the datagram --- */

static void copy_in(usrp_tx_t *tx, size_t at, const uint8_t *data, size_t size)
{
    at %= USRP_FIFO_BYTES;
    const size_t first = size < USRP_FIFO_BYTES - at ? size : USRP_FIFO_BYTES - at;
    memcpy(tx->bytes + at, data, first);
    memcpy(tx->bytes, data + first, size - first);
}

static void copy_out(const usrp_tx_t *tx, size_t at, uint8_t *data, size_t size)
{
    at %= USRP_FIFO_BYTES;
    const size_t first = size < USRP_FIFO_BYTES - at ? size : USRP_FIFO_BYTES - at;
    memcpy(data, tx->bytes + at, first);
    memcpy(data + first, tx->bytes, size - first);
}

static bool keep(usrp_tx_t *tx, const uint8_t *data, size_t size, bool drop)
{
    uint8_t record[RECORD];
    if (tx->used + RECORD + size > USRP_FIFO_BYTES) {
        return false;
    }
    usrp_put_word(record, (uint32_t)size);
    usrp_put_word(record + 4, drop);
    copy_in(tx, tx->first + tx->used, record, RECORD);
    copy_in(tx, tx->first + tx->used + RECORD, data, size);
    tx->used += RECORD + size;
    return true;
}

size_t usrp_tx_oldest(usrp_t *usrp, uint8_t *data, bool *drop)
{
    usrp_tx_t *tx = &usrp->tx;
    uint8_t record[RECORD];
    if (tx->used == 0) {
        return 0;
    }
    copy_out(tx, tx->first, record, RECORD);
    const size_t size = usrp_word(record);
    *drop = usrp_word(record + 4) != 0;
    copy_out(tx, tx->first + RECORD, data, size);
    tx->first = (tx->first + RECORD + size) % USRP_FIFO_BYTES;
    tx->used -= RECORD + size;
    return size;
}

/* --- arrival --- */

/* True when the packet is in error: answered, counted, to be dropped. */
static bool in_error(usrp_t *usrp, const usrp_tx_packet_t *packet)
{
    usrp_tx_t *tx = &usrp->tx;
    const uint64_t now = usrp_clock_now(usrp);
    const bool in_order = packet->sequence == tx->next_sequence;
    tx->next_sequence = packet->sequence + 1;
    if (!in_order) {
        usrp->counts.sequence_errors++;
        usrp_async_send(usrp, tx->in_burst ? ASYNC_SEQUENCE_IN_BURST : ASYNC_SEQUENCE,
                        packet->sequence, now);
        return true;
    }
    /* Like the device, which has no time for what is far ahead either. */
    const bool out_of_time =
        packet->time < now || packet->time - now > (uint64_t)(RADIO_MAX_AHEAD_S * USRP_TICK_HZ);
    if (packet->timed && !tx->in_burst && (out_of_time || usrp_chance(usrp, usrp->config.late))) {
        usrp->counts.late++;
        usrp_async_send(usrp, ASYNC_LATE, packet->sequence, now);
        return true;
    }
    return false;
}

static void arrive(usrp_t *usrp, const uint8_t *data, size_t size)
{
    usrp_tx_t *tx = &usrp->tx;
    usrp_tx_packet_t packet;
    if (!usrp_tx_read(data, size, tx->eight_bits, &packet)) {
        usrp->counts.malformed++;
        return;
    }
    if (usrp_lose(usrp, &tx->lose)) {
        usrp->counts.tx_lost++;
        return;
    }
    usrp->counts.tx_packets++;
    bool drop = tx->dropping;
    if (drop) {
        tx->next_sequence = packet.sequence + 1;
    } else if (in_error(usrp, &packet)) {
        drop = true;
        tx->dropping = usrp->settings[SR_TX_CTRL + 3] & POLICY_NEXT_BURST;
        tx->in_burst = false;
    } else {
        tx->in_burst = true;
    }
    if (packet.end) {
        tx->in_burst = tx->dropping = false;
    }
    if (!keep(tx, data, size, drop)) {
        usrp->counts.malformed++; /* a host that takes no notice of the flow control */
    }
}

void usrp_tx_serve(usrp_t *usrp)
{
    uint8_t data[USRP_FRAME];
    struct sockaddr_in from;
    size_t size;
    for (int i = 0; i < MOST_A_LOOP && (size = usrp_ports_take(usrp, PORT_TX0, data, &from)) > 0;
         i++) {
        if (size >= 8 && usrp_word(data + 4) == 0) { /* here I am */
            usrp->host[PORT_TX0] = from;
            usrp->known[PORT_TX0] = true;
        } else {
            arrive(usrp, data, size);
        }
    }
}
